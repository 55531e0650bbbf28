"""The history of the store's tables, for Alembic; ``services.store.schema`` runs it."""
