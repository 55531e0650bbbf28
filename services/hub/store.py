"""The store: messages until their delivery is proven, and open episodes.

A message is on disk before its sender hears that it was accepted. Its key says what
it tells: given twice, it is kept and published once.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.exc import SQLAlchemyError

from pipelines.clock import NS_PER_S
from pipelines.records import ActionEvent
from services.errors import StoreError

_NAME = "hub.sqlite"
_REMEMBERED_NS = 24 * 3600 * NS_PER_S
"""How long a delivered message is known, so that it is not taken again."""
_REMEMBERED_MESSAGES = 1000

Answer = TypeVar("Answer")

_tables = MetaData()
_outbox = Table(
    "outbox",
    _tables,
    Column("number", Integer, primary_key=True),
    Column("key", String, unique=True, nullable=False),
    Column("topic", String, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("retain", Boolean, nullable=False),
    Column("queued_ns", BigInteger, nullable=False),
    Column("delivered_ns", BigInteger, index=True),
    Column("unproven_ns", BigInteger),
)
_UNPROVEN = _outbox.c.delivered_ns.is_(None), _outbox.c.unproven_ns.is_not(None)
_episodes = Table(
    "open_episodes",
    _tables,
    Column("event_id", String, primary_key=True),
    Column("subject_id", String, index=True, nullable=False),
    Column("record", JSON, nullable=False),
)
_notes = Table(
    "notes",
    _tables,
    Column("name", String, primary_key=True),
    Column("content", JSON, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be published.

    Attributes:
        key: What it tells; two messages of one key tell the same.
        topic: Where to.
        payload: A JSON object; an empty one makes the broker forget what it kept.
        retain: Whether the broker keeps it for later subscribers.
    """

    key: str
    topic: str
    payload: dict[str, Any]
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """A message whose delivery is not proven."""

    number: int
    message: Message
    queued_ns: int


