"""How long one wearable is worth waiting for, from how its batches arrive.

The *lag* of a batch is the age of its oldest sample when it arrives: the time over
which the wearable collected the batch, and its way to us::

    samples   t0 . . . . . . . . . t1
    batch     [------ lag ---------------) arrival

So a sample taken at ``t`` arrives by ``t`` + *patience*, where patience is the greatest
lag of the last minute with a margin, and never more than the ceiling. Nothing is waited
for beyond a sample that is overdue. This one rule bounds the cost of a wearable that
falls silent: its first missing sample stays the same from then on, becomes overdue
once, and no later window waits.

A wearable whose batches always come later than the ceiling is not waited for either:
each wait would be in vain.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, final

from pipelines.clock import seconds_to_ns
from pipelines.records import ImuBatch, SourceState

_MEMORY_NS = seconds_to_ns(60.0)
_LEAST_REMEMBERED = 4
"""Batches whose lag counts however long ago they came."""
_MARGIN_RATIO = 1.25
_MARGIN_NS = seconds_to_ns(0.25)
_KNOWN_AFTER = 3
"""Batches after which the arrival is known; until then patience is the ceiling."""
_TOO_LATE_IN_A_ROW = 3

NEVER_NS = 0
"""A moment that is past: nothing is waited for."""


@dataclass(frozen=True, slots=True)
class WearableWaitSettings:
    """How long windows wait for their wearable.

    Attributes:
        ceiling_s: Longest wait in seconds, whatever was observed; 0 never waits.

    Raises:
        ValueError: If it is negative or not finite.
    """

    ceiling_s: float = 7.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.ceiling_s < float("inf"):
            msg = f"ceiling_s must be zero or more and finite, got {self.ceiling_s}"
            raise ValueError(msg)


class _Lag(NamedTuple):
    batch: int
    arrival_ns: int
    lag_ns: int


@final
class WearableWait:
    """Says until when a sample of one wearable is worth waiting for.

    Args:
        settings: The ceiling.
    """

    def __init__(self, settings: WearableWaitSettings | None = None) -> None:
        settings = settings or WearableWaitSettings()
        self.ceiling_ns = seconds_to_ns(settings.ceiling_s)
        self._batches = 0
        self._latest_ns = deque[int](maxlen=_TOO_LATE_IN_A_ROW)
        self._longest = deque[_Lag]()  # of falling lags, the first is the greatest
        self._is_heard = False
        self._first_asked_ns: int | None = None

    def report(self, state: SourceState) -> None:
        """Take the wearable's state: without its broker nothing can come.

        That it stalled changes nothing: what it should have sent is overdue by itself.
        """
        if state == "offline":
            self._is_heard = False
        elif not self._batches:  # else the next batch tells
            self._is_heard = True

    def arrive(self, batch: ImuBatch, now_ns: int) -> None:
        """Learn from a batch that arrived now."""
        if not len(batch.timestamps_ns):
            return
        self._is_heard = True
        lag_ns = max(0, now_ns - int(batch.timestamps_ns[0]))
        self._batches += 1
        self._latest_ns.append(lag_ns)
        while self._longest and self._longest[-1].lag_ns <= lag_ns:
            self._longest.pop()
        self._longest.append(_Lag(self._batches, now_ns, lag_ns))
        while self._is_forgotten(self._longest[0], now_ns):
            self._longest.popleft()

    def _is_forgotten(self, lag: _Lag, now_ns: int) -> bool:
        is_old = lag.arrival_ns < now_ns - _MEMORY_NS
        return is_old and lag.batch <= self._batches - _LEAST_REMEMBERED

    @property
    def patience_ns(self) -> int:
        """Time after which a sample is overdue; 0 if none is waited for."""
        if not self._is_heard:
            return 0
        if self._latest_ns and min(self._latest_ns) > self.ceiling_ns:
            return 0
        if self._batches < _KNOWN_AFTER:
            return self.ceiling_ns
        patience_ns = round(self._longest[0].lag_ns * _MARGIN_RATIO) + _MARGIN_NS
        return min(patience_ns, self.ceiling_ns)

    def until_ns(self, sample_ns: int, now_ns: int) -> int:
        """Return until when a missing sample is waited for; ``NEVER_NS`` if not at all.

        Before the first batch nobody knows when the wearable began: once it is
        connected, it has one ceiling from the first question on.

        Args:
            sample_ns: When the sample was taken; 0 if that is before all that came.
            now_ns: The time.
        """
        patience_ns = self.patience_ns
        if not patience_ns:
            return NEVER_NS
        if self._batches:
            return sample_ns + patience_ns
        if self._first_asked_ns is None:
            self._first_asked_ns = now_ns
        return self._first_asked_ns + patience_ns
