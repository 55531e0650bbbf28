"""Records as MQTT messages: topics, keys, payloads.

Of a subject ``<prefix>/<site>/<subject>/event``, ``…/drift`` and ``…/status``; of the
site ``<prefix>/<site>/status`` and ``…/technical``. Test messages on ``…/canary`` show
that the broker passes messages on.
A payload is a line of ``services.record_lines`` with ``v``, the version of its form.
"""

from dataclasses import dataclass
from typing import Any, Literal, final

from pipelines.clock import utc_datetime
from pipelines.records import ActionEvent, DriftAlert, SourceStatus
from services.hub.reports import SubjectState
from services.hub.store import Message
from services.record_lines import RecordLines

VERSION = 1
_LINES = RecordLines()

Standing = Literal["online", "degraded", "offline"]


@final
@dataclass(frozen=True, slots=True)
class Topics:
    """A site's topics.

    Attributes:
        prefix: First part of all.
        site: Second part.
    """

    prefix: str
    site: str

    @property
    def site_status(self) -> str:
        """Topic that says whether the site is watched at all."""
        return f"{self.prefix}/{self.site}/status"

    @property
    def test(self) -> str:
        """Where test messages go, which show that the broker passes messages on."""
        return f"{self.prefix}/{self.site}/canary"

    @property
    def site_technical(self) -> str:
        """Topic of faults of the system itself."""
        return f"{self.prefix}/{self.site}/technical"

    def of(self, subject_id: str, kind: str) -> str:
        """Return a subject's topic."""
        return f"{self.prefix}/{self.site}/{subject_id}/{kind}"

    def event(self, event: ActionEvent) -> Message:
        """Tell of an event's start or end."""
        key = f"event {event.event_id} {event.state}"
        return Message(key, self.of(event.subject_id, "event"), _versioned(event))

    def drift(self, alert: DriftAlert) -> Message:
        """Tell of a drift alert or its end."""
        key = f"drift {alert.alert_id} {alert.state}"
        return Message(key, self.of(alert.subject_id, "drift"), _versioned(alert))

    def technical(self, name: str, state: str, text: str, now_ns: int) -> Message:
        """Tell of something wrong with the system itself, or that it is over."""
        payload = {
            "v": VERSION,
            "type": "technical",
            "name": name,
            "state": state,
            "text": text,
            "at": utc_datetime(now_ns).isoformat(),
        }
        key = f"technical {name} {state} {now_ns}"
        return Message(key, self.site_technical, payload)

    def forget(self, subject_id: str, now_ns: int) -> Message:
        """Let the broker forget the status of a subject that is watched no more."""
        key = f"status {subject_id} {now_ns}"
        return Message(key, self.of(subject_id, "status"), {}, retain=True)

    def forget_site(self, now_ns: int) -> Message:
        """Let the broker forget the status of a site that has another name by now."""
        return Message(f"status site {now_ns}", self.site_status, {}, retain=True)

    def status(self, subject_id: str, state: SubjectState, now_ns: int) -> Message:
        """Return the message of a subject's state, which the broker keeps for later."""
        standing, reason = standing_of(state)
        sources = {"camera": state.camera} if state.has_camera else {}
        if state.has_wearable:
            sources["imu"] = state.wearable
        payload = {
            "v": VERSION,
            "type": "status",
            "subject": subject_id,
            "state": standing,
            "reason": reason,
            "sources": {name: _source(it) for name, it in sources.items()},
        }
        key = f"status {subject_id} {now_ns}"
        return Message(key, self.of(subject_id, "status"), payload, retain=True)


def standing_of(state: SubjectState) -> tuple[Standing, str]:
    """Say how a subject is seen, and why not better.

    Offline if nobody watches, without a camera, or without a wearable where that is
    all; degraded if recognition does not answer, a source has stalled, or the wearable
    is silent or gone.
    """
    if not state.is_watched:
        return "offline", "service: no watcher reports"
    name, main = "camera", state.camera
    if not state.has_camera:
        name, main = "imu", state.wearable
    if main is None or main.state in ("offline", "connecting"):
        said = "connecting" if main is None else main.reason or main.state
        return "offline", f"{name}: {said}"
    troubles = [] if state.is_recognised else ["recognition: does not answer"]
    if main.state == "stalled":
        troubles.append(f"{name}: {main.reason or 'stalled'}")
    wearable = state.wearable
    beside = state.has_camera and state.has_wearable
    if beside and (wearable is None or wearable.state != "online"):
        said = "connecting" if wearable is None else wearable.reason or wearable.state
        troubles.append(f"imu: {said}")
    return ("degraded", "; ".join(troubles)) if troubles else ("online", "")


def _versioned(record: ActionEvent | DriftAlert) -> dict[str, Any]:
    return {"v": VERSION, **_LINES.line(record)}


def _source(status: SourceStatus | None) -> dict[str, Any]:
    if status is None:
        return {"state": "connecting", "reason": ""}
    line = _LINES.line(status)
    return {name: line[name] for name in ("state", "reason", "since_at", "time_base")}
