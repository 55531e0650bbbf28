"""Estimate of the offset of a wearable's clock from the arrival of its batches.

Each batch arrives a transit time after its last sample, so that *delta* = arrival -
device time of the last sample = offset + transit. Transit is never negative and often
short, so the least delta of the last minute is close to the offset. The error is the
shortest transit of that minute::

    delta   |  x        x
            |     x  x     x   x     transit varies
    offset  |--x---------x---x----   the least delta

A batch whose delta is far below the estimate seems to be in the future and is refused:
either the batch is wrong, or the clock was set. A clock that was set (either way) is
accepted once a run of successive batches agrees on a new delta. A backlog sent at once
does not agree, because its deltas shrink from batch to batch.

The first batches are an exception. A late first batch makes the offset too large, and
each punctual batch after it seems to be in the future. There is no evidence for the
late batch then, so the punctual one is accepted at once: otherwise a device that sends
every five seconds would be refused for half a minute.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pipelines.clock import seconds_to_ns

_SPAN_PARTS = 20


@dataclass(frozen=True, slots=True)
class ImuClockSettings:
    """Settings of the estimate.

    Attributes:
        window_s: Length of the window of the least delta, in seconds; it limits the
            error of a drifting clock (50 ppm: 3 ms in 60 s).
        tolerance_s: Longest time by which a corrected time may be ahead of its arrival,
            and greatest difference of the deltas in a run, in seconds.
        run_batches: Number of successive batches that must agree before a clock that
            was set is accepted.
        run_s: Least time from the first to the last batch of a run, in seconds.
        late_start_s: Greatest delay of the first ``run_batches`` batches, in seconds: a
            batch that is ahead of them by at most this is accepted at once.
    """

    window_s: float = 60.0
    tolerance_s: float = 0.5
    run_batches: int = 5
    run_s: float = 1.0
    late_start_s: float = 10.0


@final
class ImuClock:
    """Estimator of the offset from a device's times to pipeline times.

    The applied offset follows the estimate by at most half the gap between two batches,
    so that their samples stay in order. This is too slow for a device that sends
    rarely: a long batch moves the offset by up to a twentieth of its span.

    Attributes:
        steps: Number of times that the device's clock was set.
    """

    def __init__(self, settings: ImuClockSettings | None = None) -> None:
        settings = settings or ImuClockSettings()
        self._window_ns = seconds_to_ns(settings.window_s)
        self._tolerance_ns = seconds_to_ns(settings.tolerance_s)
        self._run_ns = seconds_to_ns(settings.run_s)
        self._run_batches = settings.run_batches
        self._late_start_ns = seconds_to_ns(settings.late_start_s)
        self._believed = 0
        self._least = _SlidingLeast(self._window_ns)
        self._run: list[tuple[int, int]] = []  # (arrival, delta) of deviating batches
        self._applied_ns: int | None = None
        self._newest_device_ns = 0
        self.steps = 0

    @property
    def offset_ns(self) -> int | None:
        """Pipeline time minus device time as applied; None before the first batch."""
        return self._applied_ns

    def correct(
        self, first_device_ns: int, last_device_ns: int, arrival_ns: int
    ) -> int | None:
        """Update the estimate with a batch; return the offset to add to its times.

        Args:
            first_device_ns: Device time of the batch's first sample.
            last_device_ns: Device time of its last sample.
            arrival_ns: Pipeline time of its arrival; never less than before.

        Returns:
            The offset, or None if the batch would be in the future.
        """
        delta_ns = arrival_ns - last_device_ns
        if self._applied_ns is None:
            return self._start([(arrival_ns, delta_ns)], last_device_ns)
        ahead_ns = self._applied_ns - delta_ns
        if abs(ahead_ns) > self._tolerance_ns:
            is_known = self._believed >= self._run_batches
            if not is_known and 0 < ahead_ns <= self._late_start_ns:
                return self._start([(arrival_ns, delta_ns)], last_device_ns)
            if self._ends_run(arrival_ns, delta_ns):
                self.steps += 1
                return self._start(self._run, last_device_ns)
            return None if ahead_ns > 0 else self._applied_ns
        self._run.clear()
        self._believed += 1
        self._least.add(arrival_ns, delta_ns)
        gap_ns = max(0, first_device_ns - self._newest_device_ns)
        span_ns = last_device_ns - first_device_ns
        most_ns = max(gap_ns // 2, span_ns // _SPAN_PARTS)
        move_ns = self._least.value() - self._applied_ns
        self._applied_ns += max(-most_ns, min(most_ns, move_ns))
        self._newest_device_ns = max(self._newest_device_ns, last_device_ns)
        return self._applied_ns

    def _ends_run(self, arrival_ns: int, delta_ns: int) -> bool:
        """Add a deviating batch to the run; return whether the run is long enough."""
        deltas_ns = [delta_ns, *(delta for _, delta in self._run)]
        if max(deltas_ns) - min(deltas_ns) > self._tolerance_ns:
            self._run.clear()
        self._run.append((arrival_ns, delta_ns))
        span_ns = arrival_ns - self._run[0][0]
        return len(self._run) >= self._run_batches and span_ns >= self._run_ns

    def _start(self, run: Sequence[tuple[int, int]], last_device_ns: int) -> int:
        """Restart the estimate with the deltas of a run."""
        self._believed += len(run)
        self._least = _SlidingLeast(self._window_ns)
        for arrival_ns, delta_ns in run:
            self._least.add(arrival_ns, delta_ns)
        self._run = []
        self._newest_device_ns = last_device_ns
        self._applied_ns = self._least.value()
        return self._applied_ns


@final
class _SlidingLeast:
    """The minimum over a sliding window of time; O(1) per call on average."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._rising: deque[tuple[int, int]] = deque()  # (time, value), both rising

    def add(self, time_ns: int, value: int) -> None:
        while self._rising and self._rising[-1][1] >= value:
            self._rising.pop()
        self._rising.append((time_ns, value))
        while self._rising[0][0] < time_ns - self._window_ns:
            self._rising.popleft()

    def value(self) -> int:
        return self._rising[0][1]
