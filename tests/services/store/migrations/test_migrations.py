"""The migrations make the tables that the code expects, and nobody else's."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection

from services.errors import StoreError
from services.store.database import Database
from services.store.schema import migrate, require_current
from services.store.store import Store
from services.store.tables import metadata


def set_version(store: Store, version: str) -> None:
    statement = f"UPDATE alembic_version SET version_num = '{version}'"
    store.database.do(lambda connection: connection.exec_driver_sql(statement))


def test_migrations_and_tables_agree(store: Store) -> None:
    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert store.database.do(differences) == []


def test_a_store_of_a_newer_version_is_refused_by_everyone(store: Store) -> None:
    set_version(store, "9999")
    for opened in (migrate, require_current):
        with pytest.raises(StoreError, match=r"newer version \(9999, .*update wardw"):
            opened(store.database)


def test_a_store_of_an_older_version_waits_for_the_hub(store_url: URL) -> None:
    store = Store.migrated(store_url)
    set_version(store, "0001")
    with pytest.raises(StoreError, match=r"older version \(0001, .*start the hub"):
        Store.joined(store_url)
    store.close()


@pytest.mark.slow
def test_two_hubs_that_start_at_once_migrate_once(store_url: URL) -> None:
    failed: list[StoreError] = []

    def open_it() -> None:
        database = Database(store_url)
        try:
            migrate(database)
        except StoreError as err:
            failed.append(err)
        database.close()

    threads = [threading.Thread(target=open_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    Store.joined(store_url).close()
