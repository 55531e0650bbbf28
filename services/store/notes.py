"""Notes: JSON values under names, as what the hub must know after a restart."""

from typing import Final, final

from sqlalchemy import Connection, select

from services.store.database import Database, replace_row
from services.store.tables import notes

EXPECTED_SOURCES: Final = "expected sources"
"""The hub's note of the subjects that it watches, each with its sources."""
HUB_PORT: Final = "port"
"""The hub's note of the port that it listens on."""

CLOCK_CORRECTION: Final = "clock correction"
"""The hub's note of what its pipeline time lacks to UTC, in nanoseconds."""


@final
class Notes:
    """The notes of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recall(self, name: str) -> object:
        """Return what was stored under a name, or None."""
        query = select(notes.c.content).where(notes.c.name == name)
        row = self._database.row(query)
        return None if row is None else row.content

    def note(self, name: str, content: object) -> None:
        """Store a JSON value under a name, in place of the previous one."""

        def work(connection: Connection) -> None:
            replace_row(connection, notes, {"name": name, "content": content})

        self._database.do(work)
