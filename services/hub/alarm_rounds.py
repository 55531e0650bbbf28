"""What moves alarms on beside events: time, and the answers of people over MQTT."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import final

from pipelines.clock import Clock
from pipelines.live.alarms import Alarm
from services.errors import StoreError
from services.hub.alarm_desk import AlarmDesk, Answer, AnswerError
from services.hub.clock import HubClock
from services.hub.metrics import Metrics
from services.hub.topics import Topics

logger = logging.getLogger(__name__)

_MOST_ANSWERS = 256
_ROUND_S = 0.5
"""Time between two looks at what is due."""


@final
class AlarmRounds:
    """An ``Inbox`` of answers, and two tasks that run until they are cancelled.

    ``store`` puts changed alarms on the disk, or raises ``StoreError``; the desk's lock
    is held meanwhile.
    """

    def __init__(
        self,
        desk: AlarmDesk,
        clock: Clock,
        dates: HubClock,
        metrics: Metrics,
        topics: Topics,
        store: Callable[[Sequence[Alarm]], Awaitable[None]],
    ) -> None:
        self._desk, self._metrics, self._store = desk, metrics, store
        self._clock, self._dates = clock, dates
        self._answers: asyncio.Queue[Answer] = asyncio.Queue(_MOST_ANSWERS)
        self.topics = topics.alarm_answers

    def receive(self, topic: str, payload: bytes) -> None:
        """Receive an answer to an alarm."""
        *_, about, kind = topic.split("/")
        if self._answers.full() or not topic.isprintable():
            logger.warning("an answer to an alarm is ignored: too many, or a bad topic")
            return
        self._answers.put_nowait(Answer(about, kind, payload))

    async def take_answers(self) -> None:
        """Apply the answers, each once it is on the disk."""
        while True:
            answer = await self._answers.get()
            async with self._desk.changing:
                try:
                    await self._store(
                        self._desk.of_answer(answer, self._dates.utc_ns())
                    )
                except AnswerError as err:
                    logger.warning(
                        "an answer on …/alarm/%s/%s is ignored: %s",
                        *(answer.about, answer.kind, err),
                    )
                except StoreError:  # said already; the person sees that nothing changed
                    pass

    async def move_on(self) -> None:
        """Let time act: confirm, escalate, end a snooze, tell a long lie."""
        while True:
            async with self._desk.changing:
                now_ns = self._dates.utc_ns()
                due = self._desk.of_time(now_ns, self._clock.correction_ns())
                with suppress(StoreError):  # said already; they are due again
                    await self._store(due)
                self._metrics.alarms(self._desk.unanswered)
            await self._clock.sleep_s(_ROUND_S)
