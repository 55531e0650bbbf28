"""Records that leave a process carry UTC."""

from dataclasses import replace

from pipelines.records import PeopleCount, WornStatus
from services.hub.history.seen import InView
from services.hub.reports import SubjectState
from services.watcher.report_times import move_record, move_state
from tests.services.test_record_lines import ALERT, BED, DRIFT, STATUS, event

MONTH_NS = 31 * 86_400 * 10**9


def test_events_are_moved_and_keep_their_ids() -> None:
    before = event(event(None).start_ns + 5)
    after = move_record(before, MONTH_NS)
    assert after.event_id == before.event_id
    assert before.end_ns is not None
    assert (after.start_ns, after.end_ns, after.decided_ns) == (
        before.start_ns + MONTH_NS,
        before.end_ns + MONTH_NS,
        before.decided_ns + MONTH_NS,
    )


def test_an_open_event_stays_open() -> None:
    assert move_record(event(None), MONTH_NS).end_ns is None


PEOPLE = PeopleCount("bed-1", 5, 2)


def test_a_record_moved_there_and_back_is_unchanged() -> None:
    there = move_record(event(None), MONTH_NS)
    assert move_record(there, -MONTH_NS) == event(None)
    alert = move_record(ALERT, MONTH_NS)
    assert alert.since_ns == ALERT.since_ns + MONTH_NS
    assert move_record(alert, -MONTH_NS) == ALERT


def test_a_state_is_moved_except_for_missing_parts() -> None:
    seen = SubjectState(
        *(STATUS, None),
        drift=DRIFT,
        predicted_ns=7,
        bed=BED,
        people=PEOPLE,
        worn=WornStatus("bed-1", "worn", 5),
        view=InView(9, 1.5),
    )
    moved = move_state(seen, MONTH_NS)
    assert move_state(SubjectState(), MONTH_NS) == SubjectState()
    assert moved.camera is not None
    assert moved.drift is not None
    assert moved.bed is not None
    assert moved.bed.since_ns == BED.since_ns + MONTH_NS
    assert moved.worn == WornStatus("bed-1", "worn", MONTH_NS + 5)
    assert moved.people == replace(PEOPLE, timestamp_ns=MONTH_NS + 5)
    assert moved.camera.since_ns == STATUS.since_ns + MONTH_NS
    assert moved.drift.decided_ns == DRIFT.decided_ns + MONTH_NS
    assert moved.predicted_ns == 7 + MONTH_NS
    assert moved.view == InView(9 + MONTH_NS, 1.5)
