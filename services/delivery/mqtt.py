"""The outbox to an MQTT broker: each topic in order, until delivery is proven.

    store ──by topic──▶ publish, QoS 1 ──proven──▶ delivered
      ▲                    │ refused, or not proven
      └── tried again ◀────┘ with growing pauses; other topics go on

``services.delivery.session`` says what counts as proof. If this process dies, the
broker publishes its last will: the site's status ``offline``.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from random import Random
from typing import Any, final

import aiomqtt

from pipelines.clock import Clock, ns_to_seconds, utc_datetime
from pipelines.sources.backoff import Backoff
from pipelines.sources.mqtt import reason_code, reconnecting
from services.delivery.link import BrokerLink, NoAnswer, refusal_of, why
from services.delivery.observers import Announcer, DeliveryObserver, Inbox
from services.delivery.proof import Proof
from services.delivery.refusals import Kind, Refusals
from services.delivery.session import Refused, Session, text_of
from services.delivery.suspects import Suspects
from services.errors import StoreError
from services.store.outbox import Message, Outbox, Queued
from services.tasks import end_tasks

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
_BATCH_MESSAGES = 64
_TEST_S, _TEST_AGAIN_S = 30.0, 10.0
"""Time between test messages: while they come back, and while they do not."""
_UNSPECIFIED = 0x80
_WITHDRAWALS = 5
"""Number of refusals after which a withdrawal is dropped."""
_ANNOUNCEMENTS = "announcements"
"""The lane of all announcements, because their order across topics matters."""
_LISTENING = "subscriptions"
"""The lane that is refused if a subscription ends the connection."""


@final
class MqttDelivery:
    """Publishes the messages of a store, without end.

    Messages of one topic form a lane: they are published in order. Lanes are
    independent of each other.

    Args:
        link: The broker.
        outbox: The messages that wait.
        clock: Clock of the deliveries.
        greeting: Returns the retained messages to publish on each new connection; the
            first is the site's status, which the last will replaces.
        will: Published by the broker if this process dies, and at the end of ``run``.
        observer: Receives the results.
        rng: Random generator for the pauses.
        test_topic: Topic of test messages, which show that the broker passes messages
            on. Without it, an acknowledgement is enough proof.
        announcer: Further messages to publish on each new connection.
        inbox: Receives the messages of others on its topics.

    Attributes:
        proof: Results of the test messages.
        refused: Number of refused or unproven attempts by kind of message.
    """

    def __init__(
        self,
        link: BrokerLink,
        outbox: Outbox,
        clock: Clock,
        *,
        greeting: Callable[[], list[Message]],
        will: Message,
        observer: DeliveryObserver,
        rng: Random | None = None,
        test_topic: str | None = None,
        announcer: Announcer | None = None,
        inbox: Inbox | None = None,
    ) -> None:
        rng = rng or Random()
        self._link, self._outbox, self._clock = link, outbox, clock
        self._greeting, self._will, self._observer = greeting, will, observer
        self._announcer, self._test_topic = announcer, test_topic
        self._inbox, self._inbox_trouble = inbox, ""
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, rng)
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._unstored: dict[str, list[Message]] = {}
        self._refusals, self._suspects = Refusals(rng), Suspects()
        self._avoided = Refusals(rng)
        self.proof = Proof(test_topic)
        self.refused: Counter[str] = Counter()

    @property
    def refused_topics(self) -> int:
        """Number of topics with refused or unproven messages."""
        return len(self._refusals)

    def troubles(self) -> list[str]:
        """Return what prevents deliveries while the broker is connected."""
        refused = [self._inbox_trouble] if self._inbox_trouble else []
        return [*self.proof.troubles(), *self._refusals.troubles(), *refused]

    def wake(self) -> None:
        """Look for new messages in the store."""
        self._idle.clear()
        self._more.set()

    def announce(self) -> None:
        """Publish the announcer's messages again."""
        if self._announcer is not None:
            self._unstored[_ANNOUNCEMENTS] = self._announcer.messages()
            self._refusals.clear(_ANNOUNCEMENTS)
            self.wake()

    async def wait_idle(self) -> None:
        """Wait until nothing in the store can be delivered at present."""
        await self._idle.wait()

    async def run(self) -> None:
        """Publish until cancelled; then publish the site's status offline."""
        failures = (aiomqtt.MqttError, OSError, StoreError)
        await reconnecting(self._connect, self._clock, self._pause_s, failures)

    def _pause_s(self, error: Exception) -> float:
        """Report a failure; return the pause before the next connection."""
        if isinstance(error, StoreError):  # a full disk, which the writer reports too
            logger.warning("%s; delivery starts again", error)
        else:
            reason = why(error)
            self.proof.lost()
            self._observer.connected(False, reason)
            logger.warning("broker %s: %s", self._link, reason)
        return self._backoff.next_s()

    async def _connect(self) -> None:
        will = aiomqtt.Will(self._will.topic, text_of(self._will), qos=1, retain=True)
        async with self._link.connect(will) as client:
            session = Session(
                client,
                self._test_topic,
                may_listen=self._avoided.is_due(_LISTENING, self._clock.now_ns()),
                one_by_one=self._suspects.exist,
                inbox=self._inbox,
            )
            await self._serve(session)

    async def _serve(self, session: Session) -> None:
        """Publish on a connection until it is lost, or until this task is cancelled."""
        self.proof.begin(has_reasons=session.has_reasons)
        self._unstored = {message.topic: [message] for message in self._greeting()}
        self.announce()
        for topic in await asyncio.to_thread(self._outbox.unproven_topics):
            if self._refusals.of(topic) is None:
                self._refusals.refuse(topic, topic, "no echo", "silent", 0)
        self._refusals.try_now(self._clock.now_ns(), also_denied=True)
        self._observer.connected(True, "")
        try:
            await self._publish_lanes(session)
        except asyncio.CancelledError:
            await session.send(self._will, is_patient=False)
            raise
        except aiomqtt.MqttError as error:
            self._find_cause(session, error)
            raise

    async def _publish_lanes(self, session: Session) -> None:
        """Run a lane for each topic that has something to publish."""
        others = [asyncio.create_task(session.listen())]
        if self._inbox is not None:
            await self._open_inbox(session, self._inbox)
        if self._test_topic is not None:
            others.append(asyncio.create_task(self._test(session)))
        lanes: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self._more.clear()
                for lane, queued in (await self._due(lanes.keys())).items():
                    running = self._run_lane(session, lane, queued)
                    lanes[lane] = asyncio.create_task(running)
                if not lanes and not self._more.is_set():
                    self._idle.set()
                await self._until_next([*others, *lanes.values()])
                for lane in [name for name, task in lanes.items() if task.done()]:
                    lanes.pop(lane).result()
                for task in others:
                    if task.done():
                        task.result()
        finally:
            await end_tasks([*others, *lanes.values()])

    async def _open_inbox(self, session: Session, inbox: Inbox) -> None:
        reason = await session.open_inbox()
        trouble = f"{inbox.topics} may not be read: {reason}" if reason else ""
        if trouble and trouble != self._inbox_trouble:
            logger.warning("broker %s: %s", self._link, trouble)
        self._inbox_trouble = trouble

    async def _due(self, busy: Collection[str]) -> dict[str, list[Queued]]:
        """Return the lanes to run, each with its messages in the store."""
        now_ns = self._clock.now_ns()
        chosen = [*self._unstored, *self._refusals.due(now_ns)]
        found: dict[str, list[Queued]] = {
            lane: []
            for lane in chosen
            if lane not in busy and self._refusals.is_due(lane, now_ns)
        }
        without = {*busy, *self._refusals.held(now_ns)}
        for each in await asyncio.to_thread(
            self._outbox.waiting, _BATCH_MESSAGES, without
        ):
            found.setdefault(each.message.topic, []).append(each)
        return found

    async def _until_next(self, tasks: list[asyncio.Task[None]]) -> None:
        """Wait until a task is done, a message is new, or a refused lane is due."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._more.wait())]
        due_ns = self._refusals.next_due_ns()
        if due_ns is not None:
            pause_s = max(0.1, ns_to_seconds(due_ns - self._clock.now_ns()))
            waits.append(asyncio.create_task(self._clock.sleep_s(pause_s)))
        try:
            await asyncio.wait([*tasks, *waits], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(waits)

    async def _run_lane(
        self, session: Session, lane: str, queued: list[Queued]
    ) -> None:
        """Publish a topic's messages in order, until one is refused."""
        if not await self._send_unstored(session, lane):
            return
        is_silent = self._is_silent(lane)
        if is_silent and await self._probe(session, lane):
            return
        for each in queued:
            message = each.message
            is_patient = not is_silent and not self.proof.is_missing
            refused = await session.send(message, is_patient=is_patient)
            if refused is None:
                await self._note_delivery(lane, each)
            elif refused.is_silent:
                is_silent = True
                now_ns = self._clock.now_ns()
                await asyncio.to_thread(self._outbox.unproven, each.number, now_ns)
                self._refuse(lane, message, refused)
            else:
                await self._keep(lane, each, refused)
                return
        if not queued and not is_silent:
            self._clear(lane)

    async def _send_unstored(self, session: Session, lane: str) -> bool:
        """Publish the lane's messages that are not in the store.

        Returns:
            Whether the lane may go on.
        """
        if lane in self._unstored and lane == _ANNOUNCEMENTS and self._announcer:
            self._unstored[lane] = self._announcer.messages()  # without the delivered
        messages = self._unstored.get(lane, [])
        kept: list[Message] = []
        for number, message in enumerate(messages):
            refused = await session.send(message, is_patient=not kept)
            if refused is None:
                self._suspects.answered(message.topic)
                self._backoff.reset()
                if lane == _ANNOUNCEMENTS and self._announcer is not None:
                    await self._announcer.announced(message)
            elif refused.is_silent or message.payload:
                self._refuse(lane, message, refused)
                kept.append(message)
                if not refused.is_silent:
                    kept += messages[number + 1 :]
                    break
            else:  # the next connection tries the withdrawal again
                logger.warning(
                    "broker %s: refuses to delete the retained message of %s: %s",
                    *(self._link, message.topic, refused.reason),
                )
        if (
            self._unstored.get(lane) is messages
        ):  # otherwise they were replaced meanwhile
            self._unstored[lane] = kept
            if not kept:
                del self._unstored[lane]
        if messages and not kept:
            self._clear(lane)
        return not kept or self._is_silent(lane)

    def _is_silent(self, lane: str) -> bool:
        refusal = self._refusals.of(lane)
        return refusal is not None and refusal.is_silent

    async def _probe(self, session: Session, lane: str) -> bool:
        """Publish a lane's oldest unproven message again.

        This keeps the order of a topic when its messages get through again.

        Returns:
            Whether the lane has nothing else to publish at present.
        """
        oldest = await asyncio.to_thread(self._outbox.oldest_unproven, lane)
        if oldest is None:
            if lane not in self._unstored:
                self._clear(lane)
            return False
        now_ns = self._clock.now_ns()
        if self.proof.is_missing and not self._refusals.is_due(lane, now_ns):
            return False  # no echo would come back
        refused = await session.send(oldest.message)
        if refused is not None:
            self._refuse(lane, oldest.message, refused)
            return not refused.is_silent
        await asyncio.to_thread(self._outbox.publish_again, lane)
        await self._note_delivery(lane, oldest)
        return True

    async def _note_delivery(self, lane: str, queued: Queued) -> None:
        now_ns = self._clock.now_ns()
        await asyncio.to_thread(self._outbox.delivered, queued.number, now_ns)
        self._observer.delivered(queued, now_ns)
        self._clear(lane)
        self._suspects.answered(queued.message.topic)
        self._backoff.reset()

    async def _keep(self, lane: str, queued: Queued, refused: Refused) -> None:
        """Let a refused message wait; drop a withdrawal that is refused repeatedly."""
        self._refuse(lane, queued.message, refused)
        refusal = self._refusals.of(lane)
        tries = 0 if refusal is None else refusal.tries
        if not queued.message.payload and tries >= _WITHDRAWALS:
            await asyncio.to_thread(self._outbox.drop, queued.number)
            logger.warning(
                "broker %s: the retained message of %s stays there", self._link, lane
            )

    def _refuse(self, lane: str, message: Message, refused: Refused) -> None:
        kind: Kind = "denied"
        if refused.is_silent:
            kind = "unprovable" if self.proof.is_missing else "silent"
        else:
            self._suspects.answered(message.topic)
            self._backoff.reset()
        now_ns = self._clock.now_ns()
        self.refused[message.key.split()[0]] += 1
        if self._refusals.refuse(lane, message.topic, refused.reason, kind, now_ns):
            logger.warning("broker %s: %s", self._link, self._refusals.of(lane))

    def _clear(self, lane: str) -> None:
        if self._refusals.clear(lane):
            logger.warning("broker %s: %s is delivered again", self._link, lane)

    def _find_cause(self, session: Session, error: aiomqtt.MqttError) -> None:
        """Refuse the message that made the broker close the connection, if known."""
        code = reason_code(error)
        cause = self._suspects.connection_lost(session.in_flight, code)
        if cause is None:
            return
        topic, step = cause
        lane, refusals = _lane_of(topic), self._refusals
        if step == "subscribe" or topic == self._test_topic:
            refusals = self._avoided
            lane = _LISTENING if step == "subscribe" else topic
        reason = "it closes the connection; see its access list"
        if isinstance(error, NoAnswer):
            reason = "it does not acknowledge it"
        elif code is not None and code != _UNSPECIFIED:
            reason = refusal_of(code) or reason
        refusals.refuse(lane, topic, reason, "closed", self._clock.now_ns())
        logger.warning("broker %s: %s", self._link, refusals.of(lane))

    async def _test(self, session: Session) -> None:
        """Test at intervals whether the broker passes messages on."""
        assert self._test_topic is not None
        while True:
            now_ns = self._clock.now_ns()
            at = utc_datetime(now_ns).isoformat()
            test = Message("test", self._test_topic, {"v": 1, "type": "test", "at": at})
            reason = "is not sent: the broker closes the connection at it"
            if self._avoided.is_due(self._test_topic, now_ns):
                reason = await session.test(text_of(test))
                self._avoided.clear(self._test_topic)
                self._suspects.answered(self._test_topic)
            if self.proof.tested(reason):
                self._refusals.try_now(self._clock.now_ns())
                self.wake()
            await self._clock.sleep_s(_TEST_AGAIN_S if reason else _TEST_S)


def _lane_of(topic: str) -> str:
    return _ANNOUNCEMENTS if topic.startswith("homeassistant/") else topic
