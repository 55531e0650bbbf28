"""Users of an OpenID Connect provider, who have no password here."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add who a user is at the provider; all users so far have a password."""
    op.add_column("users", sa.Column("identity", sa.String))
    op.create_index("ix_users_identity", "users", ["identity"], unique=True)
