"""Access to the console: users, sessions, tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "users",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("subjects", sa.JSON),
        sa.Column("language", sa.String),
        sa.Column("must_change", sa.Boolean, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("secret_hash", sa.String, primary_key=True),
        sa.Column("user_name", sa.String, index=True, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("used_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("secret_hash", sa.String, unique=True, nullable=False),
        sa.Column("user_name", sa.String, index=True, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("used_ns", sa.BigInteger),
    )
