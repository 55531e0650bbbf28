"""What is seen: the present of each subject, and the poses around an alarm.

The contents are JSON objects, which their writer and reader agree on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, final

from sqlalchemy import Connection, delete, select

from services.store.database import AnyRow, Database, replace_row
from services.store.tables import live, pose_tracks


@dataclass(frozen=True, slots=True)
class LiveState:
    """The present of a subject; ``at_ns`` is when it was written, UTC."""

    subject_id: str
    at_ns: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PoseTrack:
    """The poses around an alarm; ``at_ns`` is the time of the alarm, UTC."""

    alarm_id: str
    subject_id: str
    at_ns: int
    content: dict[str, Any]


@final
class LiveStates:
    """The present of each subject. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, contents: Mapping[str, dict[str, Any]], at_ns: int) -> None:
        """Store the present of subjects, by their names."""

        def work(connection: Connection) -> None:
            for subject_id in sorted(contents):
                row = {"subject_id": subject_id, "at_ns": at_ns}
                content = contents[subject_id]
                replace_row(connection, live, {**row, "content": content})

        self._database.do(work)

    def remove(self, subject_ids: Collection[str]) -> None:
        """Delete the present of subjects that are watched no more."""
        chosen = live.c.subject_id.in_(list(subject_ids))
        self._database.execute(delete(live).where(chosen))

    def stamps(self) -> dict[str, int]:
        """Return when the present of each subject was written, which costs little."""
        rows = self._database.rows(select(live.c.subject_id, live.c.at_ns))
        return {row.subject_id: row.at_ns for row in rows}

    def some(self, subject_ids: Collection[str]) -> list[LiveState]:
        """Return the present of some subjects."""
        chosen = select(live).where(live.c.subject_id.in_(list(subject_ids)))
        rows = self._database.rows(chosen)
        return [LiveState(row.subject_id, row.at_ns, row.content) for row in rows]

    def all(self) -> list[LiveState]:
        """Return the present of all subjects, in the order of their names."""
        rows = self._database.rows(select(live).order_by(live.c.subject_id))
        return [LiveState(row.subject_id, row.at_ns, row.content) for row in rows]


@final
class PoseTracks:
    """The poses around alarms. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, track: PoseTrack) -> None:
        """Store a track in place of its former self."""
        row = {
            "alarm_id": track.alarm_id,
            "subject_id": track.subject_id,
            "at_ns": track.at_ns,
            "content": track.content,
        }
        self._database.do(lambda connection: replace_row(connection, pose_tracks, row))

    def one(self, alarm_id: str) -> PoseTrack | None:
        """Return the track of an alarm, or None."""
        query = select(pose_tracks).where(pose_tracks.c.alarm_id == alarm_id)
        row = self._database.row(query)
        return None if row is None else _track_of(row)

    def since(self, at_ns: int) -> list[PoseTrack]:
        """Return the tracks of alarms from a time on, the oldest first."""
        chosen = select(pose_tracks).where(pose_tracks.c.at_ns >= at_ns)
        rows = self._database.rows(chosen.order_by(pose_tracks.c.at_ns))
        return [_track_of(row) for row in rows]


def _track_of(row: AnyRow) -> PoseTrack:
    return PoseTrack(row.alarm_id, row.subject_id, row.at_ns, row.content)
