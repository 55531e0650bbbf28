"""All tables of a site's store. A change here needs a migration.

Times are nanoseconds. Those of the outbox are the hub's pipeline time, all others UTC.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
)

metadata: Final = MetaData()

_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
"""A running number; SQLite counts only in a column of type INTEGER."""

outbox: Final = Table(
    "outbox",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("key", String, unique=True, nullable=False),
    Column("topic", String, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("retain", Boolean, nullable=False),
    Column("queued_ns", BigInteger, nullable=False),
    Column("delivered_ns", BigInteger, index=True),
    Column("unproven_ns", BigInteger),
)
open_episodes: Final = Table(
    "open_episodes",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("subject_id", String, index=True, nullable=False),
    Column("record", JSON, nullable=False),
)
events: Final = Table(
    "events",
    metadata,
    Column("event_id", String, primary_key=True),
    Column("subject_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("label", String, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("record", JSON, nullable=False),
    Index("ix_events_time", "started_ns", "event_id"),
    Index("ix_events_subject_time", "subject_id", "started_ns", "event_id"),
    Index("ix_events_name_time", "name", "started_ns", "event_id"),
)
alarms: Final = Table(
    "alarms",
    metadata,
    Column("alarm_id", String, primary_key=True),
    Column("subject_id", String, index=True, nullable=False),
    Column("is_over", Boolean, index=True, nullable=False),
    Column("raised_ns", BigInteger, nullable=False),
    Column("record", JSON, nullable=False),
    Column("name", String, nullable=False, server_default=""),
    Column("verdict", String),
    Index("ix_alarms_time", "raised_ns", "alarm_id"),
    Index("ix_alarms_subject_time", "subject_id", "raised_ns", "alarm_id"),
)
notices: Final = Table(
    "notices",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("key", String, unique=True, nullable=False),
    Column("target", String, index=True, nullable=False),
    Column("alarm_id", String, index=True, nullable=False),
    Column("title", String, nullable=False),
    Column("body", String, nullable=False),
    Column("is_taken", Boolean, nullable=False, default=False),
    Column("outlives_alarm", Boolean, nullable=False, server_default=false()),
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("dead_why", String),
    Column("done_ns", BigInteger),
)
notes: Final = Table(
    "notes",
    metadata,
    Column("name", String, primary_key=True),
    Column("content", JSON, nullable=False),
)
answers: Final = Table(
    "answers",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("about", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("by", String, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("outcome", String, index=True),
    Index("ix_answers_about", "about", "number"),
)
live: Final = Table(
    "live",
    metadata,
    Column("subject_id", String, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("content", JSON, nullable=False),
)
pose_tracks: Final = Table(
    "pose_tracks",
    metadata,
    Column("alarm_id", String, primary_key=True),
    Column("subject_id", String, nullable=False),
    Column("at_ns", BigInteger, index=True, nullable=False),
    Column("content", JSON, nullable=False),
)
clips: Final = Table(
    "clips",
    metadata,
    Column("alarm_id", String, primary_key=True),
    Column("subject_id", String, nullable=False),
    Column("at_ns", BigInteger, index=True, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
coverage: Final = Table(
    "coverage",
    metadata,
    Column("subject_id", String, primary_key=True),
    Column("day", String, primary_key=True, index=True),
    Column("reason", String, primary_key=True),
    Column("seconds", Float, nullable=False),
)
drift_blocks: Final = Table(
    "drift_blocks",
    metadata,
    Column("subject_id", String, primary_key=True),
    Column("at_ns", BigInteger, primary_key=True, index=True),
    Column("confidence", Float),
    Column("level", Float),
)
audit: Final = Table(
    "audit",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("at_ns", BigInteger, index=True, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("about", String, nullable=False),
    Column("detail", JSON, nullable=False),
)
users: Final = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("password_hash", String, nullable=False),
    Column("role", String, nullable=False),
    Column("subjects", JSON(none_as_null=True)),
    Column("language", String),
    Column("must_change", Boolean, nullable=False),
    Column("identity", String),
    Index("ix_users_identity", "identity", unique=True),
)
sessions: Final = Table(
    "sessions",
    metadata,
    Column("secret_hash", String, primary_key=True),
    Column("user_name", String, index=True, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("used_ns", BigInteger, nullable=False),
)
tokens: Final = Table(
    "tokens",
    metadata,
    Column("number", _NUMBER, primary_key=True),
    Column("secret_hash", String, unique=True, nullable=False),
    Column("user_name", String, index=True, nullable=False),
    Column("name", String, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("used_ns", BigInteger),
)
