"""A subject: now, and a day of it."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipelines.clock import utc_datetime
from services.console.alarm_cards import cards_of
from services.console.coverage import coverage_of
from services.console.plots import Plot, plot_of
from services.console.routes.board import lives_of
from services.console.timeline import lines_of
from services.console.web import (
    ConsoleOf,
    PersonOf,
    WordingOf,
    needs,
    page,
    require_visible,
)
from services.store.pages import Filters
from services.store.store import Store

routes = APIRouter(dependencies=[needs("viewer")])

_MOST_ALARMS: Final = 200


@routes.get("/subjects/{subject_id}")
def subject(
    request: Request,
    console: ConsoleOf,
    person: PersonOf,
    wording: WordingOf,
    subject_id: str,
    day: str = "",
) -> Response:
    """Show a subject now, and what happened on a day, today by default."""
    snapshot, now_ns = console.feed.snapshot, console.utc_ns()
    require_visible(person, subject_id)
    store = console.store
    shown = day or wording.day(now_ns)
    try:
        span = wording.midnight_ns(shown)
    except (ValueError, OverflowError):
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{day!r} is no day; expected 2026-11-29"
        ) from None
    filters = Filters({subject_id}, from_ns=span[0], to_ns=span[1])
    alarms = store.alarms.page(filters, _MOST_ALARMS)
    if subject_id not in snapshot.subjects and not alarms:
        known = store.alarms.page(Filters({subject_id}), 1)
        if not known:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no {subject_id}")
    events = store.events.within(subject_id, *span)
    utc_day = utc_datetime(sum(span) // 2).date().isoformat()  # days of coverage
    return page(
        request,
        "subject.html",
        subject_id=subject_id,
        tile=snapshot.tile(subject_id, now_ns, with_alarms=False),
        live=lives_of(snapshot, [subject_id]).get(subject_id, ""),
        cards=[
            card
            for card in cards_of(snapshot, person)
            if card.alarm.subject_id == subject_id
        ],
        day=shown,
        today=wording.day(now_ns),
        minutes=(span[1] - span[0]) // 60_000_000_000,
        before=wording.day(span[0] - 1),
        after=wording.day(span[1]),
        span=span,
        now_ns=now_ns,
        lines=lines_of(events, alarms, span, now_ns),
        alarms=alarms,
        plots=_plots(store, subject_id, span),
        coverage=coverage_of(store.coverage.of_day(utc_day), [subject_id])[0],
    )


def _plots(
    store: Store, subject_id: str, span: tuple[int, int]
) -> dict[str, Plot | None]:
    """Return the plots of a day by their names, the more useful one first."""
    blocks = store.drift_blocks.within(subject_id, *span)
    sure = [(it.at_ns, it.confidence) for it in blocks if it.confidence is not None]
    near = [(it.at_ns, it.level) for it in blocks if it.level is not None]
    return {"confidence": plot_of(sure, span[0]), "level": plot_of(near, span[0])}
