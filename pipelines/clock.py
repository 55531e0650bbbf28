"""The one clock of the pipelines, and the only user of ``time``.

Times are ``int`` nanoseconds of UTC. ``SystemClock`` reads UTC once and then advances
by the monotonic clock, so that a stepped system clock (NTP, a leap second) never
turns an interval negative. A clock for tests stands in ``pipelines.testing``.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol, final, runtime_checkable

NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@runtime_checkable  # annotations are checked at run time under test
class Clock(Protocol):
    """What tells the time and lets it pass."""

    def now_ns(self) -> int:
        """Return nanoseconds of UTC; never less than an earlier answer."""
        ...

    async def sleep_s(self, duration_s: float) -> None:
        """Return once ``duration_s`` seconds have passed on this clock."""
        ...


@final
class SystemClock:
    """UTC at construction, advanced by the monotonic clock."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Return nanoseconds of UTC; never less than an earlier answer."""
        return time.monotonic_ns() + self._offset_ns

    async def sleep_s(self, duration_s: float) -> None:
        """Return once ``duration_s`` seconds have passed."""
        await asyncio.sleep(duration_s)


def seconds_to_ns(duration_s: float) -> int:
    """Turn seconds into whole nanoseconds, rounded to the nearest."""
    return round(duration_s * NS_PER_S)


def ns_to_seconds(duration_ns: int) -> float:
    """Turn nanoseconds into seconds."""
    return duration_ns / NS_PER_S


def utc_datetime(timestamp_ns: int) -> datetime:
    """Return the aware UTC ``datetime`` of a timestamp, to the microsecond."""
    seconds, rest_ns = divmod(timestamp_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest_ns // 1000)


def utc_ns(text: str) -> int:
    """Return the timestamp of an ISO 8601 time with its zone, to the microsecond.

    Raises:
        ValueError: If it is none, or names no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} names no time zone"
        raise ValueError(msg)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
