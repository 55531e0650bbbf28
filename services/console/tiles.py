"""A subject on the wall board: one tile, whose words and colour say the worst first.

Pure: what the store holds of a subject becomes what a tile shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, final

from pipelines.clock import seconds_to_ns, utc_ns
from pipelines.live.alarms import ANSWERED, Alarm

Tone = Literal["alarm", "warning", "coming", "away", "doubt", "calm"]
"""Colour and shape of a tile: an alarm of high priority, of a lower one, one that
somebody has answered, not watched, watched in part or on the floor without an alarm,
and all well."""

SILENT_NS: Final = seconds_to_ns(15.0)
"""Age of the newest report from which a subject counts as not watched: reports come
every two seconds, and the hub says so itself after twelve."""

_ON_THE_FLOOR: Final = "fallen"
"""The action that nobody should overlook, even if it has not alarmed yet."""
_ORDER: Final = ("high", "medium", "low")


@final
@dataclass(frozen=True, slots=True)
class Tile:
    """One subject now.

    Attributes:
        subject_id: Name of the subject.
        tone: What its colour and shape say.
        alarm: The most urgent open alarm about the person; None without one.
        state: online, degraded or offline.
        reason: Why it is not online; empty if it is.
        action: The label of the present action; None while nothing is recognised.
        confidence: Calibrated confidence of the action, 0 to 1.
        people: Number of people in view; None if that is not known.
        bed: ``in`` or ``out``; None if that is not known.
        worn: ``worn`` or ``not worn``; None if that is not known.
        sources: State of each source, by ``camera`` and ``imu``.
        picture_ns: Time of the newest picture; None without one.
        reported_ns: Time of the newest report; None before the first.
    """

    subject_id: str
    tone: Tone
    alarm: Alarm | None = None
    state: str = "offline"
    reason: str = ""
    action: str | None = None
    confidence: float = 0.0
    people: int | None = None
    bed: str | None = None
    worn: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    picture_ns: int | None = None
    reported_ns: int | None = None


def tile_of(
    subject_id: str,
    live: Mapping[str, Any] | None,
    reported_ns: int | None,
    alarms: Sequence[Alarm],
    now_ns: int,
) -> Tile:
    """Return a subject's tile.

    Args:
        subject_id: Name of the subject.
        live: What the hub has written of it; None before the first report.
        reported_ns: When that was.
        alarms: Its open alarms. Those about faults of the system change no tile: the
            sources and the state say the same, and a fault is no reason to run.
        now_ns: UTC.
    """
    alarm = most_urgent([it for it in alarms if it.kind == "person"])
    is_silent = reported_ns is None or now_ns - reported_ns > SILENT_NS
    facts: Mapping[str, Any] = live or {}
    if is_silent:
        state, reason = "offline", "service: no watcher reports"
    else:
        state, reason = str(facts.get("state", "offline")), str(facts.get("reason", ""))
    action = None if is_silent else facts.get("action")
    picture_at = facts.get("picture_at")
    sources = {
        name: str(facts[name]["state"])
        for name in ("camera", "imu")
        if isinstance(facts.get(name), dict)
    }
    return Tile(
        subject_id=subject_id,
        tone=_tone(alarm, state, action and action["label"]),
        alarm=alarm,
        state=state,
        reason=reason,
        action=action and str(action["label"]),
        confidence=float(action["confidence"]) if action else 0.0,
        people=None if is_silent else facts.get("people"),
        bed=None if is_silent else facts.get("bed"),
        worn=None if is_silent else facts.get("worn"),
        sources=dict.fromkeys(sources, "offline") if is_silent else sources,
        picture_ns=utc_ns(picture_at) if picture_at else None,
        reported_ns=reported_ns,
    )


def most_urgent(alarms: Sequence[Alarm]) -> Alarm | None:
    """Return the open alarm that somebody must see first; None without any."""
    return min(alarms, key=urgency, default=None)


def urgency(alarm: Alarm) -> tuple[bool, int, int]:
    """Return a key that sorts alarms: unanswered, then urgent, then old ones first."""
    place = _ORDER.index(alarm.priority) if alarm.priority in _ORDER else len(_ORDER)
    return alarm.state in ANSWERED, place, alarm.raised_ns


def _tone(alarm: Alarm | None, state: str, action: str | None) -> Tone:
    if alarm is not None and alarm.state not in ANSWERED:
        return "alarm" if alarm.priority == "high" else "warning"
    if state == "offline":
        return "away"
    if alarm is not None:
        return "coming"
    is_well = state == "online" and action != _ON_THE_FLOOR
    return "calm" if is_well else "doubt"
