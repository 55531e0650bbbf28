"""Alarms whose clock is set wait as long as before, over failures and restarts."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm
from services.errors import StoreError
from services.hub.alarms.desk import AlarmDesk
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store
from tests.services.store.rows import HOUR_NS, START_NS, event

SET_NS = 6 * HOUR_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.migrated(sqlite_url(tmp_path))
    yield opened
    opened.close()


def desk_of(store: Store) -> AlarmDesk:
    rules = Site(site="ward-3").common_alarm_rules()
    return AlarmDesk(store, Topics("wardwatch", "ward-3"), rules)


def keep(desk: AlarmDesk, store: Store, changed: list[Alarm]) -> list[str]:
    store.take([], {}, 1, changed)
    desk.keep(changed)
    return [it.state for it in changed]


def raised(store: Store) -> AlarmDesk:
    desk = desk_of(store)
    keep(desk, store, desk.of_time(START_NS, 0))
    assert keep(desk, store, desk.of_events([event()], START_NS)) == ["confirmed"]
    return desk


def test_moved_times_are_stored_so_that_a_restart_escalates_nothing(
    store: Store,
) -> None:
    desk, later_ns = raised(store), START_NS + SET_NS + NS_PER_S
    assert keep(desk, store, desk.of_time(later_ns, SET_NS)) == ["confirmed"]
    assert keep(desk, store, desk.of_time(later_ns, SET_NS)) == []
    again = desk_of(store)
    assert keep(again, store, again.of_time(later_ns, 0)) == []
    (alarm,) = again.open_alarms
    assert alarm.raised_ns == START_NS + SET_NS
    due_ns = START_NS + SET_NS + 60 * NS_PER_S
    assert keep(again, store, again.of_time(due_ns, 0)) == ["escalated"]


def test_moved_times_that_could_not_be_stored_are_moved_once_in_the_end(
    store: Store,
) -> None:
    async def fail() -> None:
        async with desk.changing():
            assert len(desk.of_time(START_NS + SET_NS, SET_NS)) == 1
            raise StoreError(place, "it is full")

    async def look() -> None:
        async with desk.changing():
            keep(desk, store, [])
            keep(desk, store, desk.of_time(START_NS + SET_NS, SET_NS))

    place = "hub.sqlite"
    desk = raised(store)
    with pytest.raises(StoreError):
        asyncio.run(fail())
    asyncio.run(look())
    (alarm,) = store.alarms.open()
    assert (alarm.raised_ns, alarm.state) == (START_NS + SET_NS, "confirmed")
