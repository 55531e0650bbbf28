"""Rules of alarms that depend on the hour: which one an event has at a time.

    subject's profiles ─▶ subject's rules ─▶ site's profiles ─▶ site's rules
      in their hours                           in their hours

The first layer that applies and names the event gives its rule. It is that of the
raising of an alarm, so neither a later hour nor a restart changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from pipelines.clock import utc_datetime, zone_of
from pipelines.live.alarms import AlarmRule

MINUTES_PER_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the day, ``[from_minute, until_minute)`` in minutes of local time.

    It goes over midnight if it ends earlier than it begins.

    Raises:
        ValueError: If a minute is not of a day, or if both are the same.
    """

    from_minute: int
    until_minute: int

    def __post_init__(self) -> None:
        minutes = (self.from_minute, self.until_minute)
        if min(minutes) < 0 or max(minutes) >= MINUTES_PER_DAY:
            msg = f"expected minutes of a day, 0 to 1439, got {minutes}"
            raise ValueError(msg)
        if self.from_minute == self.until_minute:
            msg = "from and until must differ"
            raise ValueError(msg)

    def hold(self, minute: int) -> bool:
        """Return whether a minute of the day is within."""
        if self.from_minute < self.until_minute:
            return self.from_minute <= minute < self.until_minute
        return minute >= self.from_minute or minute < self.until_minute


@dataclass(frozen=True, slots=True)
class RuleLayer:
    """Rules by the event's name, in some hours or, with None, always."""

    rules: Mapping[str, AlarmRule]
    hours: Hours | None = None


@final
@dataclass(frozen=True, slots=True)
class AlarmRules:
    """The rules of a subject, the layer that comes first at the beginning.

    Attributes:
        layers: The layers.
        timezone: Name of the time zone of the hours, such as Europe/Berlin.
    """

    layers: tuple[RuleLayer, ...] = ()
    timezone: str = "UTC"

    @property
    def alarming(self) -> frozenset[str]:
        """Names of the events that alarm at some hour, or at every hour."""
        names = {name for layer in self.layers for name in layer.rules}
        return frozenset(name for name in names if self._may_alarm(name))

    def _may_alarm(self, event: str) -> bool:
        for layer in self.layers:
            rule = layer.rules.get(event)
            if rule is not None and rule.priority != "none":
                return True
            if rule is not None and layer.hours is None:
                return False
        return False

    def of(self, event: str, utc_ns: int) -> AlarmRule | None:
        """Return the rule of an event that alarms at a time, UTC; None for no alarm."""
        minute = local_minute(utc_ns, self.timezone)
        for layer in self.layers:
            applies = layer.hours is None or layer.hours.hold(minute)
            rule = layer.rules.get(event) if applies else None
            if rule is not None:
                return None if rule.priority == "none" else rule
        return None


def local_minute(utc_ns: int, timezone: str) -> int:
    """Return the minute of the local day, 0 to 1439, as a clock on the wall shows it.

    Raises:
        ZoneInfoNotFoundError: If there is no such time zone.
    """
    local = utc_datetime(utc_ns).astimezone(zone_of(timezone))
    return local.hour * 60 + local.minute
