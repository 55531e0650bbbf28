"""The longest useful wait for a wearable, from the lag of its batches.

The *lag* of a batch is the age of its oldest sample on arrival: the time over which the
wearable collected the batch, plus the transport::

    samples   t0 . . . . . . . . . t1
    batch     [------ lag ---------------) arrival

So a sample of time ``t`` arrives by ``t`` + *patience*. Patience is the greatest lag of
the last minute plus a margin, but never more than the ceiling. A window does not wait
once its first missing sample is overdue. This rule limits the cost of a wearable that
falls silent: the first missing sample stays the same, becomes overdue once, and no
later window waits.

Windows do not wait for a wearable whose last three batches all came later than the
ceiling, since the wait would be useless.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, final

from pipelines.clock import seconds_to_ns
from pipelines.records import ImuBatch, SourceState

_MEMORY_NS = seconds_to_ns(60.0)
_LEAST_REMEMBERED = 4
"""Number of latest batches whose lag counts at any age."""
_MARGIN_RATIO = 1.25
_MARGIN_NS = seconds_to_ns(0.25)
_KNOWN_AFTER = 3
"""Number of batches before the lag is used; until then patience is the ceiling."""
_TOO_LATE_IN_A_ROW = 3

NEVER_NS = 0
"""A time in the past: no wait."""


@dataclass(frozen=True, slots=True)
class WearableWaitSettings:
    """The longest wait of windows for their wearable.

    Attributes:
        ceiling_s: Longest wait in seconds at any lag; 0 never waits.

    Raises:
        ValueError: If ``ceiling_s`` is negative or not finite.
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
    """Estimator of the latest useful arrival time of one wearable's samples."""

    def __init__(self, settings: WearableWaitSettings | None = None) -> None:
        settings = settings or WearableWaitSettings()
        self.ceiling_ns = seconds_to_ns(settings.ceiling_s)
        self._batches = 0
        self._latest_ns = deque[int](maxlen=_TOO_LATE_IN_A_ROW)
        self._longest = deque[_Lag]()  # lags decrease, the first is the greatest
        self._is_online = False
        self._first_asked_ns: int | None = None

    def set_state(self, state: SourceState) -> None:
        """Record the wearable's state: without its broker no batch can arrive.

        A stalled wearable changes nothing: its missing samples become overdue.
        """
        if state == "offline":
            self._is_online = False
        elif not self._batches:  # otherwise the next batch sets it
            self._is_online = True

    def add_batch(self, batch: ImuBatch, now_ns: int) -> None:
        """Record the lag of a batch that arrived now."""
        if not len(batch.timestamps_ns):
            return
        self._is_online = True
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
        """Time after which a sample is overdue, in nanoseconds; 0 means no wait."""
        if not self._is_online:
            return 0
        if self._latest_ns and min(self._latest_ns) > self.ceiling_ns:
            return 0
        if self._batches < _KNOWN_AFTER:
            return self.ceiling_ns
        patience_ns = round(self._longest[0].lag_ns * _MARGIN_RATIO) + _MARGIN_NS
        return min(patience_ns, self.ceiling_ns)

    def deadline_ns(self, sample_ns: int, now_ns: int) -> int:
        """Return the time until which to wait for a sample; ``NEVER_NS`` for no wait.

        Before the first batch the start of the wearable is unknown: once connected, it
        has one ceiling of time from the first call on.

        Args:
            sample_ns: Time of the sample; 0 if it is before all samples so far.
            now_ns: The present time.
        """
        patience_ns = self.patience_ns
        if not patience_ns:
            return NEVER_NS
        if self._batches:
            return sample_ns + patience_ns
        if self._first_asked_ns is None:
            self._first_asked_ns = now_ns
        return self._first_asked_ns + patience_ns
