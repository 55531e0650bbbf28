"""Records that leave a process carry UTC."""

from services.hub.reports import SubjectState
from services.watcher.report_times import move_alerts, move_events, move_states
from tests.services.test_record_lines import ALERT, STANDING, STATUS, event

MONTH_NS = 31 * 86_400 * 10**9


def test_events_are_moved_and_keep_their_ids() -> None:
    (ended,) = move_events([event(event(None).start_ns + 5)], MONTH_NS)
    before = event(event(None).start_ns + 5)
    assert ended.event_id == before.event_id
    assert before.end_ns is not None
    assert (ended.start_ns, ended.end_ns, ended.decided_ns) == (
        before.start_ns + MONTH_NS,
        before.end_ns + MONTH_NS,
        before.decided_ns + MONTH_NS,
    )


def test_an_open_event_stays_open() -> None:
    assert move_events([event(None)], MONTH_NS)[0].end_ns is None


def test_what_is_moved_there_and_back_is_as_it_was() -> None:
    there = move_events([event(None)], MONTH_NS)
    assert move_events(there, -MONTH_NS) == (event(None),)
    alerts = move_alerts([ALERT], MONTH_NS)
    assert alerts[0].since_ns == ALERT.since_ns + MONTH_NS
    assert move_alerts(alerts, -MONTH_NS) == (ALERT,)


def test_states_are_moved_but_for_what_never_was() -> None:
    seen = SubjectState(STATUS, None, drift=STANDING, predicted_ns=7)
    states = move_states({"bed-4": seen, "bed-5": SubjectState()}, MONTH_NS)
    assert states["bed-5"] == SubjectState()
    moved = states["bed-4"]
    assert moved.camera is not None
    assert moved.drift is not None
    assert moved.camera.since_ns == STATUS.since_ns + MONTH_NS
    assert moved.drift.decided_ns == STANDING.decided_ns + MONTH_NS
    assert moved.predicted_ns == 7 + MONTH_NS
