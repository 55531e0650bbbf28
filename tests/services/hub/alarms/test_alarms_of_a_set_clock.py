"""Alarms whose clock is set wait as long as before, over failures and restarts."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from pipelines.live.alarms import Alarm
from services.errors import StoreError
from services.hub.alarms.answers import Answer
from services.hub.alarms.desk import AlarmDesk
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store
from tests.fakes import FakeClock
from tests.services.store.rows import HOUR_NS, START_NS, event

SET_S = 6 * 3600.0
SET_NS = 6 * HOUR_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.migrated(sqlite_url(tmp_path))
    yield opened
    opened.close()


class Hub:
    """The alarms of a hub whose clock a test sets."""

    def __init__(self, store: Store, start_ns: int = START_NS) -> None:
        self.store, self.clock = store, FakeClock(start_ns)
        rules = Site(site="ward-3").common_alarm_rules()
        topics = Topics("wardwatch", "ward-3")
        self.desk = AlarmDesk(store, topics, rules, self.clock)

    @property
    def utc_ns(self) -> int:
        return self.clock.now_ns() + self.clock.correction_ns()

    def change(self, of: Callable[[int], list[Alarm]]) -> list[str]:
        """Keep what the desk changes at the present UTC; return the new states."""

        async def scene() -> list[str]:
            async with self.desk.changing():
                changed = of(self.utc_ns)
                self.store.take([], {}, 1, changed)
                self.desk.keep(changed)
                return [alarm.state for alarm in changed]

        return asyncio.run(scene())

    def raise_alarm(self, event_id: str = "e1") -> None:
        started = [event(event_id=event_id)]
        states = self.change(lambda now_ns: self.desk.of_events(started, now_ns))
        assert states == ["confirmed"]

    def pass_time(self) -> list[str]:
        return self.change(self.desk.of_time)


def test_moved_times_are_stored_so_that_a_restart_escalates_nothing(
    store: Store,
) -> None:
    hub = Hub(store)
    hub.raise_alarm()
    hub.clock.correct_s(SET_S)
    hub.clock.advance_s(1)
    assert hub.pass_time() == []
    again = Hub(store, hub.utc_ns)
    assert again.pass_time() == []
    (alarm,) = again.desk.open_alarms
    assert alarm.raised_ns == START_NS + SET_NS
    again.clock.advance_s(59)
    assert again.pass_time() == ["escalated"]


def test_moved_times_that_could_not_be_stored_are_moved_once_in_the_end(
    store: Store,
) -> None:
    hub = Hub(store)
    hub.raise_alarm()
    hub.clock.correct_s(SET_S)
    full = "BEGIN SELECT RAISE(ABORT, 'it is full'); END"
    store.database.execute(text(f"CREATE TRIGGER f BEFORE UPDATE ON alarms {full}"))
    with pytest.raises(StoreError, match="it is full"):
        hub.pass_time()
    store.database.execute(text("DROP TRIGGER f"))
    assert hub.pass_time() == []
    (alarm,) = store.alarms.open()
    assert (alarm.raised_ns, alarm.state) == (START_NS + SET_NS, "confirmed")


def test_what_happens_before_the_next_round_is_dated_by_the_set_clock_once(
    store: Store,
) -> None:
    #  e1 raised   clock set   e2 raised, e1 acknowledged   round
    # [0 ────────────── 6 h ──────── 6 h + 1 s ─────────── 6 h + 1 s
    hub = Hub(store)
    hub.raise_alarm("e1")
    hub.clock.correct_s(SET_S)
    hub.clock.advance_s(1)
    hub.raise_alarm("e2")
    answer = Answer("e1", "ack", {"by": "kim"})
    hub.change(lambda now_ns: hub.desk.of_answer(answer, now_ns))
    hub.pass_time()
    known, new = store.alarms.open()
    assert known.raised_ns == START_NS + SET_NS
    assert known.history[-1].at_ns == new.raised_ns == hub.utc_ns
