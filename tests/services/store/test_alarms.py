"""Open alarms, pages of all, and what people found."""

from dataclasses import replace

from services.store.alarms import AlarmWeek
from services.store.notices import Notice
from services.store.pages import Filters
from services.store.store import Store
from tests.services.store.rows import DAY_NS, HOUR_NS, alarm, message, resolved

MONDAY_NS = 1_699_833_600_000_000_000  # 2023-11-13, 00:00 UTC


def test_an_alarm_is_open_until_it_is_over(store: Store) -> None:
    later, earlier = alarm("b", 20), alarm("a", 10)
    store.take([message("1")], {}, 1, [later, earlier])
    assert store.alarms.open() == [earlier, later]
    over = resolved(earlier)
    store.take([message("2")], {}, 1, [over])
    assert store.alarms.open() == [later]
    assert store.alarms.one("a") == over
    assert store.alarms.one("c") is None
    assert sorted(store.alarms.ids()) == ["a", "b"]


def test_notices_of_an_alarm_that_is_over_are_deleted_but_for_webhooks(
    store: Store,
) -> None:
    notices = [
        Notice(f"{name} 0", "nurses", name, "bed-4: fall", "confirmed", name == "c")
        for name in ("a", "b", "c")
    ]
    store.take([message("1")], {}, 1, [alarm(it) for it in "abc"], notices)
    store.take([message("2")], {}, 1, [resolved(alarm(it)) for it in "ac"])
    assert store.notices.waiting() == notices[1:]
    assert store.notices.waiting(1) == notices[1:2]


def test_a_page_of_alarms_holds_what_was_asked_for_the_newest_first(
    store: Store,
) -> None:
    rows = [alarm(name, at_ns) for at_ns, name in enumerate("abcd")]
    other = alarm("e", 9, subject="bed-5")
    store.take([message("1")], {}, 1, [*rows, other])
    first = store.alarms.page(Filters(), 2)
    assert first == [other, rows[3]]
    before = first[-1].raised_ns, first[-1].alarm_id
    assert store.alarms.page(Filters(), 9, before) == rows[2::-1]
    assert store.alarms.page(Filters(subject_ids=["bed-5"]), 9) == [other]
    assert store.alarms.page(Filters(name="bed exit"), 9) == []
    assert store.alarms.page(Filters(name="fall", to_ns=1), 9) == [rows[0]]


def test_weeks_count_what_people_found(store: Store) -> None:
    week_ns = 7 * DAY_NS
    rows = [
        resolved(alarm("a", MONDAY_NS), "true"),
        resolved(alarm("b", MONDAY_NS + week_ns - 1 - HOUR_NS), "false"),
        resolved(alarm("c", MONDAY_NS + DAY_NS), "true"),
        alarm("d", MONDAY_NS + DAY_NS),
        resolved(alarm("e", MONDAY_NS + week_ns), None),
        resolved(alarm("f", MONDAY_NS, subject="bed-5"), "false"),
        alarm("g", MONDAY_NS - 1),
        replace(alarm("h", MONDAY_NS), kind="technical"),
    ]
    store.take([message("1")], {}, 1, rows)
    found = store.alarms.weeks(MONDAY_NS, MONDAY_NS + 2 * week_ns)
    assert found == [
        AlarmWeek("bed-4", MONDAY_NS, 4, 2, 1),
        AlarmWeek("bed-5", MONDAY_NS, 1, 0, 1),
        AlarmWeek("bed-4", MONDAY_NS + week_ns, 1, 0, 0),
    ]
    assert [it.precision for it in found] == [2 / 3, 0.0, None]
