"""The outbox: messages until their delivery is proven.

A message that is stored twice, with the same key, is kept and published once.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

from sqlalchemy import Connection, delete, func, select, update

from pipelines.clock import NS_PER_S
from services.store.database import Database, Query, insert_new
from services.store.tables import outbox

_REMEMBERED_NS = 24 * 3600 * NS_PER_S
"""Time for which a delivered message is kept, so that it is not stored again."""
_REMEMBERED_MESSAGES = 1000
_UNPROVEN = outbox.c.delivered_ns.is_(None), outbox.c.unproven_ns.is_not(None)


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


def add_messages(
    connection: Connection, messages: Sequence[Message], now_ns: int
) -> frozenset[str]:
    """Add messages in the order of publishing; return the keys of the new ones."""
    return frozenset(
        message.key
        for message in messages
        if insert_new(
            connection, outbox, {**asdict(message), "queued_ns": now_ns}, "key"
        )
    )


@final
class Outbox:
    """The messages of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, most: int, without: Collection[str] = ()) -> list[Queued]:
        """Return the oldest messages that must still be published, in their order."""
        chosen = (
            outbox.c.delivered_ns.is_(None),
            outbox.c.unproven_ns.is_(None),
            outbox.c.topic.not_in(list(without)),
        )
        return self._queued(
            select(outbox).where(*chosen).order_by(outbox.c.number).limit(most)
        )

    def delivered(self, number: int, now_ns: int) -> None:
        """Mark a message as delivered, and delete those delivered a day before.

        The latest are kept in any case, because the clock may have been set.
        """
        done = update(outbox).where(outbox.c.number == number)
        old = delete(outbox).where(
            outbox.c.delivered_ns < now_ns - _REMEMBERED_NS,
            outbox.c.number < number - _REMEMBERED_MESSAGES,
        )

        def work(connection: Connection) -> None:
            connection.execute(done.values(delivered_ns=now_ns))
            connection.execute(old)

        self._database.do(work)

    def move_times(self, by_ns: int) -> None:
        """Make all times later by ``by_ns``, because their clock was set."""
        later = update(outbox).values(
            queued_ns=outbox.c.queued_ns + by_ns,
            delivered_ns=outbox.c.delivered_ns + by_ns,
            unproven_ns=outbox.c.unproven_ns + by_ns,
        )
        self._database.execute(later)

    def drop(self, number: int) -> None:
        """Delete a message that is no longer needed."""
        self._database.execute(delete(outbox).where(outbox.c.number == number))

    def unproven(self, number: int, now_ns: int) -> None:
        """Mark a message as published without a proof of delivery."""
        sent = update(outbox).where(outbox.c.number == number)
        self._database.execute(sent.values(unproven_ns=now_ns))

    def unproven_topics(self) -> list[str]:
        """Return the topics of messages whose delivery is unproven."""
        query = select(outbox.c.topic).where(*_UNPROVEN).distinct()
        return [row.topic for row in self._database.rows(query)]

    def oldest_unproven(self, topic: str) -> Queued | None:
        """Return the oldest message of a topic whose delivery is unproven."""
        chosen = select(outbox).where(*_UNPROVEN, outbox.c.topic == topic)
        found = self._queued(chosen.order_by(outbox.c.number).limit(1))
        return found[0] if found else None

    def publish_again(self, topic: str) -> None:
        """Let the unproven messages of a topic wait as if they were new."""
        again = update(outbox).where(*_UNPROVEN, outbox.c.topic == topic)
        self._database.execute(again.values(unproven_ns=None))

    def discard(self, prefix: str) -> list[str]:
        """Delete undelivered messages whose topic has a prefix.

        Returns:
            All topics with that prefix in the outbox, delivered or not.
        """
        ours = outbox.c.topic.startswith(prefix, autoescape=True)

        def work(connection: Connection) -> list[str]:
            topics = connection.execute(select(outbox.c.topic).where(ours).distinct())
            found = [row.topic for row in topics.all()]
            waits = outbox.c.delivered_ns.is_(None)
            connection.execute(delete(outbox).where(ours, waits))
            return found

        return self._database.do(work)

    def backlog(self) -> tuple[int, int | None]:
        """Return how many messages wait, and the time of the oldest."""
        query = select(func.count(), func.min(outbox.c.queued_ns)).where(
            outbox.c.delivered_ns.is_(None)
        )
        count, oldest = self._database.rows(query)[0]
        return count, oldest

    def _queued(self, query: Query) -> list[Queued]:
        return [
            Queued(
                row.number,
                Message(row.key, row.topic, row.payload, row.retain),
                row.queued_ns,
            )
            for row in self._database.rows(query)
        ]
