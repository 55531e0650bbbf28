"""Answers of people to alarms, written by a console and applied by the hub.

An answer waits while the hub is down. Its outcome is stored with the alarm's change, in
one transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import Connection, func, insert, select, update

from services.store.database import AnyRow, Database
from services.store.tables import answers


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A person's answer.

    Attributes:
        number: Its place in the order of writing.
        about: The id of an alarm, or a subject's name for all of its open ones.
        kind: ack, snooze, escalate or resolve.
        facts: What else was said: minutes, verdict, note.
        by: The person.
        at_ns: When it was given, UTC.
        outcome: None until the hub has looked at it, empty once it is applied, else the
            reason why it does not fit.
    """

    number: int
    about: str
    kind: str
    facts: dict[str, Any]
    by: str
    at_ns: int
    outcome: str | None = None


def settle_answers(connection: Connection, outcomes: Mapping[int, str]) -> None:
    """Store the outcomes of answers by their numbers."""
    for number, outcome in outcomes.items():
        one = update(answers).where(answers.c.number == number)
        connection.execute(one.values(outcome=outcome))


@final
class Answers:
    """The answers of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(
        self, about: str, kind: str, facts: Mapping[str, Any], by: str, at_ns: int
    ) -> int:
        """Store an answer for the hub; return its number."""
        row = {"about": about, "kind": kind, "facts": dict(facts), "by": by}
        added = insert(answers).values(**row, at_ns=at_ns).returning(answers.c.number)

        def work(connection: Connection) -> int:
            number: int = connection.execute(added).scalar_one()
            return number

        return self._database.do(work)

    def waiting(self, limit: int) -> list[StoredAnswer]:
        """Return the oldest answers that the hub has not looked at."""
        waits = select(answers).where(answers.c.outcome.is_(None))
        query = waits.order_by(answers.c.number).limit(limit)
        return [_answer_of(row) for row in self._database.rows(query)]

    def one(self, number: int) -> StoredAnswer | None:
        """Return an answer, or None."""
        row = self._database.row(select(answers).where(answers.c.number == number))
        return None if row is None else _answer_of(row)

    def latest(self, about: Collection[str]) -> dict[str, StoredAnswer]:
        """Return the latest answer about each of these alarms or subjects."""
        chosen = answers.c.about.in_(list(about))
        newest = select(func.max(answers.c.number)).where(chosen)
        query = select(answers).where(
            answers.c.number.in_(newest.group_by(answers.c.about))
        )
        found = map(_answer_of, self._database.rows(query))
        return {answer.about: answer for answer in found}


def _answer_of(row: AnyRow) -> StoredAnswer:
    facts = row.about, row.kind, row.facts, row.by, row.at_ns, row.outcome
    return StoredAnswer(row.number, *facts)
