"""Notices: messages to phones about an alarm, until each was taken."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import final

from sqlalchemy import Connection, select, update

from services.store.database import AnyRow, Database, insert_new
from services.store.tables import notices


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one target; two with one key are the same."""

    key: str
    target: str
    alarm_id: str
    title: str
    body: str


def add_notices(connection: Connection, new: Iterable[Notice]) -> None:
    """Add notices to send; those that were added before stay as they are."""
    for notice in new:
        row = {**asdict(notice), "is_taken": False}
        insert_new(connection, notices, row, "key")


@final
class Notices:
    """The notices of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, target: str) -> tuple[int, Notice] | None:
        """Return the oldest notice that a target must still get, with its number."""
        waits = notices.c.target == target, notices.c.is_taken.is_(False)
        query = select(notices).where(*waits).order_by(notices.c.number).limit(1)
        row = self._database.row(query)
        return None if row is None else (row.number, _notice_of(row))

    def waiting(self) -> list[Notice]:
        """Return all notices that were not taken yet, the oldest first."""
        waits = select(notices).where(notices.c.is_taken.is_(False))
        rows = self._database.rows(waits.order_by(notices.c.number))
        return [_notice_of(row) for row in rows]

    def taken(self, number: int) -> None:
        """Mark a notice as taken by its target."""
        one = update(notices).where(notices.c.number == number)
        self._database.execute(one.values(is_taken=True))


def _notice_of(row: AnyRow) -> Notice:
    return Notice(row.key, row.target, row.alarm_id, row.title, row.body)
