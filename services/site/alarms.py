"""Which events alarm, in a site's configuration."""

from collections.abc import Mapping
from typing import Annotated, Final, final

from pydantic import Field

from models.prompts.prompt_set import Priority
from pipelines.live.alarms import AlarmRule
from pipelines.records import BED_EXIT, FALL, LONG_LIE
from services.site.section import Section

_FALL = AlarmRule()
Wait = Annotated[float, Field(gt=0, le=86400)]


@final
class AlarmSettings(Section):
    """How one event alarms."""

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

    @property
    def rule(self) -> AlarmRule:
        """The rule for the chain."""
        return AlarmRule(**self.model_dump())


_DEFAULTS: Final = {
    FALL: AlarmSettings(),
    LONG_LIE: AlarmSettings(),
    BED_EXIT: AlarmSettings(
        priority="medium", escalate_s=(180.0,), long_lie_s=0.0, latches=False
    ),
}


def alarm_rules(given: Mapping[str, AlarmSettings]) -> dict[str, AlarmRule]:
    """Return the rule of each event that alarms: those given, else the defaults."""
    rules = {name: each.rule for name, each in {**_DEFAULTS, **given}.items()}
    return {name: rule for name, rule in rules.items() if rule.priority != "none"}
