"""The version of a store's tables: bring it up to date, or refuse another one."""

import logging
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, text

from services.errors import StoreError
from services.store.database import Database
from services.store.notes import require_site

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_205_231_904_117
"""Number of the lock that one process holds while it migrates a PostgreSQL."""


def migrate(database: Database) -> None:
    """Bring the tables up to date, in one transaction; only ``run`` and its hub do so.

    A file of version 0.1, which has tables but no version, is kept and extended.

    Raises:
        StoreError: If it cannot be written, or if a newer wardwatch has migrated it.
    """

    def work(connection: Connection) -> str | None:
        if not database.is_file:
            lock = text("SELECT pg_advisory_xact_lock(:number)")
            connection.execute(lock, {"number": _LOCK})
        version = _version(connection)
        if version is None or version in _known_versions():
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return None
        return version

    if newer := database.do(work):
        raise StoreError(database.name, _newer(newer))


def require_current(database: Database) -> None:
    """Check that the tables are those of this version of wardwatch.

    Raises:
        StoreError: If they are older or newer, or cannot be read.
    """
    version = database.read(_version)
    *_, head = _known_versions()
    if version == head:
        return
    if version is None or version in _known_versions():
        problem = (
            f"has the tables of an older version ({version or 'none'}, this version"
            f" needs {head}); start the hub with wardwatch run, which updates them"
        )
        raise StoreError(database.name, problem)
    raise StoreError(database.name, _newer(version))


def examine(url: URL, site: str, former_site: str | None = None) -> str:
    """Return one line on a store that the hub of a site can use, without changing it.

    Raises:
        StoreError: If a hub cannot use it.
    """
    database = Database(url)
    if database.is_file and not Path(database.name).exists():
        return f"store {database.name}: is made at the first start"
    try:
        version = database.read(_version)
        if version is not None and version not in _known_versions():
            raise StoreError(database.name, _newer(version))
        if not database.is_file and not database.read(_may_create):
            problem = "the login must not create tables; GRANT CREATE ON SCHEMA to it"
            raise StoreError(database.name, problem)
        *_, head = _known_versions()
        if version == head:  # older tables may lack the notes
            require_site(database, site, former_site)
    finally:
        database.close()
    state = (
        "its tables are up to date"
        if version == head
        else "the next start brings its tables up to date"
    )
    return f"store {database.name}: reached, {state}"


def _may_create(connection: Connection) -> bool:
    query = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")
    return connection.execute(query).scalar() is True


def _newer(version: str) -> str:
    *_, head = _known_versions()
    return (
        f"has the tables of a newer version ({version}, this version knows {head});"
        " update wardwatch"
    )


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _known_versions() -> tuple[str, ...]:
    """Return all versions, the oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    return tuple(script.revision for script in scripts.walk_revisions())[::-1]


def _config() -> Config:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    location = str(_FOLDER).replace("%", "%%")
    config.set_main_option("script_location", location)
    return config
