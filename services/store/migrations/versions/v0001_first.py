"""The tables of version 0.1, which made them without Alembic.

Tables that exist are kept. An outbox older than version 0.1 lacks a column.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables that do not exist."""
    inspector = sa.inspect(op.get_bind())
    existing = set(inspector.get_table_names())
    if "outbox" not in existing:
        _create_outbox()
    elif "unproven_ns" not in {it["name"] for it in inspector.get_columns("outbox")}:
        op.add_column("outbox", sa.Column("unproven_ns", sa.BigInteger))
    if "open_episodes" not in existing:
        op.create_table(
            "open_episodes",
            sa.Column("event_id", sa.String, primary_key=True),
            sa.Column("subject_id", sa.String, index=True, nullable=False),
            sa.Column("record", sa.JSON, nullable=False),
        )
    if "alarms" not in existing:
        op.create_table(
            "alarms",
            sa.Column("alarm_id", sa.String, primary_key=True),
            sa.Column("subject_id", sa.String, index=True, nullable=False),
            sa.Column("is_over", sa.Boolean, index=True, nullable=False),
            sa.Column("raised_ns", sa.BigInteger, nullable=False),
            sa.Column("record", sa.JSON, nullable=False),
        )
    if "notices" not in existing:
        _create_notices()
    if "notes" not in existing:
        op.create_table(
            "notes",
            sa.Column("name", sa.String, primary_key=True),
            sa.Column("content", sa.JSON, nullable=False),
        )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("key", sa.String, unique=True, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("retain", sa.Boolean, nullable=False),
        sa.Column("queued_ns", sa.BigInteger, nullable=False),
        sa.Column("delivered_ns", sa.BigInteger, index=True),
        sa.Column("unproven_ns", sa.BigInteger),
    )


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("key", sa.String, unique=True, nullable=False),
        sa.Column("target", sa.String, index=True, nullable=False),
        sa.Column("alarm_id", sa.String, index=True, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.Column("is_taken", sa.Boolean, nullable=False),
    )
