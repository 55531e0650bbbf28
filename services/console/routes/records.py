"""What was: the history with its filters, coverage, the state of the system, audit."""

import csv
import io
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipelines.clock import utc_datetime
from pipelines.live.alarms import Alarm
from pipelines.records import ActionEvent
from services.console.context import Console
from services.console.coverage import coverage_of
from services.console.hub_state import clip_subjects, hub_troubles
from services.console.people import Person
from services.console.web import (
    Before,
    ConsoleOf,
    PersonOf,
    WordingOf,
    needs,
    page,
)
from services.console.wording import Wording
from services.store.pages import Filters, Key

routes = APIRouter(dependencies=[needs("viewer")])

Kind = Literal["alarms", "events"]

_PAGE: Final = 50
_MOST_TITLES: Final = 20
_CSV_PAGE: Final = 1000
_MOST_CSV: Final = 100_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@routes.get("/history")
def history(
    request: Request,
    console: ConsoleOf,
    person: PersonOf,
    wording: WordingOf,
    kind: Kind = "alarms",
    subject: str = "",
    name: str = "",
    since: str = "",
    until: str = "",
    before_ns: Before = None,
    before_id: str = "",
) -> Response:
    """Show a page of alarms or events, the newest first."""
    filters = _filters(person, wording, subject, name, since, until)
    before = None if before_ns is None else (before_ns, before_id)
    rows = _rows(console, kind, filters, _PAGE + 1, before)
    chosen = {"kind": kind, "subject": subject, "name": name}
    chosen |= {"since": since, "until": until}
    kept = {key: value for key, value in chosen.items() if value}
    older = ""
    if len(rows) > _PAGE:
        at_ns, identity = _key(rows[_PAGE - 1])
        older = urlencode({**kept, "before_ns": at_ns, "before_id": identity})
    return page(
        request,
        "history.html",
        rows=rows[:_PAGE],
        chosen=chosen,
        older=older,
        query=urlencode(kept),
        is_first=before is None,
        subjects=person.visible(console.feed.snapshot.subjects),
        names=_names(wording),
    )


@routes.get("/history.csv")
def history_csv(
    console: ConsoleOf,
    person: PersonOf,
    wording: WordingOf,
    kind: Kind = "alarms",
    subject: str = "",
    name: str = "",
    since: str = "",
    until: str = "",
) -> Response:
    """Send the same rows as CSV, all pages of them; times are UTC."""
    filters = _filters(person, wording, subject, name, since, until)
    facts = {"kind": kind, "subject": subject, "name": name}
    console.audit(person, "history exported", kind, facts)
    lines = _csv_lines(console, kind, filters, wording)
    disposition = f'attachment; filename="{console.site.site}-{kind}.csv"'
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": disposition},
    )


@routes.get("/coverage")
def coverage(
    request: Request,
    console: ConsoleOf,
    person: PersonOf,
    day: Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
) -> Response:
    """Show how much of a day each subject was watched."""
    today = utc_datetime(console.utc_ns()).date().isoformat()
    shown = day or today
    names = person.visible(console.feed.snapshot.subjects)
    return page(
        request,
        "coverage.html",
        day=shown,
        today=today,
        days=coverage_of(console.store.coverage.of_day(shown), names),
    )


@routes.get("/system")
def system(request: Request, console: ConsoleOf, person: PersonOf) -> Response:
    """Show what runs, what waits to be delivered, and the versions."""
    snapshot, now_ns = console.feed.snapshot, console.utc_ns()
    pending, oldest_ns = console.store.outbox.backlog()
    sees_all = person.subjects is None
    names = person.visible(snapshot.subjects)
    return page(
        request,
        "system.html",
        troubles=hub_troubles(console.site, console.store),
        tiles=[snapshot.tile(name, now_ns) for name in names],
        pending=pending,
        oldest_ns=oldest_ns,
        undelivered=console.store.notices.undelivered(),
        titles=console.store.notices.waiting(_MOST_TITLES) if sees_all else [],
        clips=person.visible(clip_subjects(console.store)),
        now_ns=now_ns,
        store=console.store.database.name,
        python=sys.version.split()[0],
        trouble=snapshot.trouble,
    )


