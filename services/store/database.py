"""A database, SQLite or PostgreSQL: transactions, their errors, and upserts.

A transaction is on the disk when it returns, and several processes may have the same
database open. In SQLite a transaction that writes takes the lock at its beginning,
because one that reads first and writes later fails if another process wrote between.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, final

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Executable,
    Row,
    Select,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from pipelines.redaction import redact
from services.errors import StoreError

FILE_NAME: Final = "hub.sqlite"

_READS: Final = "wardwatch_reads"
_WAIT_MS: Final = 5000
"""Longest wait for a lock that another process holds, in milliseconds."""
_PAUSE_MS: Final = 20
_CONNECT_S: Final = 5
_CLOSE_S: Final = 10.0
_ANSWER_MS: Final = 10_000
"""Time after which a connection without an answer of the other machine is closed."""

Answer = TypeVar("Answer")
Query = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]


def sqlite_url(folder: Path) -> URL:
    """Return the URL of the SQLite file in a folder."""
    return URL.create("sqlite", database=str(folder / FILE_NAME))


def read_url(text: str) -> URL:
    """Return a database's URL.

    Raises:
        ValueError: If it is no URL of SQLite or PostgreSQL; without the text itself,
            which may hold a password.
    """
    try:
        url = make_url(text)
    except SQLAlchemyError:
        url = None
    if url is None or url.get_backend_name() not in ("sqlite", "postgresql"):
        msg = "expected sqlite:////PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
        raise ValueError(msg)
    is_absolute = Path(url.database or "").is_absolute()
    if url.get_backend_name() == "sqlite" and not is_absolute:
        msg = "sqlite needs a whole path, as in sqlite:////var/lib/wardwatch/hub.sqlite"
        raise ValueError(msg)
    return url


@final
class Database:
    """A database; every method raises ``StoreError`` if it cannot be read or written.

    Nothing is opened before the first transaction.

    Attributes:
        name: The file, or host and database, without a login.

    Raises:
        StoreError: If a driver is missing.
    """

    def __init__(self, url: URL) -> None:
        self.name = _name_of(url)
        self._password = str(url.password or "")
        self._is_file = url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"hide_parameters": True}
        if not self._is_file:
            url = url.set(drivername="postgresql+psycopg")
            options["pool_pre_ping"] = True
            options["connect_args"] = {
                "connect_timeout": _CONNECT_S,
                "tcp_user_timeout": _ANSWER_MS,
            }
        try:
            self._engine: Engine = create_engine(url, **options)
        except (SQLAlchemyError, ModuleNotFoundError) as err:
            problem = "needs psycopg: pip install --editable '.[postgres]'"
            raise StoreError(self.name, problem) from err
        if self._is_file:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            event.listen(self._engine, "connect", _prepare_postgresql)
        reading = {_READS: True} if self._is_file else {"postgresql_readonly": True}
        self._reading = self._engine.execution_options(**reading)
        self._working, self._idle = 0, threading.Condition()

    @property
    def is_file(self) -> bool:
        """Whether it is an SQLite file."""
        return self._is_file

    def close(self) -> None:
        """Close all connections, once the work of other threads is done."""
        with self._idle:
            self._idle.wait_for(lambda: not self._working, _CLOSE_S)
        self._engine.dispose()

    def do(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do work that may write, in one transaction."""
        return self._within(self._engine, work)

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do work that only reads, in one transaction; it never waits for a writer."""
        return self._within(self._reading, work)

    def execute(self, statement: Executable) -> None:
        """Execute one statement in a transaction of its own."""
        self.do(lambda connection: connection.execute(statement))

    def rows(self, query: Query) -> Sequence[AnyRow]:
        """Return the rows of a query."""
        return self.read(lambda connection: connection.execute(query).all())

    def row(self, query: Query) -> AnyRow | None:
        """Return the first row of a query, or None."""
        return self.read(lambda connection: connection.execute(query).first())

    def _within(self, engine: Engine, work: Callable[[Connection], Answer]) -> Answer:
        with self._idle:
            self._working += 1
        try:
            with engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as err:
            cause = str(getattr(err, "orig", None) or type(err).__name__)
            line = next(iter(cause.strip().splitlines()), type(err).__name__)
            raise StoreError(self.name, redact(line, [self._password])) from err
        finally:
            with self._idle:
                self._working -= 1
                self._idle.notify_all()


def insert_new(
    connection: Connection, table: Table, row: Mapping[str, Any], key: str
) -> bool:
    """Insert a row; return whether it is new, by the unique column ``key``."""
    added = _insert(connection, table).values(dict(row))
    statement = added.on_conflict_do_nothing().returning(table.c[key])
    return connection.execute(statement).first() is not None


def replace_row(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert a row in place of the one with the same primary key."""
    keys = [column.name for column in table.primary_key]
    added = _insert(connection, table).values(dict(row))
    rest = {name: value for name, value in row.items() if name not in keys}
    connection.execute(added.on_conflict_do_update(index_elements=keys, set_=rest))


def add_to_row(
    connection: Connection, table: Table, row: Mapping[str, Any], column: str
) -> None:
    """Insert a row, or add its number to the one with the same primary key."""
    keys = [each.name for each in table.primary_key]
    added = _insert(connection, table).values(dict(row))
    total = {column: table.c[column] + added.excluded[column]}
    connection.execute(added.on_conflict_do_update(index_elements=keys, set_=total))


def _insert(
    connection: Connection, table: Table
) -> "sqlite.Insert | postgresql.Insert":
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _name_of(url: URL) -> str:
    """Return the place of a database without its login."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or str(url.query.get("host", "localhost"))
    port = "" if url.port is None else f":{url.port}"
    return f"postgresql {host}{port}/{url.database or ''}"


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    """Let each transaction return only when it is on the disk."""
    del record
    connection.isolation_level = None  # transactions begin below, not in the driver
    _use_wal(connection)
    for pragma in (f"busy_timeout={_WAIT_MS}", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Change to WAL, which needs the file alone for a moment.

    Where two connections change a new file at once, SQLite refuses one of them without
    the wait of ``busy_timeout``, lest each waits for the other. So the wait is here.
    """
    connection.execute("PRAGMA busy_timeout=0")
    pause = threading.Event()
    for left in reversed(range(_WAIT_MS // _PAUSE_MS)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as err:
            code = err.sqlite_errorcode & 0xFF  # without its subtype, as in a recovery
            if code != sqlite3.SQLITE_BUSY or not left:
                raise
            pause.wait(_PAUSE_MS / 1000)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _prepare_postgresql(connection: Any, record: object) -> None:  # noqa: ANN401
    """Do the same as in SQLite, whatever the server's defaults are."""
    del record
    connection.autocommit = True
    connection.execute("SET synchronous_commit = on")
    connection.execute(f"SET lock_timeout = {_WAIT_MS}")
    connection.autocommit = False
