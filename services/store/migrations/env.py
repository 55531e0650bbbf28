"""Alembic's entry: migrates on the connection that ``services.store.schema`` gives."""

from alembic import context

from services.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata
)
context.run_migrations()
