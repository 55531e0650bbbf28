"""What was taken is there after any end of the process, once, all or nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import URL

from services.errors import StoreError
from services.store.database import sqlite_url
from services.store.notices import Notice
from services.store.store import Store
from tests.services.store.rows import alarm, event, message, resolved


def test_a_store_that_is_opened_again_has_what_was_taken(store_url: URL) -> None:
    store = Store.migrated(store_url)
    store.take([message("a")], {"a": event()}, 5, [alarm()], [NOTICE])
    store.close()
    again = Store.migrated(store_url)
    assert [it.message for it in again.outbox.waiting(9)] == [message("a")]
    assert again.events.open(["bed-4"]) == [event()]
    assert again.alarms.open() == [alarm()]
    assert again.notices.waiting() == [NOTICE]
    again.close()


NOTICE = Notice("n1", "nurses", "e1", "bed-4: fall", "confirmed")


def test_of_a_transaction_that_fails_nothing_is_stored(store: Store) -> None:
    bad = Notice("n1", None, "e1", "", "")  # type: ignore[arg-type]  # refused
    with pytest.raises(StoreError):
        store.take([message("a")], {"a": event()}, 5, [alarm()], [bad])
    assert store.outbox.waiting(9) == []
    assert store.events.open(["bed-4"]) == []
    assert store.alarms.open() == []


def test_the_outcome_of_an_answer_is_stored_with_the_change_of_its_alarm(
    store: Store,
) -> None:
    number = store.answers.give("e1", "resolve", {"verdict": "true"}, "kim", 7)
    over = resolved(alarm())
    store.take([message("a")], {}, 5, [over], outcomes={number: ""})
    assert store.alarms.one("e1") == over
    answer = store.answers.one(number)
    assert answer is not None
    assert answer.outcome == ""
    assert store.answers.waiting(9) == []


@pytest.mark.slow
def test_what_was_taken_survives_a_killed_process(store_url: URL) -> None:
    script = (
        "import os, sys; from sqlalchemy import make_url;"
        "from services.store.outbox import Message;"
        "from services.store.store import Store;"
        "store = Store.migrated(make_url(sys.argv[1]));"
        "store.take([Message('a', 't', {})], {}, 1);"
        "os.kill(os.getpid(), 9)"
    )
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    address = store_url.render_as_string(hide_password=False)
    ended = subprocess.run(
        [sys.executable, "-c", script, address], env=environment, check=False
    )
    assert ended.returncode == -9
    store = Store.joined(store_url)
    assert [it.message.key for it in store.outbox.waiting(9)] == ["a"]
    store.close()


def test_a_folder_or_file_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("words")
    with pytest.raises(StoreError, match=r"file: File exists$"):
        Store.migrated(sqlite_url(blocked))
    (tmp_path / "hub.sqlite").write_text("no database" * 100)
    with pytest.raises(StoreError, match=r"hub\.sqlite: file is not a database$"):
        Store.migrated(sqlite_url(tmp_path))


def test_a_console_before_the_first_hub_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"hub\.sqlite: does not exist; start the hub"):
        Store.joined(sqlite_url(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_can_be_read_by_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    Store.migrated(sqlite_url(folder)).close()
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"hub.sqlite": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_store_is_for_the_site_that_first_used_it(store_url: URL) -> None:
    Store.migrated(store_url).close()  # as one of an earlier version
    Store.joined(store_url, "north").close()
    Store.migrated(store_url, "north").close()
    Store.migrated(store_url, "north").close()
    for open_store in (Store.migrated, Store.joined):
        with pytest.raises(StoreError, match=r"is the store of site north; give site"):
            open_store(store_url, "south")
    Store.migrated(store_url, "south", former_site="north").close()
    Store.migrated(store_url, "south", former_site="north").close()  # again
    with pytest.raises(StoreError, match=r"is the store of site south; give site"):
        Store.joined(store_url, "north")
