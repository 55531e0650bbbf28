"""What a console shows of a subject now, as one JSON object.

It replaces the one before with every report. It holds landmarks and no pixels.
"""

from typing import Any

from pipelines.clock import utc_datetime
from services.hub.history.seen import people_json, zones_json
from services.hub.reports import SubjectState
from services.hub.topics import overall_state, source_json
from services.record_lines import RecordLines

_LINES = RecordLines()


def live_json(state: SubjectState) -> dict[str, Any]:
    """Return a subject's present state.

    ``poses`` are those since the previous report. Their points, and the corners of
    ``zones``, are in heights of the picture; ``aspect`` is its width over its height.
    What is not known is null.
    """
    overall, reason = overall_state(state)
    view = state.view
    return {
        "state": overall,
        "reason": reason,
        "action": _action(state),
        "people": None if state.people is None else state.people.count,
        "bed": None if state.bed is None else state.bed.state,
        "worn": None if state.worn is None else state.worn.state,
        "camera": source_json(state.camera) if state.has_camera else None,
        "imu": source_json(state.wearable) if state.has_wearable else None,
        "drift": None if state.drift is None else _LINES.line(state.drift),
        "picture_at": None if view is None else _time(view.picture_ns),
        "aspect": None if view is None else round(view.aspect, 4),
        "poses": [
            {"at": _time(seen.at_ns), "people": people_json(seen.people)}
            for seen in (() if view is None else view.poses)
        ],
        "zones": [] if view is None else zones_json(state.zones, view.aspect),
    }


def _action(state: SubjectState) -> dict[str, Any] | None:
    if not state.predicted_ns:
        return None
    return {
        "label": state.label,
        "confidence": round(state.confidence, 4),
        "at": _time(state.predicted_ns),
    }


def _time(time_ns: int) -> str:
    return utc_datetime(time_ns).isoformat()
