"""What ``wardwatch check`` finds out about a store, without changing it."""

from pathlib import Path

from sqlalchemy import URL, Connection, text

from services.errors import StoreError
from services.store.database import Database
from services.store.schema import describe_version

_MAY_CREATE = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")


def examine_store(url: URL) -> str:
    """Return one line on a store that a hub can use.

    Raises:
        StoreError: If a hub cannot use it.
    """
    database = Database(url)
    if database.is_file and not Path(database.name).exists():
        return f"store {database.name}: is made at the first start"
    try:
        version = describe_version(database)
        if not database.is_file and not database.read(_may_create):
            problem = "the login must not create tables; GRANT CREATE ON SCHEMA to it"
            raise StoreError(database.name, problem)
    finally:
        database.close()
    return f"store {database.name}: reached, {version}"


def _may_create(connection: Connection) -> bool:
    return connection.execute(_MAY_CREATE).scalar() is True
