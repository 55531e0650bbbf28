"""Alarms: the open ones, their history, and how often they were true."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, final

from sqlalchemy import BigInteger, Connection, Integer, case, cast, delete, func, select

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm, AlarmEntry
from services.store.database import Database, replace_row
from services.store.notices import WAITS
from services.store.pages import Filters, Key, page_of
from services.store.tables import alarms, notices

_DAY_NS: Final = 24 * 3600 * NS_PER_S
_WEEK_NS: Final = 7 * _DAY_NS
_MONDAY_NS: Final = 3 * _DAY_NS
"""From Monday to the Thursday with which 1970 began."""


@dataclass(frozen=True, slots=True)
class AlarmWeek:
    """The alarms about a person in a week, and what people found.

    Attributes:
        subject_id: Name of the subject.
        start_ns: Monday, 00:00 UTC.
        alarms: Number of alarms that were raised.
        true: Number of those that a person found to be true.
        false: Number of those that a person found to be false.
    """

    subject_id: str
    start_ns: int
    alarms: int
    true: int
    false: int

    @property
    def precision(self) -> float | None:
        """Share of true ones among those with a verdict; None without one."""
        judged = self.true + self.false
        return self.true / judged if judged else None


def put_alarms(connection: Connection, changed: Iterable[Alarm]) -> None:
    """Store alarms in place of their former selves.

    Notices that wait are deleted with the end of their alarm, but for those that
    outlive it.
    """
    for alarm in changed:
        row = {
            "alarm_id": alarm.alarm_id,
            "subject_id": alarm.subject_id,
            "is_over": alarm.is_over,
            "raised_ns": alarm.raised_ns,
            "name": alarm.name,
            "verdict": alarm.verdict,
            "record": asdict(alarm),
        }
        replace_row(connection, alarms, row)
        if alarm.is_over:
            theirs = notices.c.alarm_id == alarm.alarm_id
            useless = theirs & notices.c.outlives_alarm.is_(False)
            connection.execute(delete(notices).where(useless, *WAITS))


@final
class Alarms:
    """The alarms of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self) -> list[Alarm]:
        """Return the alarms that are not over, in the order of their raising."""
        chosen = select(alarms.c.record).where(alarms.c.is_over.is_(False))
        rows = self._database.rows(chosen.order_by(alarms.c.raised_ns))
        return [_alarm_of(row.record) for row in rows]

    def ids(self) -> list[str]:
        """Return the ids of all alarms, over or not."""
        rows = self._database.rows(select(alarms.c.alarm_id))
        return [row.alarm_id for row in rows]

    def one(self, alarm_id: str) -> Alarm | None:
        """Return an alarm, or None."""
        query = select(alarms.c.record).where(alarms.c.alarm_id == alarm_id)
        row = self._database.row(query)
        return None if row is None else _alarm_of(row.record)

    def page(
        self, filters: Filters, limit: int, before: Key | None = None
    ) -> list[Alarm]:
        """Return a page of all alarms, the latest raised first.

        ``before`` is the time of raising and the id of the last alarm of the page
        before.
        """
        key = ("raised_ns", "alarm_id")
        query = page_of(select(alarms.c.record), alarms, key, filters, before, limit)
        return [_alarm_of(row.record) for row in self._database.rows(query)]

    def weeks(self, from_ns: int, to_ns: int) -> list[AlarmWeek]:
        """Return each subject's alarms by week, the oldest week first.

        Only alarms that were raised in ``[from_ns, to_ns)``, UTC, are counted.
        """
        shifted = alarms.c.raised_ns + cast(_MONDAY_NS, BigInteger)
        week = (shifted // cast(_WEEK_NS, BigInteger)).label("week")

        def judged(verdict: str) -> Any:  # noqa: ANN401  a column of integers
            is_so = case((alarms.c.verdict == verdict, 1), else_=0)
            return func.sum(is_so, type_=Integer)

        kind = func.coalesce(alarms.c.record["kind"].as_string(), "person")
        of_person = kind == "person"
        query = (
            select(
                alarms.c.subject_id,
                week,
                func.count().label("alarms"),
                judged("true").label("true_ones"),
                judged("false").label("false_ones"),
            )
            .where(alarms.c.raised_ns >= from_ns, alarms.c.raised_ns < to_ns, of_person)
            .group_by(alarms.c.subject_id, week)
            .order_by(week, alarms.c.subject_id)
        )
        return [
            AlarmWeek(
                row.subject_id,
                row.week * _WEEK_NS - _MONDAY_NS,
                row.alarms,
                row.true_ones,
                row.false_ones,
            )
            for row in self._database.rows(query)
        ]


def _alarm_of(record: dict[str, Any]) -> Alarm:
    entries = tuple(AlarmEntry(**entry) for entry in record["history"])
    return Alarm(**{**record, "history": entries})
