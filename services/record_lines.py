"""Records as JSON lines for programs: one object per line; ``type`` names its kind.

Times are aware UTC as ``*_at``. Records of a recording also have seconds since its
presentation time 0: ``t_start_s``, ``t_end_s``, ``since_t_s`` and ``decided_t_s``. An
event that has not ended has null for its end.
"""

from collections.abc import Mapping
from typing import Any, final

from pipelines.clock import Clock, ns_to_seconds, utc_datetime, utc_ns
from pipelines.live.subject import Record
from pipelines.records import (
    ActionEvent,
    BedStatus,
    DriftAlert,
    DriftStatus,
    PeopleCount,
    Prediction,
    SourceStatus,
    WornStatus,
)

_OF_EVENT = ("peak_confidence", "modality", "model", "prompt_set")


@final
class RecordLines:
    """Turns records into lines.

    Args:
        origin_ns: Pipeline time of presentation time 0; None for live sources.
        clock: The clock of records in pipeline time; None for records in UTC.
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
            case PeopleCount():
                return self._people(record)
            case BedStatus():
                return self._state("bed", record)
            case WornStatus():
                return self._state("worn", record)

    def _prediction(self, prediction: Prediction) -> dict[str, Any]:
        return {
            "type": "prediction",
            "subject": prediction.subject_id,
            **self._time("start", "t_start_s", prediction.start_ns),
            **self._time("end", "t_end_s", prediction.end_ns),
            **_fields(prediction, "label", "confidence", "margin", "entropy"),
            **_fields(prediction, "fits", "partial", "missing_frames"),
            "scores": _rounded(prediction.scores),
            "cosines": _rounded(prediction.cosines),
            **_fields(prediction, "modality", "model", "prompt_set"),
        }

    def _event(self, event: ActionEvent) -> dict[str, Any]:
        return {
            "type": "event",
            "event_id": event.event_id,
            "subject": event.subject_id,
            **_fields(event, "name", "label", "state"),
            **self._time("start", "t_start_s", event.start_ns),
            **self._time("end", "t_end_s", event.end_ns),
            **self._time("decided", "decided_t_s", event.decided_ns),
            **_fields(event, *_OF_EVENT),
        }

    def _drift_alert(self, alert: DriftAlert) -> dict[str, Any]:
        return {
            "type": "drift",
            "alert_id": alert.alert_id,
            "subject": alert.subject_id,
            **_fields(alert, "state", "signal", "change"),
            "statistic": round(alert.statistic, 2),
            "threshold": round(alert.threshold, 2),
            "cause": alert.cause,
            **self._time("since", "since_t_s", alert.since_ns),
            **self._time("decided", "decided_t_s", alert.decided_ns),
        }

    def _drift_status(self, status: DriftStatus) -> dict[str, Any]:
        accuracy = [round(share, 4) for share in status.accuracy or ()]
        return {
            "type": "status",
            "source": "drift",
            "subject": status.subject_id,
            **_fields(status, "state", "learning_left_s"),
            "accuracy": accuracy[0] if accuracy else None,
            "accuracy_95": accuracy[1:] or None,
            **self._time("decided", "decided_t_s", status.decided_ns),
            "note": status.note,
        }

    def _status(self, status: SourceStatus) -> dict[str, Any]:
        return {
            "type": "status",
            "source": source_name(status),
            "subject": status.subject_id,
            **_fields(status, "role", "state"),
            "since_at": self._at(status.since_ns),
            **_fields(status, "reason", "time_base"),
            **_fields(status, "reconnects", "dropped", "bridged"),
        }

    def _state(self, kind: str, status: BedStatus | WornStatus) -> dict[str, Any]:
        return {
            "type": kind,
            "subject": status.subject_id,
            "state": status.state,
            **self._time("since", "since_t_s", status.since_ns),
        }

    def _people(self, people: PeopleCount) -> dict[str, Any]:
        return {
            "type": "people",
            "subject": people.subject_id,
            "count": people.count,
            **self._time("since", "since_t_s", people.timestamp_ns),
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

    def _at(self, timestamp_ns: int) -> str:
        if self._clock is not None:
            timestamp_ns += self._clock.correction_ns()
        return utc_datetime(timestamp_ns).isoformat()


def read_event(line: Mapping[str, Any]) -> ActionEvent:
    """Return the event of a line of ``RecordLines``, to the microsecond.

    Raises:
        KeyError, ValueError: If the line is not an event.
    """
    same = ("event_id", "name", "label", "state", *_OF_EVENT)
    return ActionEvent(
        subject_id=line["subject"],
        start_ns=utc_ns(line["start_at"]),
        end_ns=None if line["end_at"] is None else utc_ns(line["end_at"]),
        decided_ns=utc_ns(line["decided_at"]),
        **{name: line[name] for name in same},
    )


def source_name(status: SourceStatus) -> str:
    """Return the source's name in lines: the subject for a camera, or wearable."""
    return status.subject_id if status.role == "camera" else "wearable"


def _fields(record: Record, *names: str) -> dict[str, Any]:
    """Return fields of a record by their own names; floats have four decimals."""
    values = {name: getattr(record, name) for name in names}
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in values.items()
    }


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {label: round(float(value), 4) for label, value in scores.items()}
