"""An alarm in the words of HL7 FHIR R4: a bundle that a FHIR server takes.

    Observation    what was recognised, and what a person found
    Flag           that somebody must look; inactive once the alarm is over
    Communication  who was told, and who has answered

Each has an id of its own that follows from the alarm's, and is put, not added: a bundle
that comes twice, or a later one, replaces what is there. Who the person is, is not
known here: the subject is the place, by its name in this site.
"""

from typing import Any, Final

from models.prompts.prompt_set import Priority
from pipelines.clock import utc_datetime
from pipelines.live.alarms import Alarm, AlarmEntry, AlarmState

_PRIORITIES: Final[dict[Priority, str]] = {
    "high": "stat",
    "medium": "urgent",
    "low": "routine",
    "none": "routine",
}
_STATES: Final[dict[AlarmState, str]] = {
    "suspected": "preparation",
    "confirmed": "in-progress",
    "escalated": "in-progress",
    "snoozed": "on-hold",
    "acknowledged": "completed",
    "resolved": "completed",
    "cancelled": "stopped",
}
_FLAG_CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/flag-category"
_UNITS: Final = "http://unitsofmeasure.org"

Resource = dict[str, Any]


def bundle_of(alarm: Alarm, site: str) -> Resource:
    """Return a transaction of an alarm's resources, as the alarm is now."""
    resources = [
        _observation(alarm, site),
        _flag(alarm, site),
        _communication(alarm, site),
    ]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": each, "request": {"method": "PUT", "url": _place(each)}}
            for each in resources
        ],
    }


def _observation(alarm: Alarm, site: str) -> Resource:
    found: Resource = {
        "resourceType": "Observation",
        "id": f"observation-{alarm.alarm_id}",
        "identifier": [_identifier(alarm, site)],
        "status": "final" if alarm.is_over else "preliminary",
        "code": _event(alarm),
        "subject": _subject(alarm, site),
        "effectiveDateTime": _time(alarm.raised_ns),
        "issued": _time(alarm.history[-1].at_ns),
        "valueBoolean": alarm.verdict != "false" and alarm.state != "cancelled",
        "method": {"text": f"wardwatch, {alarm.modality}"},
        "component": [
            {
                "code": {"text": "confidence"},
                "valueQuantity": {
                    "value": round(alarm.confidence, 4),
                    "system": _UNITS,
                    "code": "1",
                },
            }
        ],
    }
    notes = [entry.note for entry in alarm.history if entry.note]
    return {**found, "note": [{"text": note} for note in notes]} if notes else found


def _flag(alarm: Alarm, site: str) -> Resource:
    period = {"start": _time(alarm.raised_ns)}
    if alarm.is_over:
        period["end"] = _time(alarm.history[-1].at_ns)
    category = "safety" if alarm.kind == "person" else "admin"
    return {
        "resourceType": "Flag",
        "id": f"flag-{alarm.alarm_id}",
        "identifier": [_identifier(alarm, site)],
        "status": "inactive" if alarm.is_over else "active",
        "category": [{"coding": [{"system": _FLAG_CATEGORIES, "code": category}]}],
        "code": _event(alarm),
        "subject": _subject(alarm, site),
        "period": period,
    }


def _communication(alarm: Alarm, site: str) -> Resource:
    return {
        "resourceType": "Communication",
        "id": f"communication-{alarm.alarm_id}",
        "identifier": [_identifier(alarm, site)],
        "status": _STATES[alarm.state],
        "priority": _PRIORITIES[alarm.priority],
        "about": [
            {"reference": f"Observation/observation-{alarm.alarm_id}"},
            {"reference": f"Flag/flag-{alarm.alarm_id}"},
        ],
        "topic": _event(alarm),
        "sent": _time(alarm.raised_ns),
        "payload": [{"contentString": _line(entry)} for entry in alarm.history],
    }


def _line(entry: AlarmEntry) -> str:
    by = f" by {entry.by}" if entry.by else ""
    return f"{entry.step} at {_time(entry.at_ns)}{by}"


def _event(alarm: Alarm) -> Resource:
    coding = {"system": "urn:wardwatch:event", "code": alarm.name}
    return {"coding": [coding], "text": alarm.name}


def _identifier(alarm: Alarm, site: str) -> Resource:
    return {"system": f"urn:wardwatch:{site}:alarm", "value": alarm.alarm_id}


def _subject(alarm: Alarm, site: str) -> Resource:
    place = {"system": f"urn:wardwatch:{site}:subject", "value": alarm.subject_id}
    return {"type": "Location", "identifier": place, "display": alarm.subject_id}


def _place(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _time(time_ns: int) -> str:
    return utc_datetime(time_ns).isoformat(timespec="milliseconds")
