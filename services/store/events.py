"""Events: the episodes that go on, and the history of all."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import final

from sqlalchemy import Connection, delete, insert, or_, select

from pipelines.records import ActionEvent
from services.store.database import Database, replace_row
from services.store.pages import Filters, Key, page_of
from services.store.tables import events, open_episodes


def add_events(connection: Connection, new: Iterable[ActionEvent]) -> None:
    """Add starts and ends of episodes that were not stored before."""
    for event in new:
        same = open_episodes.c.event_id == event.event_id
        connection.execute(delete(open_episodes).where(same))
        record = asdict(event)
        if event.state == "started":
            opened = insert(open_episodes).values(
                event_id=event.event_id, subject_id=event.subject_id, record=record
            )
            connection.execute(opened)
        row = {
            "event_id": event.event_id,
            "subject_id": event.subject_id,
            "name": event.name,
            "label": event.label,
            "started_ns": event.start_ns,
            "ended_ns": event.end_ns,
            "record": record,
        }
        replace_row(connection, events, row)


@final
class Events:
    """The events of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        """Return the subjects' episodes that have started and not ended."""
        chosen = open_episodes.c.subject_id.in_(subject_ids)
        rows = self._database.rows(select(open_episodes.c.record).where(chosen))
        return [ActionEvent(**row.record) for row in rows]

    def page(
        self, filters: Filters, limit: int, before: Key | None = None
    ) -> list[ActionEvent]:
        """Return a page of the history by onset, the newest first.

        ``before`` is onset and id of the last event of the page before.
        """
        key = ("started_ns", "event_id")
        query = page_of(select(events.c.record), events, key, filters, before, limit)
        return [ActionEvent(**row.record) for row in self._database.rows(query)]

    def within(self, subject_id: str, from_ns: int, to_ns: int) -> list[ActionEvent]:
        """Return a subject's events that happened in a span, in order of onset.

        Those that began before it or end after it belong to it. An episode that goes
        on has no end.
        """
        chosen = (
            events.c.subject_id == subject_id,
            events.c.started_ns < to_ns,
            or_(events.c.ended_ns.is_(None), events.c.ended_ns > from_ns),
        )
        query = select(events.c.record).where(*chosen)
        rows = self._database.rows(query.order_by(events.c.started_ns))
        return [ActionEvent(**row.record) for row in rows]
