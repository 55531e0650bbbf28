"""An empty store for a benchmark, and never one that holds somebody's data."""

from sqlalchemy import URL, func, select

from services.errors import StoreError
from services.store.store import Store
from services.store.tables import alarms, events, outbox


def make_empty_store(url: URL) -> Store:
    """Return a store with tables and without rows.

    Raises:
        StoreError: If the database cannot be used, or if it holds rows.
    """
    store = Store.migrated(url)
    for table in (outbox, events, alarms):
        (row,) = store.database.rows(select(func.count()).select_from(table))
        if row[0]:
            store.close()
            problem = "is not empty; a benchmark needs a database of its own"
            raise StoreError(store.database.name, problem)
    return store
