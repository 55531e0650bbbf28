"""Blurred clips of alarms, encrypted; the store cannot read them."""

from collections.abc import Collection
from typing import final

from sqlalchemy import Connection, delete, select

from services.clips.sealed import SealedClip
from services.store.audit import add_audit
from services.store.database import Database, replace_row
from services.store.tables import alarms, clips


@final
class Clips:
    """The clips of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, clip: SealedClip) -> bool:
        """Store a clip if there is an alarm of its event; return whether there is."""
        is_its = (alarms.c.alarm_id == clip.alarm_id) & (
            alarms.c.subject_id == clip.subject_id
        )
        row = {
            "alarm_id": clip.alarm_id,
            "subject_id": clip.subject_id,
            "at_ns": clip.at_ns,
            "sealed": clip.sealed,
        }

        def work(connection: Connection) -> bool:
            known = connection.execute(select(alarms.c.alarm_id).where(is_its)).first()
            if known is not None:
                replace_row(connection, clips, row)
            return known is not None

        return self._database.do(work)

    def one(self, alarm_id: str) -> SealedClip | None:
        """Return the clip of an alarm, or None."""
        row = self._database.row(select(clips).where(clips.c.alarm_id == alarm_id))
        if row is None:
            return None
        return SealedClip(row.alarm_id, row.subject_id, row.at_ns, row.sealed)

    def has(self, alarm_id: str) -> bool:
        """Return whether an alarm has a clip, without reading the clip."""
        chosen = select(clips.c.alarm_id).where(clips.c.alarm_id == alarm_id)
        return self._database.row(chosen) is not None

    def remove_others(
        self, subject_ids: Collection[str], at_ns: int, who: str
    ) -> dict[str, int]:
        """Delete the clips of all subjects but these, with an entry in the audit.

        Args:
            subject_ids: The subjects that consent to clips.
            at_ns: Time of the entries, UTC.
            who: Who deletes, for the entries.

        Returns:
            The number of deleted clips by subject.
        """
        others = clips.c.subject_id.not_in(list(subject_ids))

        def work(connection: Connection) -> dict[str, int]:
            chosen = select(clips.c.subject_id).where(others)
            found = [row.subject_id for row in connection.execute(chosen)]
            counts = {name: found.count(name) for name in sorted(set(found))}
            connection.execute(delete(clips).where(others))
            for name, count in counts.items():
                detail = {"rows": count, "subject": name, "why": "no consent any more"}
                add_audit(connection, at_ns, who, "deleted", "clips", detail)
            return counts

        return self._database.do(work)
