"""Deletion of what is older than a site wants to keep.

Open alarms, episodes that go on and undelivered messages stay, however old they are. A
clip goes at its age, even if its alarm is open.
What was deleted is an entry of the audit in the same transaction.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_

from pipelines.clock import utc_datetime
from services.store.audit import add_audit
from services.store.database import Database
from services.store.tables import (
    alarms,
    answers,
    audit,
    clips,
    coverage,
    drift_blocks,
    events,
    notices,
    open_episodes,
    pose_tracks,
)

HUB: Final = "hub"
"""Who deletes, in the audit."""
_MOST_ROWS: Final = 5000
"""Most rows of a transaction: the hub's other writing waits meanwhile."""


@dataclass(frozen=True, slots=True)
class KeepFrom:
    """The earliest times to keep, in nanoseconds of UTC, by kind."""

    events: int
    alarms: int
    poses: int
    clips: int
    coverage: int
    audit: int
    drift: int


def delete_old(database: Database, keep: KeepFrom, now_ns: int) -> dict[str, int]:
    """Delete some thousand of the rows that are too old; call it again if any were.

    Args:
        database: The store's database.
        keep: What to keep.
        now_ns: Time of the audit's entries, UTC.

    Returns:
        The number of deleted rows by kind, without zeros.

    Raises:
        StoreError: If the database cannot be written.
    """
    deleted: dict[str, int] = {}
    for kind, (table, is_old, before_ns) in _old_rows(keep).items():

        def work(
            connection: Connection,
            kind: str = kind,
            table: Table = table,
            is_old: ColumnElement[bool] = is_old,
            before_ns: int = before_ns,
        ) -> int:
            count = _delete(connection, table, is_old)
            if count:
                before = utc_datetime(before_ns).isoformat()
                detail = {"rows": count, "before": before}
                add_audit(connection, now_ns, HUB, "deleted", kind, detail)
            return count

        if count := database.do(work):
            deleted[kind] = count
    return deleted


def _old_rows(keep: KeepFrom) -> dict[str, tuple[Table, ColumnElement[bool], int]]:
    """Return of each kind the table, what is old in it, and the time before it."""
    goes_on = select(open_episodes.c.event_id)
    is_open = select(alarms.c.alarm_id).where(alarms.c.is_over.is_(False))
    day = utc_datetime(keep.coverage).date().isoformat()
    old_events = (events.c.started_ns < keep.events) & events.c.event_id.not_in(goes_on)
    old_alarms = (alarms.c.raised_ns < keep.alarms) & alarms.c.is_over.is_(True)
    old_answers = (answers.c.at_ns < keep.alarms) & answers.c.outcome.is_not(None)
    old_poses = (pose_tracks.c.at_ns < keep.poses) & pose_tracks.c.alarm_id.not_in(
        is_open
    )
    clips_ns = max(keep.clips, keep.alarms)  # a clip goes with its alarm at the latest
    old_notices = notices.c.alarm_id.not_in(select(alarms.c.alarm_id))
    return {
        "events": (events, old_events, keep.events),
        "alarms": (alarms, old_alarms, keep.alarms),
        "answers": (answers, old_answers, keep.alarms),
        "notices": (notices, old_notices, keep.alarms),
        "poses": (pose_tracks, old_poses, keep.poses),
        "clips": (clips, clips.c.at_ns < clips_ns, clips_ns),
        "coverage": (coverage, coverage.c.day < day, keep.coverage),
        "drift": (drift_blocks, drift_blocks.c.at_ns < keep.drift, keep.drift),
        "audit": (audit, audit.c.at_ns < keep.audit, keep.audit),
    }


def _delete(connection: Connection, table: Table, is_old: ColumnElement[bool]) -> int:
    """Delete the first old rows; return how many there were."""
    keys = tuple_(*table.primary_key)
    first = select(*table.primary_key).where(is_old).limit(_MOST_ROWS)
    return connection.execute(delete(table).where(keys.in_(first))).rowcount
