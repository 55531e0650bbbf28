"""A file that version 0.1 has made is kept and extended."""

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

import pytest

from services.store.database import sqlite_url
from services.store.pages import Filters
from services.store.store import Store
from tests.services.store.rows import alarm, event, message, resolved

VERSION_0_1 = Path(__file__).with_name("version_0_1.sql")


def make_old_file(folder: Path) -> None:
    """Make the file as version 0.1 did, with rows in it."""
    waiting, over = message("a"), resolved(alarm("e0"))
    rows = {
        "outbox": (1, "a", "topic/a", json.dumps(waiting.payload), 1, 5, None, None),
        "open_episodes": ("e1", "bed-4", json.dumps(asdict(event()))),
        "alarms": ("e0", "bed-4", 1, over.raised_ns, json.dumps(asdict(over))),
        "notices": (1, "n1", "nurses", "e1", "title", "body", 0),
        "notes": ("port", "9464"),
    }
    with sqlite3.connect(folder / "hub.sqlite") as connection:
        connection.executescript(VERSION_0_1.read_text())
        for table, row in rows.items():
            places = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({places})", row)
    connection.close()


@pytest.mark.parametrize("is_older", [False, True])
def test_what_version_0_1_stored_is_still_there(tmp_path: Path, is_older: bool) -> None:
    make_old_file(tmp_path)
    if is_older:  # before messages could be unproven
        with sqlite3.connect(tmp_path / "hub.sqlite") as connection:
            connection.execute("ALTER TABLE outbox DROP COLUMN unproven_ns")
        connection.close()
    store = Store.migrated(sqlite_url(tmp_path))
    assert [it.message for it in store.outbox.waiting(9)] == [message("a")]
    assert store.outbox.unproven_topics() == []
    assert store.events.open(["bed-4"]) == [event()]
    assert store.events.page(Filters(), 9) == [event()]
    assert store.alarms.one("e0") == resolved(alarm("e0"))
    assert store.alarms.page(Filters(name="fall"), 9) == [resolved(alarm("e0"))]
    (week,) = store.alarms.weeks(0, 2**62)
    assert (week.true, week.false) == (1, 0)
    assert [it.key for it in store.notices.waiting()] == ["n1"]
    assert store.notes.recall("port") == 9464
    store.close()
    Store.joined(sqlite_url(tmp_path)).close()
