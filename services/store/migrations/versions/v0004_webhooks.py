"""Notices to webhooks: they outlive their alarm, and may be given up."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; notices that wait are to phones."""
    outlives = sa.Column(
        "outlives_alarm", sa.Boolean, nullable=False, server_default=sa.false()
    )
    op.add_column("notices", outlives)
    refusals = sa.Column("refusals", sa.Integer, nullable=False, server_default="0")
    op.add_column("notices", refusals)
    op.add_column("notices", sa.Column("dead_why", sa.String))
