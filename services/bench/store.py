"""How long a console waits for the store, beside a long history."""

import random
import statistics
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert

from pipelines.clock import NS_PER_S, Clock, ns_to_seconds, seconds_to_ns
from pipelines.live.alarms import Alarm, AlarmRule, raise_alarm
from pipelines.progress import Progress
from pipelines.records import BED_EXIT, FALL, LONG_LIE, ActionEvent
from services.bench.empty_store import make_empty_store
from services.store.alarms import put_alarms
from services.store.database import read_url, sqlite_url
from services.store.notes import EXPECTED_SOURCES
from services.store.outbox import Message
from services.store.pages import Filters, Key
from services.store.store import Store
from services.store.tables import events as event_table

_SUBJECTS: Final = tuple(f"bed-{number}" for number in range(1, 33))
_NAMES: Final = (FALL, BED_EXIT, LONG_LIE)
_EVENTS_EACH: Final = 50
"""Number of events for each alarm."""
_OPEN_ALARMS: Final = 3
_EPISODE_NS: Final = seconds_to_ns(20.0)
_BETWEEN_NS: Final = seconds_to_ns(60.0)
_ROWS: Final = 2000
_PAGE: Final = 50
_TRIES: Final = 21
_POINTS: Final = 33
_POSES: Final = 8


def measure_store(
    count: int,
    seed: int,
    folder: Path,
    clock: Clock,
    on_progress: Progress,
    database: str | None = None,
) -> dict[str, float]:
    """Fill a store and measure it.

    Args:
        count: Number of events.
        seed: Seed of the events.
        folder: Folder of an SQLite store, which must be empty.
        clock: Clock of the measurement.
        on_progress: Called while the store is filled.
        database: Address of an empty database, instead of SQLite.

    Returns:
        Numbers of rows, and medians in milliseconds.

    Raises:
        StoreError: If the database cannot be used, or is not empty.
    """
    url = sqlite_url(folder) if database is None else read_url(database)
    store = make_empty_store(url)
    rng = random.Random(seed)
    now_ns = clock.now_ns()
    alarms = _fill(store, count, rng, now_ns, on_progress)
    middle: Key = (now_ns - count // 2 * _BETWEEN_NS, "")
    one_bed = Filters(subject_ids=[_SUBJECTS[0]])
    rare = Filters(name=LONG_LIE)
    day_ns = 24 * 3600 * NS_PER_S
    measured: dict[str, Callable[[], object]] = {
        "wall_board_ms": lambda: _wall_board(store),
        "history_page_ms": lambda: store.events.page(Filters(), _PAGE),
        "history_middle_ms": lambda: store.events.page(Filters(), _PAGE, middle),
        "history_subject_ms": lambda: store.events.page(one_bed, _PAGE, middle),
        "history_name_ms": lambda: store.events.page(rare, _PAGE, middle),
        "alarms_page_ms": lambda: store.alarms.page(Filters(), _PAGE),
        "weeks_ms": lambda: store.alarms.weeks(now_ns - 84 * day_ns, now_ns),
        "day_ms": lambda: store.events.within(_SUBJECTS[0], now_ns - day_ns, now_ns),
        "store_event_ms": lambda: _store_event(store, rng, clock.now_ns()),
    }
    facts: dict[str, float] = {
        "events": count,
        "alarms": alarms,
        **{name: _median_ms(work, clock) for name, work in measured.items()},
    }
    store.close()
    return facts


def _median_ms(work: Callable[[], object], clock: Clock) -> float:
    spans_ns = []
    for _ in range(_TRIES):
        began_ns = clock.now_ns()
        work()
        spans_ns.append(clock.now_ns() - began_ns)
    return round(1000 * ns_to_seconds(int(statistics.median(spans_ns))), 2)


def _wall_board(store: Store) -> object:
    """Read what a wall board shows, with a new report of every subject."""
    alarms = store.alarms.open()
    return (
        alarms,
        store.live.some(store.live.stamps()),
        store.answers.latest([alarm.alarm_id for alarm in alarms]),
        store.notes.recall(EXPECTED_SOURCES),
    )


def _fill(
    store: Store, count: int, rng: random.Random, now_ns: int, on_progress: Progress
) -> int:
    """Write events, alarms and live states; return the number of alarms."""
    alarms = 0
    for first in range(0, count, _ROWS):
        numbers = range(first, min(first + _ROWS, count))
        found = [_event(number, count, rng, now_ns) for number in numbers]
        chosen = [it for it in found if rng.random() < 1 / _EVENTS_EACH]
        alarms += len(chosen)
        is_last = numbers[-1] == count - 1

        def work(
            connection: Connection,
            found: list[ActionEvent] = found,
            chosen: list[ActionEvent] = chosen,
            is_last: bool = is_last,
        ) -> None:
            connection.execute(insert(event_table), [_row(it) for it in found])
            left = _OPEN_ALARMS if is_last else 0
            over = [_alarm(it, is_over=True) for it in chosen[left:]]
            put_alarms(connection, [*over, *(_alarm(it) for it in chosen[:left])])

        store.database.do(work)
        on_progress("filling the store", numbers[-1] + 1, count, "events")
    live = {name: _live(rng) for name in _SUBJECTS}
    store.live.put(live, now_ns)
    return alarms


def _event(number: int, count: int, rng: random.Random, now_ns: int) -> ActionEvent:
    start_ns = now_ns - (count - number) * _BETWEEN_NS
    name = rng.choices(_NAMES, (30, 69, 1))[0]
    return ActionEvent(
        event_id=f"{rng.getrandbits(64):016x}",
        subject_id=rng.choice(_SUBJECTS),
        name=name,
        label="fallen",
        state="ended",
        start_ns=start_ns,
        end_ns=start_ns + _EPISODE_NS,
        decided_ns=start_ns + _EPISODE_NS,
        peak_confidence=0.9,
        modality="video",
        model="none",
        prompt_set="none",
    )


def _row(event: ActionEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "subject_id": event.subject_id,
        "name": event.name,
        "label": event.label,
        "started_ns": event.start_ns,
        "ended_ns": event.end_ns,
        "record": asdict(event),
    }


def _alarm(event: ActionEvent, *, is_over: bool = False) -> Alarm:
    alarm = raise_alarm(event, AlarmRule(), event.start_ns)
    if not is_over:
        return alarm
    return alarm.resolved("kim", "true", event.start_ns + _BETWEEN_NS)


def _live(rng: random.Random) -> dict[str, Any]:
    """Return the present of a subject with poses, as large as a watcher's."""

    def point() -> list[float]:
        return [round(rng.random(), 3), round(rng.random(), 3), round(rng.random(), 2)]

    people = [{"track": 1, "points": [point() for _ in range(_POINTS)]}]
    return {"state": "online", "poses": [{"people": people} for _ in range(_POSES)]}


def _store_event(store: Store, rng: random.Random, now_ns: int) -> None:
    """Store one event with its message and its alarm, as the hub does."""
    event = replace(_event(0, 0, rng, now_ns), state="started", end_ns=None)
    key = f"event {event.event_id} started"
    message = Message(key, "wardwatch/bench/bed-1/event", _row(event)["record"])
    store.take([message], {key: event}, now_ns, [_alarm(event)])
