"""Transactions of several processes at once, and errors without secrets."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, func, make_url, select

from services.errors import StoreError
from services.store.database import Database, read_url, sqlite_url
from services.store.store import Store
from services.store.tables import audit, notes
from tests.postgres_server import PASSWORD, PostgresServer


def test_two_processes_that_read_and_then_write_lose_nothing(store_url: URL) -> None:
    Store.migrated(store_url).close()
    databases = [Database(store_url), Database(store_url)]
    each = 40

    def work(connection: Connection) -> None:
        number = connection.execute(select(func.count()).select_from(audit)).scalar()
        row = {"who": "kim", "what": "test", "about": str(number), "detail": {}}
        connection.execute(audit.insert().values(at_ns=1, **row))

    def write(database: Database) -> None:
        for _ in range(each):
            database.do(work)

    threads = [threading.Thread(target=write, args=[it]) for it in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store.joined(store_url)
    assert len(store.audit.page(1000)) == 2 * each
    for opened in (*databases, store.database):
        opened.close()


def test_a_reader_does_not_wait_for_a_writer_and_sees_only_what_is_done(
    store_url: URL,
) -> None:
    writer, reader = Store.migrated(store_url), Store.joined(store_url)

    def work(connection: Connection) -> list[object]:
        connection.execute(notes.insert().values(name="a", content=1))
        return [reader.notes.recall("a")]

    assert writer.database.do(work) == [None]
    assert reader.notes.recall("a") == 1
    for store in (writer, reader):
        store.close()


def test_work_that_only_reads_cannot_write_in_postgresql(
    postgres: PostgresServer,
) -> None:
    store = Store.migrated(postgres.new_schema())
    with pytest.raises(StoreError, match="read-only transaction"):
        store.database.read(
            lambda connection: connection.execute(audit.delete()).rowcount
        )
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"password": "wrong secret"}, "password authentication failed"),
        ({"port": 1}, "Connection refused"),
        ({"database": "ward_9999"}, 'database "ward_9999" does not exist'),
    ],
)
def test_a_postgresql_that_cannot_be_used_is_one_line_without_its_password(
    postgres: PostgresServer, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(StoreError) as found:
        Store.migrated(postgres.url(**changes))
    line = str(found.value)
    assert line.startswith("postgresql 127.0.0.1:")
    assert problem in line
    assert "\n" not in line
    assert PASSWORD not in line
    assert "secret" not in line


@pytest.mark.slow
def test_a_postgresql_that_was_restarted_is_used_again() -> None:
    with PostgresServer() as server:
        store = Store.migrated(server.new_schema())
        store.notes.note("a", 1)
        server.stop()
        with pytest.raises(StoreError):
            store.notes.note("a", 2)
        server.start()
        store.notes.note("a", 3)
        assert store.notes.recall("a") == 3
        store.close()


@pytest.mark.parametrize(
    "text",
    ["hub.sqlite", "mysql://kim:secret@host/db", "sqlite://", "postgresql:/x:y@"],
)
def test_other_addresses_are_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(expected sqlite|sqlite needs)") as found:
        read_url(text)
    assert "secret" not in str(found.value)


def test_an_address_is_read_as_it_was_written(tmp_path: Path) -> None:
    odd = tmp_path / "50% of it"
    assert Database(sqlite_url(odd)).name == str(odd / "hub.sqlite")
    url = read_url("postgresql://kim:p%40ss@db.local:5433/ward")
    assert (url.password, url.port) == ("p@ss", 5433)
    socket = make_url("postgresql://kim@/ward?host=/run/postgresql")
    assert Database(socket).name == "postgresql /run/postgresql/ward"


def test_closing_waits_for_the_work_of_another_thread(store_url: URL) -> None:
    store = Store.migrated(store_url)
    begun, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        begun.set()
        go_on.wait(10)
        connection.execute(notes.insert().values(name="a", content=1))

    writing = threading.Thread(target=store.database.do, args=[work])
    closing = threading.Thread(target=store.close)
    writing.start()
    begun.wait(10)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()
    go_on.set()
    for thread in (writing, closing):
        thread.join(10)
    again = Store.joined(store_url)
    assert again.notes.recall("a") == 1
    again.close()
