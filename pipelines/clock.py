"""The one clock of the pipelines, and the only user of ``time``.

Times are ``int`` nanoseconds. *Pipeline time* is the UTC read once at the start,
advanced by the monotonic clock. So a later change of the system clock (NTP on a
machine without a battery-backed clock, a leap second) never makes an interval
negative. The *correction* is the total change of the system clock since the start:
pipeline time plus the correction is UTC. It is added where a time leaves the process::

    system clock   00:00 ── 00:10 │ set by 31 days │ 31 d 00:10 ── 31 d 00:20
    pipeline time  00:00 ── 00:10 ───────────────────── 00:10 ─────── 00:20
    correction         0 ────── 0 ────────────────────── 31 d ──────── 31 d

Tests have a clock of their own, ``tests.fakes``.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol, final, runtime_checkable
from zoneinfo import ZoneInfo

NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DEAD_BAND_NS = NS_PER_S // 50
"""Smaller differences are reading noise: the two clocks are read one after the other,
and seem to differ by some milliseconds."""
_REPORTED_NS = NS_PER_S
_READ_WITHIN_NS = 50_000
_READ_TRIES = 5

logger = logging.getLogger(__name__)


@runtime_checkable  # annotations are checked at run time under test
class Clock(Protocol):
    """A source of pipeline time, of its correction to UTC, and of sleep."""

    def now_ns(self) -> int:
        """Return pipeline time; never less than an earlier answer."""
        ...

    def correction_ns(self) -> int:
        """Return the current offset from pipeline time to UTC, in nanoseconds."""
        ...

    async def sleep_s(self, duration_s: float) -> None:
        """Return once ``duration_s`` seconds have passed on this clock."""
        ...


@final
class SystemClock:
    """UTC at construction, advanced by the monotonic clock."""

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns, self._monotonic_ns = wall_ns, monotonic_ns
        self._offset_ns = self._difference_ns()
        self._correction_ns = 0
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        """Return pipeline time; never less than an earlier answer."""
        return self._monotonic_ns() + self._offset_ns

    def correction_ns(self) -> int:
        """Return the current offset from pipeline time to UTC, in nanoseconds.

        A correction of a second or more is logged, once.
        """
        with self._lock:
            known_ns = self._offset_ns + self._correction_ns
            moved_ns = self._difference_ns() - known_ns
            if abs(moved_ns) < _DEAD_BAND_NS:
                return self._correction_ns
            self._correction_ns += moved_ns
        if abs(moved_ns) >= _REPORTED_NS:
            logger.warning(
                "the clock was corrected by %s; times follow it, spans are unchanged",
                span_text(moved_ns),
            )
        return self._correction_ns

    async def sleep_s(self, duration_s: float) -> None:
        """Return once ``duration_s`` seconds have passed."""
        await asyncio.sleep(duration_s)

    def _difference_ns(self) -> int:
        """Return system clock minus monotonic clock, read close together."""
        readings = []
        for _ in range(_READ_TRIES):  # the process may be interrupted in between
            before_ns = self._monotonic_ns()
            wall_ns = self._wall_ns()
            took_ns = self._monotonic_ns() - before_ns
            readings.append((took_ns, wall_ns - before_ns - took_ns // 2))
            if took_ns <= _READ_WITHIN_NS:
                break
        return min(readings)[1]


def seconds_to_ns(duration_s: float) -> int:
    """Convert seconds to whole nanoseconds, rounded to the nearest."""
    return round(duration_s * NS_PER_S)


def ns_to_seconds(duration_ns: int) -> float:
    """Convert nanoseconds to seconds."""
    return duration_ns / NS_PER_S


def span_text(duration_ns: int) -> str:
    """Format a signed duration for people, in a unit that fits its size."""
    seconds = ns_to_seconds(duration_ns)
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * length_s:
            return f"{seconds / length_s:+.1f} {unit}"
    return f"{seconds:+.1f} s"


def utc_datetime(timestamp_ns: int) -> datetime:
    """Return the aware UTC ``datetime`` of a timestamp, to the microsecond."""
    seconds, rest_ns = divmod(timestamp_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest_ns // 1000)


def zone_of(timezone: str) -> tzinfo:
    """Return the time zone of a name, such as Europe/Berlin.

    UTC needs no database of time zones, which a small image may lack.

    Raises:
        ZoneInfoNotFoundError: If there is no such time zone.
        ValueError: If the name cannot be one.
        OSError: If its file cannot be read, as that of a folder.
    """
    return UTC if timezone == "UTC" else ZoneInfo(timezone)


def utc_ns(text: str) -> int:
    """Return the timestamp of an ISO 8601 time with a zone, to the microsecond.

    Raises:
        ValueError: If the text is not an ISO 8601 time, or names no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} names no time zone"
        raise ValueError(msg)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
