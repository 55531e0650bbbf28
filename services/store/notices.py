"""Notices: messages about an alarm to phones and webhooks, until each was taken.

A notice that was taken or given up is kept as its receipt, as long as its alarm.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, final

from sqlalchemy import (
    Connection,
    Integer,
    and_,
    case,
    func,
    or_,
    select,
    update,
)

from services.store.database import AnyRow, Database, insert_new
from services.store.tables import notices

WAITS: Final = (notices.c.is_taken.is_(False), notices.c.dead_why.is_(None))
"""What holds of a notice that is still to be sent."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one target; two with one key are the same.

    Attributes:
        key: Its key, which stays the same when it is sent again.
        target: Name of the target.
        alarm_id: The alarm that it is about.
        title: Title of a message to a person; empty for a webhook.
        body: Text of the message; for a webhook the bytes that are sent, as UTF-8.
        outlives_alarm: Whether it is still sent when the alarm is over.
    """

    key: str
    target: str
    alarm_id: str
    title: str
    body: str
    outlives_alarm: bool = False


@dataclass(frozen=True, slots=True)
class DeadNotices:
    """Notices of one target that were given up.

    Attributes:
        count: Number of those that are kept.
        why: Why the latest was given up; empty if a later one was taken.
    """

    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What is not delivered of one target's notices.

    Attributes:
        target: Name of the target.
        waiting: Number of notices that are still to be sent.
        given_up: Number of notices that were given up.
        refusals: Most refusals of one that waits.
    """

    target: str
    waiting: int
    given_up: int
    refusals: int


def add_notices(connection: Connection, new: Iterable[Notice]) -> None:
    """Add notices to send; those that were added before stay as they are."""
    for notice in new:
        row = {**asdict(notice), "is_taken": False, "refusals": 0}
        insert_new(connection, notices, row, "key")


@final
class Notices:
    """The notices of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, target: str) -> tuple[int, Notice] | None:
        """Return the notice that a target must get next, with its number.

        That is the oldest of those that were refused least often. Notices about one
        alarm stay in order, so one that is refused holds up its own alarm alone.
        """
        earlier = notices.alias()
        is_held_up = (
            select(earlier.c.number)
            .where(
                earlier.c.target == target,
                earlier.c.alarm_id == notices.c.alarm_id,
                earlier.c.number < notices.c.number,
                earlier.c.is_taken.is_(False),
                earlier.c.dead_why.is_(None),
            )
            .exists()
        )
        query = select(notices).where(notices.c.target == target, *WAITS, ~is_held_up)
        order = notices.c.refusals, notices.c.number
        row = self._database.row(query.order_by(*order).limit(1))
        return None if row is None else (row.number, _notice_of(row))

    def waiting(self, most: int | None = None) -> list[Notice]:
        """Return the notices that are still to be sent, the oldest first; None: all."""
        query = select(notices).where(*WAITS).order_by(notices.c.number)
        return [_notice_of(row) for row in self._database.rows(query.limit(most))]

    def taken(self, number: int, now_ns: int) -> None:
        """Mark a notice as taken by its target now, in UTC."""
        one = update(notices).where(notices.c.number == number)
        self._database.execute(one.values(is_taken=True, done_ns=now_ns))

    def refused(self, number: int, why: str, most: int, now_ns: int) -> bool:
        """Count a refusal by the target; return whether the notice is given up.

        It is given up after ``most`` refusals, and kept with the reason ``why`` and the
        time, UTC.
        """

        def work(connection: Connection) -> bool:
            one = notices.c.number == number
            more = update(notices).where(one).values(refusals=notices.c.refusals + 1)
            connection.execute(more)
            ends = update(notices).where(one, notices.c.refusals >= most)
            return (
                connection.execute(ends.values(dead_why=why, done_ns=now_ns)).rowcount
                > 0
            )

        return self._database.do(work)

    def undelivered(self) -> list[Undelivered]:
        """Return what is not delivered of each target, without those that have all."""
        waiting = func.sum(case((and_(*WAITS), 1), else_=0), type_=Integer)
        dead = func.count(notices.c.dead_why)
        query = (
            select(
                notices.c.target,
                waiting.label("waiting"),
                dead.label("dead"),
                func.max(notices.c.refusals).filter(*WAITS).label("refusals"),
            )
            .group_by(notices.c.target)
            .having(or_(waiting > 0, dead > 0))
            .order_by(notices.c.target)
        )
        return [
            Undelivered(row.target, row.waiting, row.dead, row.refusals or 0)
            for row in self._database.rows(query)
        ]

    def dead(self, target: str) -> DeadNotices:
        """Return what was given up of a target's notices."""
        theirs = notices.c.target == target
        is_dead = notices.c.dead_why.is_not(None)
        count = select(func.count()).select_from(notices).where(theirs, is_dead)
        taken = select(func.coalesce(func.max(notices.c.number), 0))
        last = taken.where(theirs, notices.c.is_taken).scalar_subquery()
        latest = select(notices.c.dead_why).where(theirs, is_dead)
        latest = latest.where(notices.c.number > last).order_by(notices.c.number.desc())

        def work(connection: Connection) -> DeadNotices:
            why = connection.execute(latest.limit(1)).scalar()
            return DeadNotices(connection.execute(count).scalar_one(), why or "")

        return self._database.read(work)


def _notice_of(row: AnyRow) -> Notice:
    return Notice(
        row.key, row.target, row.alarm_id, row.title, row.body, row.outlives_alarm
    )
