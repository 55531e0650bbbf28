"""The store: messages until their delivery is proven, and open episodes.

A message is on disk before its sender gets an answer. A message that is stored twice,
with the same key, is kept and published once.
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
    Executable,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    create_engine,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.dialects.sqlite import insert as insert_or
from sqlalchemy.exc import SQLAlchemyError

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm, AlarmEntry
from pipelines.records import ActionEvent
from services.errors import StoreError
from services.hub.notices import Notice

_NAME = "hub.sqlite"
_REMEMBERED_NS = 24 * 3600 * NS_PER_S
"""Time for which a delivered message is kept, so that it is not stored again."""
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
_alarms = Table(
    "alarms",
    _tables,
    Column("alarm_id", String, primary_key=True),
    Column("subject_id", String, index=True, nullable=False),
    Column("is_over", Boolean, index=True, nullable=False),
    Column("raised_ns", BigInteger, nullable=False),
    Column("record", JSON, nullable=False),
)
_notices = Table(
    "notices",
    _tables,
    Column("number", Integer, primary_key=True),
    Column("key", String, unique=True, nullable=False),
    Column("target", String, index=True, nullable=False),
    Column("alarm_id", String, index=True, nullable=False),
    Column("title", String, nullable=False),
    Column("body", String, nullable=False),
    Column("is_taken", Boolean, nullable=False, default=False),
)
_notes = Table(
    "notes",
    _tables,
    Column("name", String, primary_key=True),
    Column("content", JSON, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to publish.

    Two messages with one key are the same. The payload is a JSON object; an empty one
    deletes a retained message.
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
    """An SQLite file, whose transactions are on the disk when they return.

    Every method raises ``StoreError`` if the file cannot be read or written.

    Raises:
        StoreError: If the file cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StoreError(str(folder), err.strerror or "cannot be created") from err
        self._engine: Engine = create_engine(f"sqlite:///{self.path}")
        sqlalchemy_event.listen(self._engine, "connect", _write_through)
        self._do(_tables.create_all)
        self._do(_add_columns)

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def take(
        self,
        messages: Sequence[Message],
        events: Mapping[str, ActionEvent],
        now_ns: int,
        alarms: Sequence[Alarm] = (),
        notices: Sequence[Notice] = (),
    ) -> frozenset[str]:
        """Store messages, open episodes, alarms and notices in one transaction.

        Args:
            messages: Messages in the order of publishing.
            events: Events by the key of their message. An event that was stored before
                changes nothing, because its episode may be over.
            now_ns: Time of storing.
            alarms: Changed alarms, which replace those with the same id. Notices of
                an alarm that is over are deleted.
            notices: Notices to send.

        Returns:
            The keys of the new messages.
        """

        def work(connection: Connection) -> frozenset[str]:
            new: set[str] = set()
            for message in messages:
                row = {**asdict(message), "queued_ns": now_ns}
                added = insert_or(_outbox).values(row).on_conflict_do_nothing()
                if connection.execute(added).rowcount:
                    new.add(message.key)
            for event in (events[key] for key in events if key in new):
                same = _episodes.c.event_id == event.event_id
                connection.execute(delete(_episodes).where(same))
                if event.state == "started":
                    opened = insert(_episodes).values(
                        event_id=event.event_id,
                        subject_id=event.subject_id,
                        record=asdict(event),
                    )
                    connection.execute(opened)
            for alarm in alarms:
                connection.execute(_replacing(alarm))
                if alarm.is_over:
                    theirs = _notices.c.alarm_id == alarm.alarm_id
                    connection.execute(delete(_notices).where(theirs))
            for notice in notices:
                added = insert_or(_notices).values(**asdict(notice))
                connection.execute(added.on_conflict_do_nothing())
            return frozenset(new)

        return self._do(work)

    def waiting(self, most: int, without: Collection[str] = ()) -> list[Queued]:
        """Return the oldest messages that must still be published, in their order."""
        chosen = (
            _outbox.c.delivered_ns.is_(None),
            _outbox.c.unproven_ns.is_(None),
            _outbox.c.topic.not_in(list(without)),
        )
        return self._queued(
            select(_outbox).where(*chosen).order_by(_outbox.c.number).limit(most)
        )

    def delivered(self, number: int, now_ns: int) -> None:
        """Mark a message as delivered, and delete those delivered a day before.

        The latest are kept in any case, because the clock may have been set.
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
        self._execute(later)

    def drop(self, number: int) -> None:
        """Delete a message that is no longer needed."""
        self._execute(delete(_outbox).where(_outbox.c.number == number))

    def unproven(self, number: int, now_ns: int) -> None:
        """Mark a message as published without a proof of delivery."""
        sent = update(_outbox).where(_outbox.c.number == number)
        self._execute(sent.values(unproven_ns=now_ns))

    def unproven_topics(self) -> list[str]:
        """Return the topics of messages whose delivery is unproven."""
        query = select(_outbox.c.topic).where(*_UNPROVEN).distinct()
        return [row.topic for row in self._rows(query)]

    def oldest_unproven(self, topic: str) -> Queued | None:
        """Return the oldest message of a topic whose delivery is unproven."""
        chosen = select(_outbox).where(*_UNPROVEN, _outbox.c.topic == topic)
        found = self._queued(chosen.order_by(_outbox.c.number).limit(1))
        return found[0] if found else None

    def publish_again(self, topic: str) -> None:
        """Let the unproven messages of a topic wait as if they were new."""
        again = update(_outbox).where(*_UNPROVEN, _outbox.c.topic == topic)
        self._execute(again.values(unproven_ns=None))

    def discard(self, prefix: str) -> list[str]:
        """Delete undelivered messages whose topic has a prefix.

        Returns:
            All topics with that prefix in the outbox, delivered or not.
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
        """Return how many messages wait, and the time of the oldest."""
        query = select(func.count(), func.min(_outbox.c.queued_ns)).where(
            _outbox.c.delivered_ns.is_(None)
        )
        count, oldest = self._do(lambda connection: connection.execute(query).one())
        return count, oldest

    def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        """Return the subjects' episodes that have started and not ended."""
        chosen = _episodes.c.subject_id.in_(subject_ids)
        rows = self._rows(select(_episodes.c.record).where(chosen))
        return [ActionEvent(**row.record) for row in rows]

    def open_alarms(self) -> list[Alarm]:
        """Return the alarms that are not over, in the order of their raising."""
        chosen = select(_alarms.c.record).where(_alarms.c.is_over.is_(False))
        rows = self._rows(chosen.order_by(_alarms.c.raised_ns))
        return [_alarm_of(row.record) for row in rows]

    def alarm_ids(self) -> list[str]:
        """Return the ids of all alarms, over or not."""
        return [row.alarm_id for row in self._rows(select(_alarms.c.alarm_id))]

    def next_notice(self, target: str) -> tuple[int, Notice] | None:
        """Return the oldest notice that a target must still get, with its number."""
        waits = _notices.c.target == target, _notices.c.is_taken.is_(False)
        query = select(_notices).where(*waits).order_by(_notices.c.number).limit(1)
        for row in self._rows(query):
            notice = Notice(row.key, row.target, row.alarm_id, row.title, row.body)
            return row.number, notice
        return None

    def notice_taken(self, number: int) -> None:
        """Mark a notice as taken by its target."""
        one = update(_notices).where(_notices.c.number == number)
        self._execute(one.values(is_taken=True))

    def recall(self, name: str) -> object:
        """Return what was stored under a name, or None."""
        query = select(_notes.c.content).where(_notes.c.name == name)
        return self._do(lambda connection: connection.execute(query).scalar())

    def note(self, name: str, content: object) -> None:
        """Store a JSON value under a name, in place of the previous one."""

        def work(connection: Connection) -> None:
            connection.execute(delete(_notes).where(_notes.c.name == name))
            connection.execute(insert(_notes).values(name=name, content=content))

        self._do(work)

    def _queued(self, query: Select[Any]) -> list[Queued]:
        return [
            Queued(
                row.number,
                Message(row.key, row.topic, row.payload, row.retain),
                row.queued_ns,
            )
            for row in self._rows(query)
        ]

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._do(lambda connection: connection.execute(query).all())

    def _execute(self, statement: Executable) -> None:
        self._do(lambda connection: connection.execute(statement))

    def _do(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do work in one transaction."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as err:
            cause = getattr(err, "orig", None) or type(err).__name__
            raise StoreError(str(self.path), str(cause)) from err


def _replacing(alarm: Alarm) -> Executable:
    """Return the statement that stores an alarm in place of its former self."""
    row = {
        "subject_id": alarm.subject_id,
        "is_over": alarm.is_over,
        "raised_ns": alarm.raised_ns,
        "record": asdict(alarm),
    }
    added = insert_or(_alarms).values(alarm_id=alarm.alarm_id, **row)
    return added.on_conflict_do_update(index_elements=["alarm_id"], set_=row)


def _alarm_of(record: dict[str, Any]) -> Alarm:
    entries = tuple(AlarmEntry(**entry) for entry in record["history"])
    return Alarm(**{**record, "history": entries})


def _add_columns(connection: Connection) -> None:
    """Add the columns that the outbox of an older version lacks."""
    names = {column["name"] for column in inspect(connection).get_columns("outbox")}
    if "unproven_ns" not in names:
        connection.execute(text("ALTER TABLE outbox ADD COLUMN unproven_ns BIGINT"))


def _write_through(connection: sqlite3.Connection, record: object) -> None:
    """Let each transaction return only when it is on the disk."""
    del record
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
