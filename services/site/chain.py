"""How subjects are watched, in a site's configuration: windows, events, drift."""

from pydantic import Field

from pipelines.live.subject import WatchSettings
from services.site.section import Section

_CHAIN = WatchSettings()
"""The defaults of the chain are also the defaults of the file."""


class WatcherSettings(Section):
    """Distribution of subjects over processes."""

    subjects_each: int = Field(
        16,
        ge=1,
        le=256,
        description="Most subjects in one process. It gets fewer once it is known how"
        " many a core carries.",
    )
    overloaded_after_s: float = Field(
        _CHAIN.thinning.overloaded_after_s,
        gt=0,
        le=86400,
        description="Seconds of overload after which a process leaves pictures out;"
        " until then, answers are late and complete.",
    )


class WindowsSettings(Section):
    """The windows in which actions are recognised."""

    frames: int = Field(
        _CHAIN.windows.frames,
        ge=1,
        le=64,
        description="Number of pictures in a window.",
    )
    seconds: float = Field(
        _CHAIN.windows.seconds,
        ge=0.1,
        le=60,
        description="Length of a window, in seconds.",
    )
    stride: int = Field(
        _CHAIN.windows.stride_frames,
        ge=1,
        description="Number of pictures from one window to the next.",
    )
    wearable_wait_s: float = Field(
        _CHAIN.wearable_wait.ceiling_s,
        ge=0,
        le=30,
        description="Longest time in seconds that a window waits for its wearable's"
        " samples; it waits only as long as they usually take, and 0 never waits. A"
        " fall that the camera shows is reported at once in any case.",
    )


class EventsSettings(Section):
    """Start and end of an episode."""

    enter: float = Field(
        _CHAIN.events.enter, gt=0, le=1, description="Score that may start an episode."
    )
    wearable_enter: float = Field(
        _CHAIN.events.wearable_enter,
        ge=0,
        le=1,
        description="Score of a wearable alone that may start one; enter if higher.",
    )
    exit: float = Field(
        _CHAIN.events.exit,
        gt=0,
        le=1,
        description="Score below which an episode may end.",
    )
    minimum_duration_s: float = Field(
        _CHAIN.events.minimum_duration_s,
        ge=0,
        le=600,
        description="Seconds that the score must stay at enter.",
    )
    merge_gap_s: float = Field(
        _CHAIN.events.merge_gap_s,
        ge=0,
        le=600,
        description="Seconds; shorter gaps do not end it.",
    )
    onset_score: float = Field(
        _CHAIN.events.onset_score,
        ge=0,
        le=1,
        description="Least score of falling before somebody is down; without it there"
        " is no fall.",
    )
    outcome_score: float = Field(
        _CHAIN.events.outcome_score,
        ge=0,
        le=1,
        description="Least score of being down when a fall is reported.",
    )
    both_score: float = Field(
        _CHAIN.events.both_score,
        ge=0,
        le=1,
        description="Least product of the score of falling and the square of that of"
        " being down: higher for fewer false falls, lower for fewer missed ones.",
    )
    settled_s: float = Field(
        _CHAIN.events.settled_s,
        ge=0,
        le=600,
        description="Seconds on the floor after which a weak sign of falling counts no"
        " more: who moves there has not fallen.",
    )
    onset_within_s: float = Field(
        _CHAIN.events.onset_within_s,
        ge=0,
        le=600,
        description="Longest time in seconds between falling and the start of the high"
        " score.",
    )
    long_lie_s: float = Field(
        _CHAIN.events.long_lie_s,
        ge=0,
        le=86400,
        description="Seconds on the floor, with no fall seen, that are a long lie.",
    )


class DriftWatchSettings(Section):
    """Drift detection."""

    learning_days: float = Field(
        _CHAIN.drift.learning_days,
        ge=2,
        le=365,
        description="Days to learn what is normal.",
    )
    false_alert_days: float = Field(
        _CHAIN.drift.false_alert_days,
        ge=2,
        le=3650,
        description="Mean number of days between false alerts of a subject.",
    )
