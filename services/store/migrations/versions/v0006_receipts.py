"""Receipts of notices, and the course of each subject's drift detection."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a column and a table; of earlier notices the time is not known."""
    op.add_column("notices", sa.Column("done_ns", sa.BigInteger))
    op.create_table(
        "drift_blocks",
        sa.Column("subject_id", sa.String, primary_key=True),
        sa.Column("at_ns", sa.BigInteger, primary_key=True),
        sa.Column("confidence", sa.Float),
        sa.Column("level", sa.Float),
    )
    op.create_index("ix_drift_blocks_at_ns", "drift_blocks", ["at_ns"])
