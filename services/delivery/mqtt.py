"""The outbox to an MQTT broker: each topic in order, until delivery is proven.

    store ──by topic──▶ publish, QoS 1 ──proven──▶ delivered
      ▲                    │ refused, or nothing proves it
      └── tried again ◀────┘ with growing pauses; other topics go on

What is proof, ``services.delivery.session`` says. A last will says ``offline`` for the
site if we vanish.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from random import Random
from typing import final

import aiomqtt

from pipelines.clock import Clock, ns_to_seconds, utc_datetime
from pipelines.sources.backoff import Backoff
from services.delivery.link import (
    BrokerLink,
    NoAnswer,
    code_of,
    is_refusal,
    refusal_of,
    try_broker,
    why,
)
from services.delivery.observers import Announcer, DeliveryObserver
from services.delivery.proof import Proof
from services.delivery.refusals import Kind, Refusals
from services.delivery.session import Refused, Session, text_of
from services.delivery.strikes import Strikes
from services.errors import StoreError
from services.hub.store import Message, Queued, Store
from services.tasks import end_tasks

__all__ = ["BrokerLink", "MqttDelivery", "is_refusal", "try_broker"]

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
_AT_ONCE = 64
_TEST_S, _TEST_AGAIN_S = 30.0, 10.0
"""Between test messages: while they are heard, and while they are not."""
_UNSPECIFIED = 0x80
_WITHDRAWALS = 5
"""So often the broker may refuse to forget something; then it is dropped."""


@final
class MqttDelivery:
    """Publishes a store's messages for ever.

    Args:
        link: The broker.
        store: Where messages wait.
        clock: Dates what is delivered.
        greeting: What is published, retained, whenever the broker is back; the first
            is the site's own status, whose counterpart is the last will.
        will: Published by the broker if we vanish, and by us when we go.
        observer: Learns what becomes of messages.
        rng: Draws the pauses.
        test_topic: Where test messages show that the broker passes messages on.
            Without it, an acknowledgement is proof enough.
        announcer: What else is published whenever the broker is back.
    """

    def __init__(
        self,
        link: BrokerLink,
        store: Store,
        clock: Clock,
        *,
        greeting: Callable[[], list[Message]],
        will: Message,
        observer: DeliveryObserver,
        rng: Random | None = None,
        test_topic: str | None = None,
        announcer: Announcer | None = None,
    ) -> None:
        rng = rng or Random()
        self._link, self._store, self._clock = link, store, clock
        self._greeting, self._will, self._observer = greeting, will, observer
        self._announcer, self._test_topic = announcer, test_topic
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, rng)
        self._more = asyncio.Event()
        self._idle = asyncio.Event()
        self._loose: dict[str, list[Message]] = {}
        self._refusals, self._strikes = Refusals(rng), Strikes()
        self._avoided = Refusals(rng)
        self.proof = Proof(test_topic)
        self.refused: Counter[str] = Counter()

    @property
    def refused_topics(self) -> int:
        """How many topics have messages that are refused or unproven."""
        return len(self._refusals)

    def troubles(self) -> list[str]:
        """Say what keeps messages from being delivered while the broker is there."""
        return [*self.proof.troubles(), *self._refusals.troubles()]

    def wake(self) -> None:
        """Tell that there is something new in the store."""
        self._idle.clear()
        self._more.set()

    def announce(self) -> None:
        """Publish the announcer's messages again."""
        if self._announcer is not None:
            self._loose[_ANNOUNCEMENTS] = self._announcer.messages()
            self._refusals.clear(_ANNOUNCEMENTS)
            self.wake()

    async def wait_idle(self) -> None:
        """Return once nothing in the store can be delivered at present."""
        await self._idle.wait()

    async def run(self) -> None:
        """Publish until cancelled; then say that the site is offline, if possible."""
        will = aiomqtt.Will(self._will.topic, text_of(self._will), qos=1, retain=True)
        while True:
            try:
                async with self._link.connect(will) as client:
                    now_ns = self._clock.now_ns()
                    session = Session(
                        client,
                        self._test_topic,
                        may_listen=self._avoided.is_due(_LISTENING, now_ns),
                        one_by_one=self._strikes.are_suspected,
                    )
                    await self._serve(session)
            except (aiomqtt.MqttError, OSError) as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():  # the goodbye failed
                    raise asyncio.CancelledError from error
                reason = why(error)
                self.proof.lost()
                self._observer.connected(False, reason)
                logger.warning("broker %s: %s", self._link, reason)
            except StoreError as error:  # a full disk, which the writer reports too
                logger.warning("%s; delivery begins again", error)
            await self._clock.sleep_s(self._backoff.next_s())

    async def _serve(self, session: Session) -> None:
        """Publish on a connection until it is lost, or we are cancelled."""
        self._begin(session)
        for topic in await asyncio.to_thread(self._store.unproven_topics):
            if self._refusals.of(topic) is None:
                self._refusals.refuse(topic, topic, "no echo", "silent", 0)
        self._refusals.hurry(self._clock.now_ns(), also_denied=True)
        self._observer.connected(True, "")
        try:
            await self._publish_lanes(session)
        except asyncio.CancelledError:
            await session.send(self._will, is_patient=False)
            raise
        except aiomqtt.MqttError as error:
            self._strike(session, error)
            raise

    def _begin(self, session: Session) -> None:
        self.proof.begin(has_reasons=session.has_reasons)
        self._loose = {message.topic: [message] for message in self._greeting()}
        self.announce()

    async def _publish_lanes(self, session: Session) -> None:
        """Run a lane for each topic that has something to publish."""
        works = [asyncio.create_task(session.listen())]
        if self._test_topic is not None:
            works.append(asyncio.create_task(self._test(session)))
        lanes: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self._more.clear()
                for lane, queued in (await self._due(lanes.keys())).items():
                    running = self._run_lane(session, lane, queued)
                    lanes[lane] = asyncio.create_task(running)
                if not lanes and not self._more.is_set():
                    self._idle.set()
                await self._until_next([*works, *lanes.values()])
                for lane in [name for name, task in lanes.items() if task.done()]:
                    lanes.pop(lane).result()
                for work in works:
                    if work.done():
                        work.result()
        finally:
            await end_tasks([*works, *lanes.values()])

    async def _due(self, busy: Collection[str]) -> dict[str, list[Queued]]:
        """Return the lanes to run, each with what the store has for it."""
        now_ns = self._clock.now_ns()
        chosen = [*self._loose, *self._refusals.due(now_ns)]
        found: dict[str, list[Queued]] = {
            lane: []
            for lane in chosen
            if lane not in busy and self._refusals.is_due(lane, now_ns)
        }
        without = {*busy, *self._refusals.held(now_ns)}
        for each in await asyncio.to_thread(self._store.waiting, _AT_ONCE, without):
            found.setdefault(each.message.topic, []).append(each)
        return found

    async def _until_next(self, tasks: list[asyncio.Task[None]]) -> None:
        """Return when a task is done, something is new, or a refused lane is due."""
        waits = [asyncio.create_task(_wait(self._more))]
        due_ns = self._refusals.next_due_ns()
        if due_ns is not None:
            pause_s = max(0.1, ns_to_seconds(due_ns - self._clock.now_ns()))
            waits.append(asyncio.create_task(_sleep(self._clock, pause_s)))
        try:
            await asyncio.wait([*tasks, *waits], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(waits)

    async def _run_lane(
        self, session: Session, lane: str, queued: list[Queued]
    ) -> None:
        """Publish a topic's messages in their order, until one is refused."""
        if not await self._send_loose(session, lane):
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
                await asyncio.to_thread(self._store.unproven, each.number, now_ns)
                self._refuse(lane, message, refused)
            else:
                await self._keep(lane, each, refused)
                return
        if not queued and not is_silent:
            self._clear(lane)

    async def _send_loose(self, session: Session, lane: str) -> bool:
        """Publish what is not in the store; tell whether the lane may go on."""
        if lane in self._loose and lane == _ANNOUNCEMENTS and self._announcer:
            self._loose[lane] = self._announcer.messages()  # without what is done
        messages = self._loose.get(lane, [])
        kept: list[Message] = []
        for number, message in enumerate(messages):
            refused = await session.send(message, is_patient=not kept)
            if refused is None:
                self._strikes.took(message.topic)
                self._backoff.reset()
                if lane == _ANNOUNCEMENTS and self._announcer is not None:
                    await self._announcer.announced(message)
            elif refused.is_silent or message.payload:
                self._refuse(lane, message, refused)
                kept.append(message)
                if not refused.is_silent:
                    kept += messages[number + 1 :]
                    break
            else:  # what it may not forget is asked for again at the next connection
                logger.warning(
                    "broker %s: does not forget %s: %s",
                    *(self._link, message.topic, refused.reason),
                )
        if self._loose.get(lane) is messages:  # else there are others by now
            self._loose[lane] = kept
            if not kept:
                del self._loose[lane]
        if messages and not kept:
            self._clear(lane)
        return not kept or self._is_silent(lane)

    def _is_silent(self, lane: str) -> bool:
        refusal = self._refusals.of(lane)
        return refusal is not None and refusal.is_silent

    async def _probe(self, session: Session, lane: str) -> bool:
        """Publish the oldest unproven message again; tell whether that is all for now.

        So a topic keeps its order when its messages get through again.
        """
        oldest = await asyncio.to_thread(self._store.oldest_unproven, lane)
        if oldest is None:
            if lane not in self._loose:
                self._clear(lane)
            return False
        now_ns = self._clock.now_ns()
        if self.proof.is_missing and not self._refusals.is_due(lane, now_ns):
            return False  # nothing would be heard
        refused = await session.send(oldest.message)
        if refused is not None:
            self._refuse(lane, oldest.message, refused)
            return not refused.is_silent
        await asyncio.to_thread(self._store.publish_again, lane)
        await self._note_delivery(lane, oldest)
        return True

    async def _note_delivery(self, lane: str, queued: Queued) -> None:
        now_ns = self._clock.now_ns()
        await asyncio.to_thread(self._store.delivered, queued.number, now_ns)
        self._observer.delivered(queued, now_ns)
        self._clear(lane)
        self._strikes.took(queued.message.topic)
        self._backoff.reset()

    async def _keep(self, lane: str, queued: Queued, refused: Refused) -> None:
        """Let a refused message wait; drop it if it only makes the broker forget."""
        self._refuse(lane, queued.message, refused)
        refusal = self._refusals.of(lane)
        tries = 0 if refusal is None else refusal.tries
        if not queued.message.payload and tries >= _WITHDRAWALS:
            await asyncio.to_thread(self._store.drop, queued.number)
            logger.warning("broker %s: %s stays there", self._link, lane)

    def _refuse(self, lane: str, message: Message, refused: Refused) -> None:
        kind: Kind = "denied"
        if refused.is_silent:
            kind = "unprovable" if self.proof.is_missing else "silent"
        else:
            self._strikes.took(message.topic)
            self._backoff.reset()
        now_ns = self._clock.now_ns()
        self.refused[message.key.split()[0]] += 1
        if self._refusals.refuse(lane, message.topic, refused.reason, kind, now_ns):
            logger.warning("broker %s: %s", self._link, self._refusals.of(lane))

    def _clear(self, lane: str) -> None:
        if self._refusals.clear(lane):
            logger.warning("broker %s: %s is delivered again", self._link, lane)

    def _strike(self, session: Session, error: aiomqtt.MqttError) -> None:
        """Find out whether it was a message that the connection ended at."""
        struck = self._strikes.strike(session.in_flight, code_of(error))
        if struck is None:
            return
        topic, step = struck
        lane, refusals = _lane_of(topic), self._refusals
        if step == "subscribe" or topic == self._test_topic:
            refusals = self._avoided
            lane = _LISTENING if step == "subscribe" else topic
        reason = "it closes the connection; see its access list"
        if isinstance(error, NoAnswer):
            reason = "it does not acknowledge it"
        elif code_of(error) not in (None, _UNSPECIFIED):
            reason = refusal_of(code_of(error) or 0) or reason
        refusals.refuse(lane, topic, reason, "closed", self._clock.now_ns())
        logger.warning("broker %s: %s", self._link, refusals.of(lane))

    async def _test(self, session: Session) -> None:
        """Show now and then that the broker passes messages on."""
        assert self._test_topic is not None
        while True:
            now_ns = self._clock.now_ns()
            at = utc_datetime(now_ns).isoformat()
            test = Message("test", self._test_topic, {"v": 1, "type": "test", "at": at})
            reason = "is avoided: the broker closes the connection at it"
            if self._avoided.is_due(self._test_topic, now_ns):
                reason = await session.test(text_of(test))
                self._avoided.clear(self._test_topic)
                self._strikes.took(self._test_topic)
            if self.proof.tested(reason):
                self._refusals.hurry(self._clock.now_ns())
                self.wake()
            await self._clock.sleep_s(_TEST_AGAIN_S if reason else _TEST_S)


_ANNOUNCEMENTS = "announcements"
"""The lane of all announcements: their order across topics matters."""
_LISTENING = "subscriptions"
"""The lane that is refused where a subscription ends the connection."""


def _lane_of(topic: str) -> str:
    return _ANNOUNCEMENTS if topic.startswith("homeassistant/") else topic


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _sleep(clock: Clock, pause_s: float) -> None:
    await clock.sleep_s(pause_s)
