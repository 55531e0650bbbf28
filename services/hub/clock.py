"""Correction of the hub's times when the system clock is set.

The store's times and all spans are in the hub's pipeline time, which no correction
changes. The metrics' timestamps are UTC and follow the correction. A new hub moves the
store's times to its own pipeline time.
"""

from contextlib import suppress
from typing import cast, final

from pipelines.clock import NS_PER_S, Clock, span_text
from services.errors import StoreError
from services.hub.metrics.hub import HubMetrics
from services.hub.topics import Topics
from services.store.notes import CLOCK_CORRECTION
from services.store.outbox import Message
from services.store.store import Store


@final
class HubClock:
    """Follows the corrections of the hub's clock."""

    def __init__(
        self, clock: Clock, store: Store, metrics: HubMetrics, topics: Topics
    ) -> None:
        self._clock, self._store = clock, store
        self._metrics, self._topics = metrics, topics
        self._correction_ns = 0
        with suppress(StoreError):  # a full disk must not prevent the start
            store.outbox.move_times(
                cast("int | None", store.notes.recall(CLOCK_CORRECTION)) or 0
            )
            store.notes.note(CLOCK_CORRECTION, 0)

    def utc_ns(self) -> int:
        """Return UTC, by the system clock as it is now."""
        return self._clock.now_ns() + self._clock.correction_ns()

    def follow(self) -> list[Message]:
        """Apply a new correction; return the message about it, if it is large.

        Raises:
            StoreError: If it cannot be stored for the next hub.
        """
        correction_ns = self._clock.correction_ns()
        moved_ns = correction_ns - self._correction_ns
        if moved_ns == 0:
            return []
        self._store.notes.note(CLOCK_CORRECTION, correction_ns)
        self._metrics.correct(correction_ns)
        self._correction_ns = correction_ns
        if abs(moved_ns) < NS_PER_S:
            return []
        text = f"the clock was corrected by {span_text(moved_ns)}"
        return [self._topics.technical("clock", "corrected", text, self.utc_ns())]
