"""History and what a console needs: events, answers, live states, poses, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the new tables, and fill the new columns from what is known."""
    _extend_alarms()
    _create_events()
    op.create_table(
        "answers",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String, index=True),
        sa.Index("ix_answers_about", "about", "number"),
    )
    op.create_table(
        "live",
        sa.Column("subject_id", sa.String, primary_key=True),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_table(
        "pose_tracks",
        sa.Column("alarm_id", sa.String, primary_key=True),
        sa.Column("subject_id", sa.String, nullable=False),
        sa.Column("at_ns", sa.BigInteger, index=True, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_table(
        "coverage",
        sa.Column("subject_id", sa.String, primary_key=True),
        sa.Column("day", sa.String, primary_key=True, index=True),
        sa.Column("reason", sa.String, primary_key=True),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("at_ns", sa.BigInteger, index=True, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )


def _extend_alarms() -> None:
    name = sa.Column("name", sa.String, nullable=False, server_default="")
    op.add_column("alarms", name)
    op.add_column("alarms", sa.Column("verdict", sa.String))
    op.create_index("ix_alarms_time", "alarms", ["raised_ns", "alarm_id"])
    by_subject = ["subject_id", "raised_ns", "alarm_id"]
    op.create_index("ix_alarms_subject_time", "alarms", by_subject)
    alarms = sa.table(
        "alarms",
        sa.column("alarm_id", sa.String),
        sa.column("record", sa.JSON),
        sa.column("name", sa.String),
        sa.column("verdict", sa.String),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(alarms.c.alarm_id, alarms.c.record)).all():
        one = sa.update(alarms).where(alarms.c.alarm_id == row.alarm_id)
        facts = {"name": row.record["name"], "verdict": row.record.get("verdict")}
        connection.execute(one.values(**facts))


def _create_events() -> None:
    events = op.create_table(
        "events",
        sa.Column("event_id", sa.String, primary_key=True),
        sa.Column("subject_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("label", sa.String, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("ended_ns", sa.BigInteger),
        sa.Column("record", sa.JSON, nullable=False),
        sa.Index("ix_events_time", "started_ns", "event_id"),
        sa.Index("ix_events_subject_time", "subject_id", "started_ns", "event_id"),
        sa.Index("ix_events_name_time", "name", "started_ns", "event_id"),
    )
    episodes = sa.table("open_episodes", sa.column("record", sa.JSON))
    connection = op.get_bind()
    for row in connection.execute(sa.select(episodes.c.record)).all():
        facts = {name: row.record[name] for name in ("event_id", "subject_id", "name")}
        started = {
            "label": row.record["label"],
            "started_ns": row.record["start_ns"],
            "record": row.record,
        }
        connection.execute(sa.insert(events).values(**facts, **started))
