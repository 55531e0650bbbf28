"""Pages of a history, the newest first.

A page ends with a key, and the next one begins before it. So a row that is added
meanwhile moves nothing, and the last page costs as little as the first.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Table, tuple_

from services.store.database import Query

Key = tuple[int, str]
"""Time and id of a row."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page holds; None leaves out nothing.

    Attributes:
        subject_ids: Names of the subjects.
        name: Name of the event.
        from_ns: Earliest time, UTC.
        to_ns: Time before which all is, UTC.
    """

    subject_ids: Collection[str] | None = None
    name: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None


def page_of(
    query: Query,
    table: Table,
    key: tuple[str, str],
    filters: Filters,
    before: Key | None,
    limit: int,
) -> Query:
    """Return the query of one page.

    Args:
        query: A selection from ``table``.
        table: A table with the columns ``subject_id`` and ``name``.
        key: Names of the columns of time and id.
        filters: What to leave out.
        before: Key of the last row of the page before; None for the first page.
        limit: Most rows.
    """
    time, identity = table.c[key[0]], table.c[key[1]]
    if filters.subject_ids is not None:
        query = query.where(table.c.subject_id.in_(list(filters.subject_ids)))
    if filters.name is not None:
        query = query.where(table.c.name == filters.name)
    if filters.from_ns is not None:
        query = query.where(time >= filters.from_ns)
    if filters.to_ns is not None:
        query = query.where(time < filters.to_ns)
    if before is not None:
        query = query.where(tuple_(time, identity) < tuple_(*before))
    return query.order_by(time.desc(), identity.desc()).limit(limit)
