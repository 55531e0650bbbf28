"""Receipts: when a notice was taken or given up."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; of notices from before, the time is not known."""
    op.add_column("notices", sa.Column("done_ns", sa.BigInteger))
