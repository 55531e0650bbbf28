"""Notes: JSON values under names, as what the hub must know after a restart."""

from typing import Final, final

from sqlalchemy import Connection, select

from services.errors import StoreError
from services.store.database import Database, replace_row
from services.store.tables import notes

EXPECTED_SOURCES: Final = "expected sources"
"""The hub's note of the subjects that it watches, each with its sources."""
HUB_PORT: Final = "port"
"""The hub's note of the port that it listens on."""
CLIP_SUBJECTS: Final = "clip subjects"
"""The hub's note of the subjects with a consent to blurred clips."""
_SITE: Final = "site"

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


def require_site(database: Database, site: str, former: str | None = None) -> bool:
    """Check that a store is not that of another site, whose alarms would mix with ours.

    Args:
        database: The store.
        site: Name of the site.
        former: Its former name; None if it had none.

    Returns:
        Whether it is noted as this site's; not if it has no name yet, or the former.

    Raises:
        StoreError: If it is the store of another site, or cannot be read.
    """
    owner = Notes(database).recall(_SITE)
    if owner not in (None, former, site):
        problem = (
            f"is the store of site {owner}; give site {site} another hub.folder or"
            f" hub.database, or set hub.former_site: {owner} if that was its name"
        )
        raise StoreError(database.name, problem)
    return owner == site


def keep_for_site(database: Database, site: str, former: str | None = None) -> None:
    """Note that a store is this site's.

    Args:
        database: The store.
        site: Name of the site.
        former: Its former name, whose store it takes over; None if it had none.

    Raises:
        StoreError: If it is the store of another site, or cannot be written.
    """
    if not require_site(database, site, former):
        Notes(database).note(_SITE, site)
