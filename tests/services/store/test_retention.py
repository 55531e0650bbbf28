"""Only what is over and too old is deleted, and the audit says so."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from services.store.coverage import Covered
from services.store.live import PoseTrack
from services.store.notices import Notice
from services.store.pages import Filters
from services.store.retention import KeepFrom, delete_old
from services.store.store import Store
from services.store.tables import alarms, events, open_episodes, outbox
from tests.clip_rig import clip
from tests.services.store.rows import (
    DAY_NS,
    alarm,
    ended,
    event,
    message,
    resolved,
    take_event,
)

NOW_NS = 1000 * DAY_NS
LIMIT_NS = NOW_NS - 90 * DAY_NS
KEEP = KeepFrom(*[LIMIT_NS] * 7)


def test_old_rows_of_each_kind_are_deleted_and_the_audit_counts_them(
    store: Store,
) -> None:
    for at_ns, when in ((LIMIT_NS - 1, "old"), (LIMIT_NS, "new")):
        over = resolved(alarm(when, at_ns))
        taken = Notice(when, "far", when, "", "{}", outlives_alarm=True)
        store.take([message(when)], {}, at_ns, [over], [taken])
        take_event(store, ended(replace(event(event_id=when), start_ns=at_ns)))
        store.pose_tracks.put(PoseTrack(when, "bed-4", at_ns, {}))
        store.audit.add(at_ns, "kim", "looked", when, {})
        number = store.answers.give(when, "ack", {}, "kim", at_ns)
        store.take([], {}, at_ns, outcomes={number: ""})
    store.coverage.add([Covered("bed-4", "1972-06-28", "online", 1.0)])
    store.coverage.add([Covered("bed-4", "1972-06-29", "online", 1.0)])
    counts = delete_old(store.database, KEEP, NOW_NS)
    kinds = ("events", "alarms", "answers", "notices", "poses", "coverage", "audit")
    assert counts == dict.fromkeys(kinds, 1)
    assert [it.event_id for it in store.events.page(Filters(), 9)] == ["new"]
    assert store.alarms.ids() == ["new"]
    assert [it.key for it in store.notices.waiting()] == ["new"]
    assert store.pose_tracks.one("old") is None
    assert store.pose_tracks.one("new") is not None
    assert store.coverage.of_day("1972-06-28") == []
    assert len(store.coverage.of_day("1972-06-29")) == 1
    *deleted, looked = store.audit.page(9)
    assert looked.about == "new"
    assert {it.about for it in deleted} == set(kinds)
    assert {(it.who, it.what, it.at_ns) for it in deleted} == {
        ("hub", "deleted", NOW_NS)
    }
    before = "1972-06-29T00:00:00+00:00"
    assert deleted[0].detail == {"rows": 1, "before": before}
    assert delete_old(store.database, KEEP, NOW_NS) == {}


def test_what_is_not_over_stays_however_old_it_is(store: Store) -> None:
    take_event(store, event())  # goes on
    store.take([message("waits")], {}, 1, [alarm("a", 1)])
    store.pose_tracks.put(PoseTrack("a", "bed-4", 1, {}))
    store.answers.give("a", "ack", {}, "kim", 1)
    assert delete_old(store.database, KEEP, NOW_NS) == {}
    assert store.outbox.backlog()[0] == 2
    assert [it.alarm_id for it in store.alarms.open()] == ["a"]
    assert store.pose_tracks.one("a") is not None
    assert len(store.answers.waiting(9)) == 1


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(
        st.tuples(st.integers(LIMIT_NS - 3, LIMIT_NS + 3), st.booleans()), max_size=8
    )
)
def test_exactly_the_old_alarms_that_are_over_are_deleted(
    store: Store, rows: list[tuple[int, bool]]
) -> None:
    for table in (alarms, events, open_episodes, outbox):
        store.database.execute(table.delete())
    kept = set()
    for number, (at_ns, is_over) in enumerate(rows):
        it = alarm(str(number), at_ns)
        store.take([message(str(number))], {}, 1, [resolved(it) if is_over else it])
        if not is_over or at_ns >= LIMIT_NS:
            kept.add(str(number))
    delete_old(store.database, KEEP, NOW_NS)
    assert set(store.alarms.ids()) == kept


def test_many_rows_are_deleted_in_several_transactions(store: Store) -> None:
    row = {"subject_id": "bed-4", "name": "fall", "label": "fallen", "record": {}}
    rows = [{**row, "event_id": str(n), "started_ns": n} for n in range(7000)]
    store.database.do(lambda connection: connection.execute(insert(events), rows))
    assert delete_old(store.database, KEEP, NOW_NS) == {"events": 5000}
    assert delete_old(store.database, KEEP, NOW_NS) == {"events": 2000}
    assert delete_old(store.database, KEEP, NOW_NS) == {}


@pytest.mark.parametrize("shorter", ["clips", "alarms"])
def test_a_clip_goes_at_its_age_and_with_its_alarm_at_the_latest(
    store: Store, shorter: str
) -> None:
    for name, at_ns in (("old", LIMIT_NS - 1), ("new", LIMIT_NS)):
        store.take([message(name)], {}, 1, [alarm(name, at_ns)])  # both are open
        store.clips.put(clip(name, at_ns=at_ns))
    keep = replace(KEEP, **{"clips": 1, "alarms": 1, shorter: LIMIT_NS})
    assert delete_old(store.database, keep, NOW_NS) == {"clips": 1}
    assert (store.clips.has("old"), store.clips.has("new")) == (False, True)
    (entry,) = store.audit.page(9)
    assert (entry.about, entry.detail["rows"]) == ("clips", 1)
