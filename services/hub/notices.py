"""Notices: the messages to phones about an alarm.

An alarm notifies when it is confirmed, at each step of its escalation, when a snooze
ends, and when a long lie is found. What a person did notifies nobody.
"""

from collections.abc import Iterable
from typing import Final

from models.window import Modality
from pipelines.clock import utc_datetime
from pipelines.live.alarms import Alarm, AlarmStep
from services.site.notify import NotifySettings
from services.store.notices import Notice

_WITNESSES: Final[dict[Modality, str]] = {
    "video": "the camera is",
    "imu": "the wearable is",
    "fused": "camera and wearable are",
}
_LOUD: Final = frozenset[AlarmStep]({"confirmed", "escalated", "awake", "long lie"})


def notices_of(
    before: Alarm | None, after: Alarm, targets: Iterable[NotifySettings]
) -> list[Notice]:
    """Return the notices of what has happened to an alarm since before."""
    known = 0 if before is None else len(before.history)
    found: list[Notice] = []
    for number, entry in enumerate(after.history[known:], start=known):
        if entry.step not in _LOUD or after.is_over:
            continue
        steps = [earlier.step for earlier in after.history[: number + 1]]
        escalations = steps.count("escalated")
        at = utc_datetime(entry.at_ns)
        body = (
            f"{entry.step} at {at:%H:%M:%S} UTC on {at:%Y-%m-%d}; priority"
            f" {after.priority}; {_WITNESSES[after.modality]} sure to"
            f" {after.confidence:.0%}; alarm {after.alarm_id}"
        )
        found += [
            Notice(
                f"{target.name} {after.alarm_id} {number}",
                target.name,
                after.alarm_id,
                f"{after.subject_id}: {after.name}",
                body,
            )
            for target in targets
            if after.priority in target.priorities and escalations >= target.from_step
        ]
    return found
