"""What moves alarms on beside events: time, and the answers of people.

console ─▶ store ──┐
├─▶ AlarmDesk ─▶ store: the alarm with the answer's outcome
…/alarm/ID/ack ────┘
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol, final

from pipelines.clock import Clock
from pipelines.live.alarms import Alarm
from services.errors import StoreError
from services.hub.alarms.answers import Answer, AnswerError, read_facts
from services.hub.alarms.desk import AlarmDesk
from services.hub.clock import HubClock
from services.hub.metrics.subjects import SubjectMetrics
from services.hub.topics import Topics
from services.store.answers import Answers, StoredAnswer

logger = logging.getLogger(__name__)

_MOST_ANSWERS = 256
_ROUND_S = 0.5
"""Time between two looks at what is due."""
_LOOK_S = 0.25
"""Time between two looks for answers in the store."""


class KeepAlarms(Protocol):
    """Puts changed alarms and the outcomes of stored answers on the disk."""

    async def __call__(
        self, alarms: Sequence[Alarm], outcomes: Mapping[int, str]
    ) -> None:
        """Store them in one transaction; the desk's lock is held.

        Raises:
            StoreError: If they cannot be stored.
        """
        ...


@final
class AlarmRounds:
    """An ``Inbox`` of answers, and three tasks that run until they are cancelled.

    Args:
        desk: The alarms.
        clock: Clock of the rounds.
        dates: The hub's dates.
        metrics: Shows how many alarms wait for an answer.
        topics: Topics of the site.
        answers: Answers in the store.
        keep: Puts what has changed on the disk.
    """

    def __init__(
        self,
        desk: AlarmDesk,
        clock: Clock,
        dates: HubClock,
        metrics: SubjectMetrics,
        topics: Topics,
        answers: Answers,
        keep: KeepAlarms,
    ) -> None:
        self._desk, self._metrics, self._keep = desk, metrics, keep
        self._clock, self._dates, self._stored = clock, dates, answers
        self._heard: asyncio.Queue[tuple[str, str, bytes]]
        self._heard = asyncio.Queue(_MOST_ANSWERS)
        self._has_looked = asyncio.Event()
        self.topics = topics.alarm_answers

    def receive(self, topic: str, payload: bytes) -> None:
        """Receive an answer to an alarm."""
        *_, about, kind = topic.split("/")
        if self._heard.full() or not topic.isprintable():
            logger.warning("an answer to an alarm is ignored: too many, or a bad topic")
            return
        self._heard.put_nowait((about, kind, payload))

    async def take_heard(self) -> None:
        """Apply the answers that came by MQTT, each once it is on the disk."""
        while True:
            about, kind, payload = await self._heard.get()
            try:
                answer = Answer(about, kind, read_facts(payload))
                async with self._desk.changing():
                    changed = self._desk.of_answer(answer, self._dates.utc_ns())
                    await self._keep(changed, {})
            except AnswerError as err:
                logger.warning(
                    "an answer on …/alarm/%s/%s is ignored: %s", about, kind, err
                )
            except StoreError:  # said already; the person sees that nothing changed
                pass

    async def take_stored(self) -> None:
        """Apply the answers in the store, and store what became of each."""
        while True:
            with suppress(StoreError):  # said already; they are still there
                waiting = await asyncio.to_thread(self._stored.waiting, _MOST_ANSWERS)
                for answer in waiting:
                    await self._apply(answer)
            self._has_looked.set()
            await self._clock.sleep_s(_LOOK_S)

    async def move_on(self) -> None:
        """Let time act: confirm, escalate, end a snooze, tell a long lie.

        What was answered while the hub was down comes first, so that an alarm which
        somebody has acknowledged does not escalate.
        """
        await self._has_looked.wait()
        while True:
            with suppress(StoreError):  # said already; they are due again
                async with self._desk.changing():
                    due = self._desk.of_time(self._dates.utc_ns())
                    await self._keep(due, {})
            self._metrics.alarms(self._desk.unanswered)
            await self._clock.sleep_s(_ROUND_S)

    async def _apply(self, stored: StoredAnswer) -> None:
        facts = {**stored.facts, "by": stored.by}
        answer = Answer(stored.about, stored.kind, facts)
        async with self._desk.changing():
            changed, outcome = [], ""
            try:
                changed = self._desk.of_answer(answer, self._dates.utc_ns())
            except AnswerError as err:
                outcome = str(err)
            await self._keep(changed, {stored.number: outcome})
