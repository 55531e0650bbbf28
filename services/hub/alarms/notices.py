"""Notices: the messages to phones and webhooks about an alarm.

An alarm notifies phones when it is confirmed, at each step of its escalation, when a
snooze ends, and when an episode lasts too long. What a person did notifies no phone,
but for calling the next step. A webhook gets every change, unless it asks for the loud
ones alone.
"""

import json
from typing import Final

from models.window import Modality
from pipelines.clock import utc_datetime, zone_of
from pipelines.live.alarms import Alarm, AlarmStep
from services.hub.alarms.fhir import bundle_of
from services.hub.topics import VERSION, alarm_line
from services.site.notify import NotifySettings
from services.site.settings import Site
from services.site.target import AlarmTarget
from services.site.webhooks import WebhookSettings
from services.store.notices import Notice

_WITNESSES: Final[dict[Modality, str]] = {
    "video": "the camera is",
    "imu": "the wearable is",
    "fused": "camera and wearable are",
}
_LOUD: Final = frozenset[AlarmStep](
    {"confirmed", "escalated", "awake", "long lie", "out of bed"}
)


def notices_of(site: Site, before: Alarm | None, after: Alarm) -> list[Notice]:
    """Return the notices of what has happened to an alarm since before."""
    known = 0 if before is None else len(before.history)
    new = () if after.is_over else range(known, len(after.history))
    loud = [number for number in new if after.history[number].step in _LOUD]
    phones = [
        _to_phone(target, after, number, site.timezone)
        for number in loud
        for target in site.notify
        if _wants(target, after, number)
    ]
    latest = len(after.history) - 1
    webhooks = [
        _to_webhook(target, site.site, after)
        for target in site.webhooks
        if latest >= known and (loud or target.changes == "all")
        if _wants(target, after, latest)
    ]
    return phones + webhooks


def _wants(target: AlarmTarget, alarm: Alarm, number: int) -> bool:
    """Return whether a target gets the alarm as of an entry of its history."""
    steps = [earlier.step for earlier in alarm.history[: number + 1]]
    escalations = steps.count("escalated")
    return alarm.priority in target.priorities and escalations >= target.from_step


def _to_phone(
    target: NotifySettings, alarm: Alarm, number: int, timezone: str
) -> Notice:
    entry = alarm.history[number]
    at = utc_datetime(entry.at_ns).astimezone(zone_of(timezone))
    sure = f"{_WITNESSES[alarm.modality]} sure to {alarm.confidence:.0%}"
    if alarm.kind == "technical":
        sure = "; ".join(("a fault of the system", *filter(None, [entry.note])))
    by = f" by {entry.by}" if entry.by else ""
    body = (
        f"{entry.step}{by} at {at:%H:%M:%S %Z} on {at:%Y-%m-%d}; priority"
        f" {alarm.priority}; {sure}; alarm {alarm.alarm_id}"
    )
    return Notice(
        f"{target.name} {alarm.alarm_id} {number}",
        target.name,
        alarm.alarm_id,
        f"{alarm.subject_id}: {alarm.name}",
        body,
    )


def _to_webhook(target: WebhookSettings, site: str, alarm: Alarm) -> Notice:
    """Return the alarm with its whole history, as it is after a change."""
    facts = {"v": VERSION, "type": "alarm", "site": site, "subject": alarm.subject_id}
    is_fhir = target.format == "fhir"
    content = bundle_of(alarm, site) if is_fhir else {**facts, **alarm_line(alarm)}
    return Notice(
        f"{target.name} {alarm.alarm_id} {len(alarm.history) - 1}",
        target.name,
        alarm.alarm_id,
        "",
        json.dumps(content),
        outlives_alarm=target.changes == "all",
    )
