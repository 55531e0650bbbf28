"""Which events alarm, in a site's configuration."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final, final

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from models.prompts.prompt_set import Priority
from pipelines.live.alarm_hours import MINUTES_PER_DAY, Hours, RuleLayer
from pipelines.live.alarms import AlarmRule
from pipelines.records import BED_EXIT, FALL, LONG_LIE
from services.site.section import Name, Section

_FALL = AlarmRule()
Wait = Annotated[float, Field(gt=0, le=86400)]


@final
class AlarmSettings(Section):
    """How one event alarms; what is left out is the default of that event."""

    priority: Priority = Field(
        _FALL.priority, description="high, medium, low, or none for no alarm."
    )
    confirm_s: float = Field(
        _FALL.confirm_s,
        ge=0,
        le=3600,
        description="Seconds in which an episode that ends cancels its alarm.",
    )
    escalate_s: tuple[Wait, ...] = Field(
        _FALL.escalate_s,
        max_length=16,
        description="Seconds without an answer until each step of the escalation, each"
        " from the one before.",
    )
    long_lie_s: float = Field(
        _FALL.long_lie_s,
        ge=0,
        le=86400,
        description="Seconds after which an episode that goes on is urgent again, even"
        " if it was acknowledged; 0 for never.",
    )
    latches: bool = Field(
        _FALL.latches,
        description="Whether the alarm stays when the episode ends, until a person has"
        " answered it.",
    )

    out_of_bed_s: float = Field(
        _FALL.out_of_bed_s,
        ge=0,
        le=86400,
        description="Of a bed exit: seconds out of bed after which it is urgent, with"
        " priority high, whatever confirm_s is; 0 for never.",
    )

    def rule_of(self, event: str) -> AlarmRule:
        """Return the rule of an event for the chain."""
        default = _DEFAULTS.get(event, _FALL)
        return replace(default, **self.model_dump(exclude_unset=True))


_DEFAULTS: Final = {
    FALL: _FALL,
    LONG_LIE: _FALL,
    BED_EXIT: AlarmRule(
        priority="medium", escalate_s=(180.0,), long_lie_s=0.0, latches=False
    ),
}

DEFAULT_LAYER: Final = RuleLayer(_DEFAULTS)
"""How events alarm that a site says nothing about."""

_CLOCK_TIME: Final = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
LocalTime = Annotated[
    str,
    BeforeValidator(lambda value: _clock_time(value)),
    StringConstraints(pattern=_CLOCK_TIME.pattern),  # for the schema
]
"""A time of the day, HH:MM."""


@final
class AlarmProfile(Section):
    """Other rules of alarms in some hours of each day."""

    name: Name = Field(description="Its name, such as night.")
    from_: LocalTime = Field(
        alias="from", description="When it begins, HH:MM of the site's local time."
    )
    until: LocalTime = Field(
        description="When it ends; earlier than from for hours over midnight."
    )
    alarms: dict[str, AlarmSettings] = Field(
        min_length=1, description="How events alarm then, by their names."
    )

    @model_validator(mode="after")
    def _has_hours(self) -> "AlarmProfile":
        _ = self.layer
        return self

    @property
    def layer(self) -> RuleLayer:
        """The rules for the chain, with their hours."""
        hours = Hours(_minutes(self.from_), _minutes(self.until))
        return RuleLayer(_rules_of(self.alarms), hours)


def rule_layers(
    profiles: Sequence[AlarmProfile], alarms: Mapping[str, AlarmSettings]
) -> tuple[RuleLayer, ...]:
    """Return the layers of a subject or a site: its profiles, then its rules."""
    return (*(profile.layer for profile in profiles), RuleLayer(_rules_of(alarms)))


def _rules_of(alarms: Mapping[str, AlarmSettings]) -> dict[str, AlarmRule]:
    return {name: settings.rule_of(name) for name, settings in alarms.items()}


def _clock_time(value: object) -> object:
    """Return what YAML reads for 22:00, which is 1320, as it was written."""
    if isinstance(value, int) and 0 <= value < MINUTES_PER_DAY:
        return f"{value // 60:02}:{value % 60:02}"
    if isinstance(value, str) and _CLOCK_TIME.match(value):
        return value
    msg = "expected a time of the day, such as 22:00"
    raise ValueError(msg)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
