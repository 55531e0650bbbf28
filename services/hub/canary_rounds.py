"""Tests recognition with the known clip at intervals, and reports each change.

The store keeps the first answer of a checkpoint and a prompt set. Later answers are
compared with it, so a restarted hub still notices a change.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast, final

from pipelines.clock import Clock
from services.errors import StoreError
from services.hub.canary import Canary
from services.hub.clock import HubClock
from services.hub.metrics import Metrics
from services.hub.store import Message, Store
from services.hub.topics import Topics

_PATIENCE_S = 30.0


@final
class CanaryRounds:
    """Tests recognition at intervals.

    Args:
        canary: The known clip.
        store: Keeps the first answer.
        clock: Dates the results, and sleeps between them.
        dates: Dates the messages.
        metrics: Receive every result.
        topics: Of the messages.
        publish: Keeps a message for delivery; raises ``StoreError`` if it cannot.

    Attributes:
        trouble: What is wrong with recognition; empty if nothing is.
    """

    def __init__(
        self,
        canary: Canary,
        store: Store,
        clock: Clock,
        dates: HubClock,
        metrics: Metrics,
        topics: Topics,
        publish: Callable[[Message], Awaitable[object]],
    ) -> None:
        self._canary, self._store = canary, store
        self._clock, self._dates = clock, dates
        self._metrics, self._topics = metrics, topics
        self._publish = publish
        self._published: bool | None = None
        self.trouble = "recognition is not tested yet"

    async def run(self, every_s: float) -> None:
        """Test recognition until cancelled.

        Args:
            every_s: Time from a result to the next test.
        """
        while True:
            with suppress(StoreError):  # the hub reports it; the next round tries again
                await self._test()
            await self._clock.sleep_s(every_s)

    async def _test(self) -> None:
        self.trouble = await self._find_trouble()
        is_well = not self.trouble
        self._metrics.canary(is_well, self._clock.now_ns())
        if self._published == is_well:
            return
        state = "cleared" if is_well else "alarmed"
        text = self.trouble or "recognition answers as it should"
        at_ns = self._dates.utc_ns()
        await self._publish(self._topics.technical("canary", state, text, at_ns))
        self._published = is_well

    async def _find_trouble(self) -> str:
        """Return what is wrong with recognition, or an empty text."""
        try:
            answer = await asyncio.wait_for(self._canary.answer(), _PATIENCE_S)
        except TimeoutError:
            return f"recognition has not answered for {_PATIENCE_S:g} s"
        except Exception as err:  # noqa: BLE001  any failure is a result of the test
            return f"recognition fails: {type(err).__name__}"
        known = cast("list[float] | None", self._store.recall(self._canary.name))
        if known is None:
            self._store.note(self._canary.name, answer)
            return ""
        if not self._canary.is_same(answer, known):
            return "recognition answers otherwise than it used to on a known clip"
        return ""
