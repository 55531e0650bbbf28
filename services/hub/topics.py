"""Records as MQTT messages: topics, keys, payloads.

A subject has ``<prefix>/<site>/<subject>/event``, ``…/drift``, ``…/status``, with a
view that finds people ``…/people`` and ``…/bed``, and with a wearable ``…/worn``. The
site has
``<prefix>/<site>/status`` and ``…/technical``. Test messages on ``…/canary`` show that
the broker passes messages on. A payload is a line of ``services.record_lines`` with
``v``, the version of the format.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from pipelines.clock import utc_datetime
from pipelines.live.alarms import Alarm
from pipelines.live.subject import StateRecord
from pipelines.records import ActionEvent, DriftAlert, SourceStatus
from services.hub.reports import SubjectState
from services.record_lines import RecordLines
from services.store.outbox import Message

VERSION = 1
_LINES = RecordLines()

ALARM_ANSWERS: Final = ("ack", "snooze", "escalate", "resolve")
"""Kinds of answers to an alarm; the last part of their topics."""

OverallState = Literal["online", "degraded", "offline"]
KeptKind = Literal["bed", "people", "worn"]
"""Kind of a message about a state; the last part of its topic, and its name in
``SubjectState``."""


@final
@dataclass(frozen=True, slots=True)
class Topics:
    """A site's topics."""

    prefix: str
    site: str

    @property
    def site_status(self) -> str:
        """Topic of the site's status: whether its service runs."""
        return f"{self.prefix}/{self.site}/status"

    @property
    def test(self) -> str:
        """Topic of test messages, which show that the broker passes messages on."""
        return f"{self.prefix}/{self.site}/canary"

    @property
    def site_technical(self) -> str:
        """Topic of faults of the system itself."""
        return f"{self.prefix}/{self.site}/technical"

    def of(self, subject_id: str, kind: str) -> str:
        """Return a topic of a subject."""
        return f"{self.prefix}/{self.site}/{subject_id}/{kind}"

    def event(self, event: ActionEvent) -> Message:
        """Return the message of an event's start or end."""
        key = f"event {event.event_id} {event.state}"
        return Message(key, self.of(event.subject_id, "event"), _versioned(event))

    @property
    def alarm_answers(self) -> str:
        """Filter of the topics on which people answer alarms."""
        return f"{self.prefix}/{self.site}/alarm/+/+"

    def answer(self, about: str, kind: str) -> str:
        """Return the topic of an answer to an alarm, or to all of a subject."""
        return f"{self.prefix}/{self.site}/alarm/{about}/{kind}"

    def alarm(self, changed: Alarm, open_alarms: Sequence[Alarm]) -> Message:
        """Return the message of a changed alarm, which the broker keeps for later.

        It holds the whole alarm, and what else is open of its subject.
        """
        payload = {
            "v": VERSION,
            "type": "alarm",
            "subject": changed.subject_id,
            "changed": alarm_line(changed),
            "open": [
                {
                    "alarm_id": each.alarm_id,
                    "name": each.name,
                    "kind": each.kind,
                    "priority": each.priority,
                    "state": each.state,
                    "raised_at": _time(each.raised_ns),
                }
                for each in open_alarms
            ],
        }
        key = f"alarm {changed.alarm_id} {len(changed.history)}"
        return Message(key, self.of(changed.subject_id, "alarm"), payload, retain=True)

    def forget_alarms(self, subject_id: str, now_ns: int) -> Message:
        """Return the message that deletes the alarms of a removed subject."""
        key = f"status {subject_id} alarm {now_ns}"
        return Message(key, self.of(subject_id, "alarm"), {}, retain=True)

    def drift(self, alert: DriftAlert) -> Message:
        """Return the message of a drift alert or its end."""
        key = f"drift {alert.alert_id} {alert.state}"
        return Message(key, self.of(alert.subject_id, "drift"), _versioned(alert))

    def technical(self, name: str, state: str, text: str, now_ns: int) -> Message:
        """Return the message of a fault of the system itself, or of its end."""
        payload = {
            "v": VERSION,
            "type": "technical",
            "name": name,
            "state": state,
            "text": text,
            "at": _time(now_ns),
        }
        key = f"technical {name} {state} {now_ns}"
        return Message(key, self.site_technical, payload)

    def kept(
        self,
        subject_id: str,
        kind: KeptKind,
        record: StateRecord | None,
        now_ns: int,
    ) -> Message:
        """Return the message of a state, which the broker keeps for later.

        With None, for what is not known, the message deletes it.
        """
        key = f"status {subject_id} {kind} {now_ns}"
        payload = {} if record is None else _versioned(record)
        return Message(key, self.of(subject_id, kind), payload, retain=True)

    def forget(self, subject_id: str, now_ns: int) -> Message:
        """Return the message that deletes the status of a removed subject."""
        key = f"status {subject_id} {now_ns}"
        return Message(key, self.of(subject_id, "status"), {}, retain=True)

    def service(self, state: str) -> Message:
        """Return the message that the site's service is online or offline."""
        payload = {"v": VERSION, "type": "status", "state": state}
        return Message("site", self.site_status, payload, retain=True)

    def forget_site(self, now_ns: int) -> Message:
        """Return the message that deletes the status of a site with an old name."""
        return Message(f"status site {now_ns}", self.site_status, {}, retain=True)

    def status(self, subject_id: str, state: SubjectState, now_ns: int) -> Message:
        """Return the message of a subject's state, which the broker keeps for later."""
        overall, reason = overall_state(state)
        sources = {"camera": state.camera} if state.has_camera else {}
        if state.has_wearable:
            sources["imu"] = state.wearable
        payload = {
            "v": VERSION,
            "type": "status",
            "subject": subject_id,
            "state": overall,
            "reason": reason,
            "sources": {name: source_json(status) for name, status in sources.items()},
        }
        key = f"status {subject_id} {now_ns}"
        return Message(key, self.of(subject_id, "status"), payload, retain=True)


