"""Records as JSON lines for programs: one object a line, ``type`` says which.

Times are aware UTC as ``*_at``; where the source has a presentation time, also seconds
from its zero as ``t_start_s``, ``t_end_s`` and ``decided_t_s``. An event that still
goes on has null for its end.
"""

from collections.abc import Mapping
from typing import Any, final

from pipelines.clock import Clock, ns_to_seconds, utc_datetime, utc_ns
from pipelines.live.watch import Record
from pipelines.records import (
    ActionEvent,
    DriftAlert,
    DriftStatus,
    Prediction,
    SourceStatus,
)


@final
class RecordLines:
    """Turns records into lines.

    Args:
        origin_ns: Pipeline time of presentation time 0, or None for live sources.
        clock: The clock of the records, if they are in pipeline time; without it they
            are in UTC.
    """

    def __init__(
        self, origin_ns: int | None = None, clock: Clock | None = None
    ) -> None:
        self._origin_ns = origin_ns
        self._clock = clock

    def line(self, record: Record) -> dict[str, Any]:
        """Return the record as a JSON object."""
        match record:
            case Prediction():
                return self._prediction(record)
            case ActionEvent():
                return self._event(record)
            case DriftAlert():
                return self._drift_alert(record)
            case DriftStatus():
                return self._drift_status(record)
            case SourceStatus():
                return self._status(record)

    def _prediction(self, prediction: Prediction) -> dict[str, Any]:
        return {
            "type": "prediction",
            "subject": prediction.subject_id,
            **self._time("start", "t_start_s", prediction.start_ns),
            **self._time("end", "t_end_s", prediction.end_ns),
            "label": prediction.label,
            "confidence": round(prediction.confidence, 4),
            "margin": round(prediction.margin, 4),
            "entropy": round(prediction.entropy, 4),
            "fits": prediction.fits,
            "partial": prediction.partial,
            "missing_frames": prediction.missing_frames,
            "scores": _rounded(prediction.scores),
            "cosines": _rounded(prediction.cosines),
            "modality": prediction.modality,
            "model": prediction.model,
            "prompt_set": prediction.prompt_set,
        }

    def _event(self, event: ActionEvent) -> dict[str, Any]:
        return {
            "type": "event",
            "event_id": event.event_id,
            "subject": event.subject_id,
            "name": event.name,
            "label": event.label,
            "state": event.state,
            **self._time("start", "t_start_s", event.start_ns),
            **self._time("end", "t_end_s", event.end_ns),
            **self._time("decided", "decided_t_s", event.decided_ns),
            "peak_confidence": round(event.peak_confidence, 4),
            "modality": event.modality,
            "model": event.model,
            "prompt_set": event.prompt_set,
        }

    def _drift_alert(self, alert: DriftAlert) -> dict[str, Any]:
        return {
            "type": "drift",
            "alert_id": alert.alert_id,
            "subject": alert.subject_id,
            "state": alert.state,
            "signal": alert.signal,
            "change": round(alert.change, 4),
            "statistic": round(alert.statistic, 2),
            "threshold": round(alert.threshold, 2),
            "cause": alert.cause,
            **self._time("since", "since_t_s", alert.since_ns),
            **self._time("decided", "decided_t_s", alert.decided_ns),
        }

    def _drift_status(self, status: DriftStatus) -> dict[str, Any]:
        accuracy = status.accuracy
        return {
            "type": "status",
            "source": "drift",
            "subject": status.subject_id,
            "state": status.state,
            "learning_left_s": status.learning_left_s,
            "accuracy": None if accuracy is None else round(accuracy[0], 4),
            "accuracy_95": None
            if accuracy is None
            else [round(bound, 4) for bound in accuracy[1:]],
            **self._time("decided", "decided_t_s", status.decided_ns),
            "note": status.note,
        }

    def _time(
        self, name: str, seconds_name: str, timestamp_ns: int | None
    ) -> dict[str, Any]:
        at = since_s = None
        if timestamp_ns is not None:
            at = self._at(timestamp_ns)
            since_s = round(ns_to_seconds(timestamp_ns - (self._origin_ns or 0)), 6)
        times: dict[str, Any] = {f"{name}_at": at}
        if self._origin_ns is not None:
            times[seconds_name] = since_s
        return times

    def _status(self, status: SourceStatus) -> dict[str, Any]:
        return {
            "type": "status",
            "source": source_name(status),
            "subject": status.subject_id,
            "role": status.role,
            "state": status.state,
            "since_at": self._at(status.since_ns),
            "reason": status.reason,
            "time_base": status.time_base,
            "reconnects": status.reconnects,
            "dropped": status.dropped,
            "bridged": status.bridged,
        }

    def _at(self, timestamp_ns: int) -> str:
        if self._clock is not None:
            timestamp_ns += self._clock.correction_ns()
        return utc_datetime(timestamp_ns).isoformat()


def read_event(line: Mapping[str, Any]) -> ActionEvent:
    """Return the event that ``RecordLines`` wrote, to the microsecond.

    Raises:
        KeyError, ValueError: If it is none.
    """
    return ActionEvent(
        event_id=line["event_id"],
        subject_id=line["subject"],
        name=line["name"],
        label=line["label"],
        state=line["state"],
        start_ns=utc_ns(line["start_at"]),
        end_ns=None if line["end_at"] is None else utc_ns(line["end_at"]),
        decided_ns=utc_ns(line["decided_at"]),
        peak_confidence=line["peak_confidence"],
        modality=line["modality"],
        model=line["model"],
        prompt_set=line["prompt_set"],
    )


def source_name(status: SourceStatus) -> str:
    """Return the name of a source in lines: its subject for a camera, or wearable."""
    return status.subject_id if status.role == "camera" else "wearable"


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {label: round(float(value), 4) for label, value in scores.items()}