@final
class Store:
    """SQLite in a folder, written through to the disk.

    Args:
        folder: Made if need be.

    Raises:
        StoreError: If it cannot be opened, or later if it cannot be written or read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StoreError(str(folder), err.strerror or "cannot be made") from err
        self._engine: Engine = create_engine(f"sqlite:///{self.path}")
        event.listen(self._engine, "connect", _write_through)
        self._do(_tables.create_all)
        self._do(_add_columns)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def take(
        self,
        messages: Sequence[Message],
        events: Mapping[str, ActionEvent],
        now_ns: int,
    ) -> frozenset[str]:
        """Write down messages to publish and what events change, all or nothing.

        Args:
            messages: In their order.
            events: By the key of the event's message; one that was stored before
                changes nothing, for it may be over by now.
            now_ns: When.

        Returns:
            The keys of the messages that were new.
        """

        def work(connection: Connection) -> frozenset[str]:
            new: set[str] = set()
            for message in messages:
                row = {**asdict(message), "queued_ns": now_ns}
                added = insert_or(_outbox).values(row).on_conflict_do_nothing()
                if connection.execute(added).rowcount:
                    new.add(message.key)
            for it in (events[key] for key in events if key in new):
                same = _episodes.c.event_id == it.event_id
                connection.execute(delete(_episodes).where(same))
                if it.state == "started":
                    row = {"event_id": it.event_id, "subject_id": it.subject_id}
                    connection.execute(
                        insert(_episodes).values({**row, "record": asdict(it)})
                    )
            return frozenset(new)

        return self._do(work)

    def waiting(self, most: int, without: Collection[str] = ()) -> list[Queued]:
        """Return the oldest messages that are still to be published, in their order.

        Args:
            most: At most so many.
            without: Topics whose messages are left out.
        """
        chosen = (
            _outbox.c.delivered_ns.is_(None),
            _outbox.c.unproven_ns.is_(None),
            _outbox.c.topic.not_in(list(without)),
        )
        return self._queued(
            select(_outbox).where(*chosen).order_by(_outbox.c.number).limit(most)
        )

    def delivered(self, number: int, now_ns: int) -> None:
        """Note that a message is delivered; forget those of the day before.

        The latest are kept whatever the clock says: it may have been set.
        """
        done = update(_outbox).where(_outbox.c.number == number)
        old = delete(_outbox).where(
            _outbox.c.delivered_ns < now_ns - _REMEMBERED_NS,
            _outbox.c.number < number - _REMEMBERED_MESSAGES,
        )

        def work(connection: Connection) -> None:
            connection.execute(done.values(delivered_ns=now_ns))
            connection.execute(old)

        self._do(work)

    def move_times(self, by_ns: int) -> None:
        """Make all times later by ``by_ns``, because their clock was set."""
        later = update(_outbox).values(
            queued_ns=_outbox.c.queued_ns + by_ns,
            delivered_ns=_outbox.c.delivered_ns + by_ns,
            unproven_ns=_outbox.c.unproven_ns + by_ns,
        )
        self._do(lambda connection: connection.execute(later))

    def drop(self, number: int) -> None:
        """Forget a message that nobody needs to hear any more."""
        gone = delete(_outbox).where(_outbox.c.number == number)
        self._do(lambda connection: connection.execute(gone))

    def unproven(self, number: int, now_ns: int) -> None:
        """Note that a message was published and nothing proves its delivery."""
        sent = update(_outbox).where(_outbox.c.number == number)
        self._do(lambda it: it.execute(sent.values(unproven_ns=now_ns)))

    def unproven_topics(self) -> list[str]:
        """Return the topics that have messages whose delivery is unproven."""
        query = select(_outbox.c.topic).where(*_UNPROVEN).distinct()
        rows = self._do(lambda connection: connection.execute(query).all())
        return [row.topic for row in rows]

    def oldest_unproven(self, topic: str) -> Queued | None:
        """Return the oldest message of a topic whose delivery is unproven."""
        chosen = select(_outbox).where(*_UNPROVEN, _outbox.c.topic == topic)
        found = self._queued(chosen.order_by(_outbox.c.number).limit(1))
        return found[0] if found else None

    def publish_again(self, topic: str) -> None:
        """Let a topic's messages of unproven delivery wait as if they were new."""
        again = update(_outbox).where(*_UNPROVEN, _outbox.c.topic == topic)
        self._do(lambda it: it.execute(again.values(unproven_ns=None)))

    def discard(self, prefix: str) -> list[str]:
        """Drop undelivered messages whose topic begins so.

        Returns:
            Every topic of that beginning that the outbox knew, delivered or not.
        """
        ours = _outbox.c.topic.startswith(prefix, autoescape=True)

        def work(connection: Connection) -> list[str]:
            topics = connection.execute(select(_outbox.c.topic).where(ours).distinct())
            found = [row.topic for row in topics.all()]
            waits = _outbox.c.delivered_ns.is_(None)
            connection.execute(delete(_outbox).where(ours, waits))
            return found

        return self._do(work)

    def backlog(self) -> tuple[int, int | None]:
        """Return how many messages wait, and since when the oldest does."""
        query = select(func.count(), func.min(_outbox.c.queued_ns)).where(
            _outbox.c.delivered_ns.is_(None)
        )
        count, oldest = self._do(lambda connection: connection.execute(query).one())
        return count, oldest

    def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        """Return the episodes of some subjects that have started and not ended."""
        query = select(_episodes.c.record).where(
            _episodes.c.subject_id.in_(subject_ids)
        )
        rows = self._do(lambda connection: connection.execute(query).all())
        return [ActionEvent(**row.record) for row in rows]

    def recall(self, name: str) -> object:
        """Return what was noted under a name, or None."""
        query = select(_notes.c.content).where(_notes.c.name == name)
        return self._do(lambda connection: connection.execute(query).scalar())

    def note(self, name: str, content: object) -> None:
        """Keep something that JSON can hold, in place of what the name had."""

        def work(connection: Connection) -> None:
            connection.execute(delete(_notes).where(_notes.c.name == name))
            connection.execute(insert(_notes).values(name=name, content=content))

        self._do(work)

    def _queued(self, query: Select[Any]) -> list[Queued]:
        rows = self._do(lambda connection: connection.execute(query).all())
        return [
            Queued(
                row.number,
                Message(row.key, row.topic, row.payload, row.retain),
                row.queued_ns,
            )
            for row in rows
        ]

    def _do(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do work in one transaction."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as err:
            cause = getattr(err, "orig", None) or type(err).__name__
            raise StoreError(str(self.path), str(cause)) from err


def _add_columns(connection: Connection) -> None:
    """Give the outbox of an older version what it lacks."""
    names = {column["name"] for column in inspect(connection).get_columns("outbox")}
    if "unproven_ns" not in names:
        connection.execute(text("ALTER TABLE outbox ADD COLUMN unproven_ns BIGINT"))


def _write_through(connection: sqlite3.Connection, record: object) -> None:
    """Let a transaction be on the disk before it counts as done."""
    del record
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