def alarm_line(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm as a JSON object; its times are UTC."""
    return {
        "alarm_id": alarm.alarm_id,
        "name": alarm.name,
        "kind": alarm.kind,
        "priority": alarm.priority,
        "state": alarm.state,
        "raised_at": _time(alarm.raised_ns),
        "confidence": round(alarm.confidence, 4),
        "modality": alarm.modality,
        "escalations": alarm.escalations,
        "until_at": _time(alarm.until_ns) if alarm.until_ns else None,
        "has_ended": alarm.has_ended,
        "verdict": alarm.verdict,
        "history": [
            {
                "step": entry.step,
                "at": _time(entry.at_ns),
                "by": entry.by,
                "note": entry.note,
            }
            for entry in alarm.history
        ],
    }


def overall_state(state: SubjectState) -> tuple[OverallState, str]:
    """Return the overall state of a subject, and the reason if it is not online.

    The main source is the camera, or the wearable of a subject without a camera. A
    subject is offline if no watcher reports it or if its main source gives no data. It
    is degraded if recognition does not answer or is overloaded, if the main source has
    stalled, if the wearable beside a camera gives no data, or if the wearable is not
    worn.
    """
    if not state.is_watched:
        return "offline", "service: no watcher reports"
    name, main = "camera", state.camera
    if not state.has_camera:
        name, main = "imu", state.wearable
    if main is None or main.state in ("offline", "connecting"):
        reason = "connecting" if main is None else main.reason or main.state
        return "offline", f"{name}: {reason}"
    troubles = [] if state.is_recognised else ["recognition: does not answer"]
    if state.every > 1:
        troubles.append("recognition: overloaded")
    if main.state == "stalled":
        troubles.append(f"{name}: {main.reason or 'stalled'}")
    wearable = state.wearable
    beside = state.has_camera and state.has_wearable
    if beside and (wearable is None or wearable.state != "online"):
        reason = "connecting" if wearable is None else wearable.reason or wearable.state
        troubles.append(f"imu: {reason}")
    if state.worn is not None and state.worn.state == "not worn":
        troubles.append("imu: not worn")
    return ("degraded", "; ".join(troubles)) if troubles else ("online", "")


def source_json(status: SourceStatus | None) -> dict[str, Any]:
    """Return a source's state and its reason; None has not reported yet."""
    if status is None:
        return {"state": "connecting", "reason": ""}
    line = _LINES.line(status)
    return {name: line[name] for name in ("state", "reason", "since_at", "time_base")}


def _time(time_ns: int) -> str:
    return utc_datetime(time_ns).isoformat()


def _versioned(record: ActionEvent | DriftAlert | StateRecord) -> dict[str, Any]:
    return {"v": VERSION, **_LINES.line(record)}
