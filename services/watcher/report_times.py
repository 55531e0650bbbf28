"""Move records between pipeline time and UTC.

Pipeline time belongs to one process: each reads UTC at its own start, maybe before the
system clock was set. So records that leave a process carry UTC, as its clock is known
to be right now, and what comes back is converted to the receiver's pipeline time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipelines.records import ActionEvent, DriftAlert, DriftStatus, SourceStatus
from services.hub.reports import SubjectState


def move_events(events: Iterable[ActionEvent], by_ns: int) -> tuple[ActionEvent, ...]:
    """Return events with all their times later by ``by_ns``; their ids stay."""
    return tuple(
        replace(
            event,
            start_ns=event.start_ns + by_ns,
            end_ns=None if event.end_ns is None else event.end_ns + by_ns,
            decided_ns=event.decided_ns + by_ns,
        )
        for event in events
    )


def move_alerts(alerts: Iterable[DriftAlert], by_ns: int) -> tuple[DriftAlert, ...]:
    """Return alerts with all their times later by ``by_ns``; their ids stay."""
    return tuple(
        replace(
            alert,
            since_ns=alert.since_ns + by_ns,
            decided_ns=alert.decided_ns + by_ns,
        )
        for alert in alerts
    )


def move_states(
    states: Mapping[str, SubjectState], by_ns: int
) -> dict[str, SubjectState]:
    """Return subjects' states with all their times later by ``by_ns``."""
    return {
        name: replace(
            state,
            camera=_moved_status(state.camera, by_ns),
            wearable=_moved_status(state.wearable, by_ns),
            drift=_moved_drift(state.drift, by_ns),
            predicted_ns=state.predicted_ns and state.predicted_ns + by_ns,
        )
        for name, state in states.items()
    }


def _moved_status(status: SourceStatus | None, by_ns: int) -> SourceStatus | None:
    return status and replace(status, since_ns=status.since_ns + by_ns)


def _moved_drift(status: DriftStatus | None, by_ns: int) -> DriftStatus | None:
    return status and replace(status, decided_ns=status.decided_ns + by_ns)
