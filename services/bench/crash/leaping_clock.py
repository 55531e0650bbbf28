"""A clock that processes share, and that leaps ahead while the broker is away.

    real time   |--------- 1 s ---------|
    broker      away                    back
    this clock  |-------- 10 min -------|

So what the hub does in a long outage happens within a short one.
"""

import asyncio
import multiprocessing
from ctypes import c_int64
from typing import Final, final

from pipelines.clock import SystemClock, ns_to_seconds, seconds_to_ns

_LOOK_S: Final = 0.02  # a sleeper sees a leap after this time

Leapt = c_int64
"""Nanoseconds that the clock is ahead, in memory that processes share."""


def shared_leapt() -> Leapt:
    """Return a number that may be given to a process as it is started."""
    shared: Leapt = multiprocessing.get_context("forkserver").RawValue(c_int64, 0)
    return shared


@final
class LeapingClock:
    """UTC, and what it has leapt ahead.

    Args:
        leapt: From ``shared_leapt``; one process makes it leap.
    """

    def __init__(self, leapt: Leapt) -> None:
        self._clock, self._leapt = SystemClock(), leapt

    def now_ns(self) -> int:
        """Return pipeline time; never less than an earlier answer."""
        return self._clock.now_ns() + self._leapt.value

    def correction_ns(self) -> int:
        """Return the system clock's own correction: a leap is none."""
        return self._clock.correction_ns()

    async def sleep_s(self, duration_s: float) -> None:
        """Return once the seconds have passed or been leapt over."""
        until_ns = self.now_ns() + seconds_to_ns(duration_s)
        while True:
            left_s = ns_to_seconds(until_ns - self.now_ns())
            await asyncio.sleep(max(0.0, min(left_s, _LOOK_S)))
            if self.now_ns() >= until_ns:
                return

    def leap_s(self, duration_s: float) -> None:
        """Leap ahead, in all processes that share the clock."""
        self._leapt.value += seconds_to_ns(duration_s)