@routes.get("/audit", dependencies=[needs("administrator")])
def audit(request: Request, console: ConsoleOf, before: Before = None) -> Response:
    """Show who did what, the newest first."""
    entries = console.store.audit.page(_PAGE + 1, before)
    older = entries[_PAGE - 1].number if len(entries) > _PAGE else None
    return page(request, "audit.html", entries=entries[:_PAGE], older=older)


def _filters(
    person: Person, wording: Wording, subject: str, name: str, since: str, until: str
) -> Filters:
    """Return the filters of a query, never beyond what the person may see.

    Raises:
        HTTPException: 422 if a day is none.
    """
    subjects = person.subjects
    if subject:
        subjects = frozenset({subject} if person.may_see(subject) else ())
    try:
        from_ns = wording.midnight_ns(since)[0] if since else None
        to_ns = wording.midnight_ns(until)[1] if until else None
    except (ValueError, OverflowError):
        raise HTTPException(422, "a day is written as 2026-11-29") from None
    return Filters(subjects, name or None, from_ns, to_ns)


def _rows(
    console: Console, kind: Kind, filters: Filters, limit: int, before: Key | None
) -> list[Alarm] | list[ActionEvent]:
    if kind == "alarms":
        return console.store.alarms.page(filters, limit, before)
    return console.store.events.page(filters, limit, before)


def _key(row: Alarm | ActionEvent) -> Key:
    if isinstance(row, Alarm):
        return row.raised_ns, row.alarm_id
    return row.start_ns, row.event_id


def _names(wording: Wording) -> dict[str, str]:
    """Return the names of events that the pages know, for a filter."""
    return {
        key.removeprefix(prefix): text
        for prefix in ("event.", "action.")
        for key, text in wording.texts.catalogue.items()
        if key.startswith(prefix)
    }


def _csv_lines(
    console: Console, kind: Kind, filters: Filters, wording: Wording
) -> Iterator[str]:
    head = _ALARM_COLUMNS if kind == "alarms" else _EVENT_COLUMNS
    yield _csv_line(head)
    before, sent = None, 0
    while sent < _MOST_CSV:
        rows = _rows(console, kind, filters, _CSV_PAGE, before)
        yield "".join(_csv_line(_cells(row, wording)) for row in rows)
        if len(rows) < _CSV_PAGE:
            return
        before, sent = _key(rows[-1]), sent + len(rows)


_ALARM_COLUMNS: Final = (
    *("subject", "event", "priority", "state", "raised_at"),
    *("confidence", "modality", "verdict", "alarm_id"),
)
_EVENT_COLUMNS: Final = (
    *("subject", "event", "started_at", "ended_at"),
    *("confidence", "modality", "model", "event_id"),
)


def _cells(row: Alarm | ActionEvent, wording: Wording) -> tuple[Any, ...]:
    if isinstance(row, Alarm):
        return (
            *(row.subject_id, row.name, row.priority, row.state),
            *(wording.iso(row.raised_ns), round(row.confidence, 4)),
            *(row.modality, row.verdict or "", row.alarm_id),
        )
    ended = "" if row.end_ns is None else wording.iso(row.end_ns)
    return (
        *(row.subject_id, row.name, wording.iso(row.start_ns), ended),
        *(round(row.peak_confidence, 4), row.modality, row.model, row.event_id),
    )


def _csv_line(cells: tuple[Any, ...]) -> str:
    """Return a line of CSV; no cell is a formula to a spreadsheet."""
    safe = [
        f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
        for cell in cells
    ]
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(safe)
    return line.getvalue()
