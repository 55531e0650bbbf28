"""Alarms: the open ones, each with its history and evidence, and their answers."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from pipelines.clock import seconds_to_ns
from pipelines.live.alarms import Alarm
from services.console.alarm_cards import Card, cards_of
from services.console.answering import AnswerRefused, Given, give
from services.console.context import Console
from services.console.people import Person
from services.console.web import (
    ConsoleOf,
    FormOf,
    PersonOf,
    WordingOf,
    needs,
    page,
)
from services.store.alarms import AlarmWeek
from services.store.pages import Filters

routes = APIRouter(dependencies=[needs("viewer")])

_WEEKS_NS: Final = seconds_to_ns(8 * 7 * 24 * 3600)
_RECENT: Final = 15


@routes.get("/alarms")
def alarms(request: Request, console: ConsoleOf, person: PersonOf) -> Response:
    """Show the open alarms, the latest answered ones, and how often they are true."""
    now_ns = console.utc_ns()
    filters = Filters(subject_ids=person.subjects)
    recent = console.store.alarms.page(filters, 2 * _RECENT)
    return page(
        request,
        "alarms.html",
        cards=cards_of(console.feed.snapshot, person),
        recent=[alarm for alarm in recent if alarm.is_over][:_RECENT],
        weeks=_weeks(console, person, now_ns),
    )


@routes.get("/alarms/{alarm_id}")
def alarm(
    request: Request, console: ConsoleOf, person: PersonOf, alarm_id: str
) -> Response:
    """Show an alarm: what happened, who was told, what recognised it and was seen."""
    found = _visible(console, person, alarm_id)
    answers = console.store.answers.latest([alarm_id])
    may_answer = person.may_answer and not found.is_over
    track = console.store.pose_tracks.one(alarm_id)
    return page(
        request,
        "alarm.html",
        card=Card(found, answers.get(alarm_id), may_answer),
        alarm=found,
        people=None if track is None else _people(track.content),
        has_track=track is not None,
        has_clip=person.has("carer") and console.store.clips.has(alarm_id),
        receipts=console.store.receipts.of_alarm(found),
    )


@routes.post("/alarms/{alarm_id}/answer", dependencies=[needs("carer")])
def answer(
    request: Request,
    console: ConsoleOf,
    person: PersonOf,
    wording: WordingOf,
    form: FormOf,
    alarm_id: str,
) -> Response:
    """Store an answer for the hub, which applies it within a second."""
    is_script = request.headers.get("accept") == "application/json"
    try:
        minutes = float(form.get("minutes", "10"))
    except ValueError:
        minutes = 0.0
    given = Given(
        form.get("kind", ""),
        minutes,
        form.get("verdict") or None,
        form.get("note", "").strip(),
    )
    try:
        give(console, person, alarm_id, given)
    except AnswerRefused as err:
        if is_script:
            facts = {"detail": wording.texts(err.key)}
            return JSONResponse(facts, HTTPStatus.UNPROCESSABLE_ENTITY)
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, wording.texts(err.key)
        ) from None
    if is_script:
        return JSONResponse({"stored": True}, HTTPStatus.ACCEPTED)
    return RedirectResponse(f"/alarms/{alarm_id}", HTTPStatus.SEE_OTHER)


def _visible(console: Console, person: Person, alarm_id: str) -> Alarm:
    found = console.store.alarms.one(alarm_id)
    if found is None or not person.may_see(found.subject_id):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no alarm {alarm_id}")
    return found


def _weeks(console: Console, person: Person, now_ns: int) -> list[AlarmWeek]:
    """Return the last weeks with alarms of visible subjects, the newest first."""
    weeks = console.store.alarms.weeks(now_ns - _WEEKS_NS, now_ns + 1)
    seen = [week for week in weeks if person.may_see(week.subject_id)]
    return sorted(seen, key=lambda week: (-week.start_ns, week.subject_id))


def _people(content: dict[str, object]) -> int:
    """Return the most people that a track shows at once."""
    poses = content.get("poses")
    if not isinstance(poses, list):
        return 0
    return max((len(pose.get("people", ())) for pose in poses), default=0)
