"""Move records between pipeline time and UTC.

Pipeline time belongs to one process: each process reads UTC at its own start, maybe
before the system clock was right. So records that leave a process carry UTC by the
system clock as corrected now. The receiver moves them to its own pipeline time.
"""

from dataclasses import fields, replace
from typing import TypeVar

from pipelines.records import (
    ActionEvent,
    BedStatus,
    DriftAlert,
    DriftStatus,
    PeopleCount,
    SourceStatus,
    WornStatus,
)
from services.hub.reports import SubjectState

Moved = TypeVar(
    "Moved",
    ActionEvent,
    BedStatus,
    DriftAlert,
    DriftStatus,
    PeopleCount,
    SourceStatus,
    WornStatus,
)


def move_record(record: Moved, by_ns: int) -> Moved:
    """Return a record with all its times (``*_ns``) later by ``by_ns``; ids stay."""
    times = {
        field.name: at_ns + by_ns
        for field in fields(record)
        if field.name.endswith("_ns")
        if (at_ns := getattr(record, field.name)) is not None
    }
    return replace(record, **times)


def move_state(state: SubjectState, by_ns: int) -> SubjectState:
    """Return a subject's state with all its times later by ``by_ns``."""
    return replace(
        state,
        camera=state.camera and move_record(state.camera, by_ns),
        wearable=state.wearable and move_record(state.wearable, by_ns),
        drift=state.drift and move_record(state.drift, by_ns),
        bed=state.bed and move_record(state.bed, by_ns),
        people=state.people and move_record(state.people, by_ns),
        worn=state.worn and move_record(state.worn, by_ns),
        predicted_ns=state.predicted_ns and state.predicted_ns + by_ns,
        view=state.view and state.view.moved(by_ns),
    )
