"""How long each subject was watched on a day, and why not."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import final

from sqlalchemy import Connection, select

from services.store.database import Database, add_to_row
from services.store.tables import coverage


@dataclass(frozen=True, slots=True)
class Covered:
    """A part of a subject's day.

    Attributes:
        subject_id: Name of the subject.
        day: The day in UTC, as 2026-11-29.
        reason: ``online``, or what was wrong.
        seconds: Length of the part.
    """

    subject_id: str
    day: str
    reason: str
    seconds: float


@final
class Coverage:
    """The watched time of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, parts: Iterable[Covered]) -> None:
        """Add parts to the days that they belong to."""

        def work(connection: Connection) -> None:
            for part in parts:
                add_to_row(connection, coverage, asdict(part), "seconds")

        self._database.do(work)

    def of_day(self, day: str) -> list[Covered]:
        """Return the parts of a day of all subjects, in the order of their names."""
        chosen = select(coverage).where(coverage.c.day == day)
        query = chosen.order_by(coverage.c.subject_id, coverage.c.reason)
        return [
            Covered(row.subject_id, row.day, row.reason, row.seconds)
            for row in self._database.rows(query)
        ]
