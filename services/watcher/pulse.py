"""The sign of life of a watcher, and its use of processor cores."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from pipelines.clock import Clock, ns_to_seconds


@dataclass(frozen=True, slots=True)
class Pulse:
    """Sign of life of a watcher.

    Attributes:
        subjects: ``configuration_hash`` by subject.
        cores: Cores that the watcher's process has used since the pulse before.
        every: Number of pictures of which one is used; over 1 during an overload.
    """

    subjects: dict[str, str]
    cores: float = 0.0
    every: int = 1


@final
class CoreMeter:
    """Measures the cores that this process uses.

    Args:
        clock: Clock of the spans.
        used_s: Returns the processor time of this process so far, in seconds.
    """

    def __init__(self, clock: Clock, used_s: Callable[[], float] | None = None) -> None:
        self._clock, self._used_s = clock, used_s or _used_s
        self._at_ns, self._before_s = clock.now_ns(), self._used_s()

    def read(self) -> float:
        """Return the mean number of cores in use since the last call."""
        now_ns, used_s = self._clock.now_ns(), self._used_s()
        span_s, used = ns_to_seconds(now_ns - self._at_ns), used_s - self._before_s
        self._at_ns, self._before_s = now_ns, used_s
        return used / span_s if span_s > 0 else 0.0


def _used_s() -> float:
    times = os.times()
    return times.user + times.system
