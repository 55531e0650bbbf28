"""The audit: who changed or looked at what, and what was deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import Connection, insert, select

from services.store.database import Database
from services.store.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry.

    Attributes:
        number: Its place in the order of writing.
        at_ns: When it happened, UTC.
        who: Name of the person, or ``hub``.
        what: What was done, in a word or two.
        about: The id or name of what it was done to.
        detail: Further facts; never a secret.
    """

    number: int
    at_ns: int
    who: str
    what: str
    about: str
    detail: dict[str, Any]


def add_audit(
    connection: Connection,
    at_ns: int,
    who: str,
    what: str,
    about: str,
    detail: Mapping[str, Any],
) -> None:
    """Add an entry within a transaction."""
    row = {"who": who, "what": what, "about": about, "detail": dict(detail)}
    connection.execute(insert(audit).values(at_ns=at_ns, **row))


@final
class Audit:
    """The audit of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, at_ns: int, who: str, what: str, about: str, detail: Mapping[str, Any]
    ) -> None:
        """Add an entry."""
        self._database.do(
            lambda connection: add_audit(connection, at_ns, who, what, about, detail)
        )

    def page(self, limit: int, before: int | None = None) -> list[AuditEntry]:
        """Return a page of entries, the newest first.

        ``before`` is the number of the last entry of the page before.
        """
        query = select(audit).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.number < before)
        return [
            AuditEntry(row.number, row.at_ns, row.who, row.what, row.about, row.detail)
            for row in self._database.rows(query)
        ]
