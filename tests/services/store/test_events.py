"""Episodes that go on, and pages of the history."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.records import ActionEvent
from services.store.pages import Filters
from services.store.store import Store
from services.store.tables import events, open_episodes, outbox
from tests.services.store.rows import (
    DAY_NS,
    HOUR_NS,
    START_NS,
    ended,
    event,
    take_event,
)


def some_event(
    number: int, start_ns: int, subject: str = "bed-4", name: str = "fall"
) -> ActionEvent:
    it = event(event_id=f"e{number}")
    return replace(it, subject_id=subject, name=name, start_ns=start_ns)


def test_an_episode_is_open_until_it_ends(store: Store) -> None:
    take_event(store, event(), now_ns=1)
    take_event(store, event(), now_ns=2)
    assert store.events.open(["bed-4", "bed-5"]) == [event()]
    assert store.events.open(["bed-5"]) == []
    take_event(store, ended(event()), now_ns=3)
    take_event(store, event(), now_ns=4)  # late, by way of a second try
    assert store.events.open(["bed-4"]) == []


def test_the_history_has_each_episode_once_with_its_end(store: Store) -> None:
    take_event(store, event())
    assert store.events.page(Filters(), 9) == [event()]
    over = ended(event())
    take_event(store, over)
    take_event(store, event())
    assert store.events.page(Filters(), 9) == [over]


def test_a_page_holds_what_was_asked_for_the_newest_first(store: Store) -> None:
    rows = [
        some_event(1, 10),
        some_event(2, 30, subject="bed-5"),
        some_event(3, 20, name="long lie"),
        some_event(4, 40),
    ]
    for it in rows:
        take_event(store, it)

    def ids(filters: Filters) -> list[str]:
        return [it.event_id for it in store.events.page(filters, 9)]

    assert ids(Filters()) == ["e4", "e2", "e3", "e1"]
    assert ids(Filters(subject_ids=["bed-4"])) == ["e4", "e3", "e1"]
    assert ids(Filters(subject_ids=[])) == []
    assert ids(Filters(name="fall")) == ["e4", "e2", "e1"]
    assert ids(Filters(from_ns=20, to_ns=40)) == ["e2", "e3"]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    times=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    limit=st.integers(1, 5),
)
def test_pages_together_hold_every_row_once_in_order(
    store: Store, times: list[int], limit: int
) -> None:
    for table in (events, open_episodes, outbox):
        store.database.execute(table.delete())
    for number, time in enumerate(times):
        take_event(store, some_event(number, time))
    found: list[ActionEvent] = []
    before = None
    while page := store.events.page(Filters(), limit, before):
        assert len(page) <= limit
        found += page
        before = page[-1].start_ns, page[-1].event_id
    keys = [(it.start_ns, it.event_id) for it in found]
    every = {(time, f"e{number}") for number, time in enumerate(times)}
    assert keys == sorted(every, reverse=True)


def test_a_day_holds_what_happened_in_it_in_order(store: Store) -> None:
    start = START_NS
    before = ended(some_event(1, start - 2 * HOUR_NS))
    into = ended(some_event(2, start - HOUR_NS), 2 * HOUR_NS)
    within = ended(some_event(3, start + HOUR_NS))
    beyond = ended(some_event(4, start + DAY_NS - 1), HOUR_NS)
    after = some_event(5, start + DAY_NS)
    others = some_event(6, start, subject="bed-5")
    for it in (before, beyond, into, within, after, others):
        take_event(store, it)
    day = start, start + DAY_NS
    assert store.events.within("bed-4", *day) == [into, within, beyond]
    goes_on = some_event(7, start - 9 * DAY_NS)
    take_event(store, goes_on)
    assert store.events.within("bed-4", *day) == [goes_on, into, within, beyond]
