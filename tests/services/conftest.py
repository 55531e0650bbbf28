from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from services.store.database import sqlite_url
from services.store.store import Store
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_schema()


@pytest.fixture
def store(store_url: URL) -> Iterator[Store]:
    """An empty store, in a database of each kind."""
    store = Store.migrated(store_url)
    yield store
    store.close()
