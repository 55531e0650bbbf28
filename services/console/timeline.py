"""A day of one subject as bars on a line of 24 hours.

Pure; positions are in minutes from the day's start, 0 to 1440 (a day with a change of
the clock is drawn to its own length).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm
from pipelines.records import ActionEvent

_MINUTE_NS: Final = 60 * NS_PER_S
_LEAST_MINUTES: Final = 4.0
"""Width of the shortest bar, so that a finger hits it."""


@final
@dataclass(frozen=True, slots=True)
class Bar:
    """One event or alarm on the line.

    Attributes:
        start: Minutes from the day's start.
        length: Minutes, at least those that can be seen.
        start_ns: When it began, UTC.
        end_ns: When it ended; None if it goes on.
        alarm_id: The alarm that it leads to; None for an event without one.
    """

    start: float
    length: float
    start_ns: int
    end_ns: int | None
    alarm_id: str | None = None


@final
@dataclass(frozen=True, slots=True)
class Line:
    """All bars of one event's name; ``name`` is empty for alarms."""

    name: str
    bars: tuple[Bar, ...]


def lines_of(
    events: Sequence[ActionEvent],
    alarms: Sequence[Alarm],
    day: tuple[int, int],
    now_ns: int,
) -> list[Line]:
    """Return the lines of a day, one for each event's name.

    Args:
        events: Events that touch the day.
        alarms: Alarms that were raised on the day.
        day: Start and end of the day, UTC.
        now_ns: End of what still goes on, UTC.
    """
    with_alarm = {alarm.alarm_id for alarm in alarms}
    lines: dict[str, list[Bar]] = {}
    for event in events:
        alarm_id = event.event_id if event.event_id in with_alarm else None
        bar = _bar(event.start_ns, event.end_ns, day, now_ns, alarm_id)
        lines.setdefault(event.name, []).append(bar)
    known = {event.event_id for event in events}
    for alarm in alarms:
        if alarm.alarm_id not in known:  # its event is no longer kept
            raised_ns = alarm.raised_ns
            bar = _bar(raised_ns, raised_ns, day, now_ns, alarm.alarm_id)
            lines.setdefault(alarm.name, []).append(bar)
    return [Line(name, tuple(lines[name])) for name in sorted(lines)]


def _bar(
    start_ns: int,
    end_ns: int | None,
    day: tuple[int, int],
    now_ns: int,
    alarm_id: str | None,
) -> Bar:
    first_ns, last_ns = day
    shown_ns = max(start_ns, first_ns)
    until_ns = min(now_ns if end_ns is None else end_ns, last_ns)
    length = max((until_ns - shown_ns) / _MINUTE_NS, _LEAST_MINUTES)
    most = (last_ns - first_ns) / _MINUTE_NS
    start = min((shown_ns - first_ns) / _MINUTE_NS, most - length)
    return Bar(round(start, 1), round(length, 1), start_ns, end_ns, alarm_id)
