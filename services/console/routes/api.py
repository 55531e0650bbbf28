"""The programming interface: JSON, for scripts and other programs with a token.

Its description is ``/api/openapi.json``. Times are ISO 8601 in UTC.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from pipelines.clock import utc_datetime
from pipelines.live.alarms import Alarm, AlarmKind
from services.console.answering import AnswerRefused, Given, give
from services.console.context import Console
from services.console.people import Person
from services.console.texts import texts_of
from services.console.tiles import Tile
from services.console.web import Before, ConsoleOf, Number, PersonOf, needs
from services.errors import ClipError
from services.hub.alarms.answers import MOST_SNOOZE_MINUTES, MOST_TEXT
from services.hub.topics import alarm_line
from services.record_lines import RecordLines
from services.store.pages import Filters

routes = APIRouter(prefix="/api", dependencies=[needs("viewer")])

_MOST: Final = 500

Identity = Annotated[str, Path(min_length=1, max_length=128)]
Limit = Annotated[int, Query(ge=1, le=_MOST)]


class Refusal(BaseModel):
    """Why a request was refused."""

    detail: Any


class SubjectNow(BaseModel):
    """A subject now; what is not known is null."""

    subject: str
    state: str = Field(description="online, degraded or offline.")
    reason: str
    action: str | None
    confidence: float
    people: int | None
    bed: str | None
    worn: str | None
    sources: dict[str, str]
    picture_at: str | None
    reported_at: str | None
    alarm_id: str | None = Field(
        description="The most urgent open alarm about the person."
    )


class AlarmEntryLine(BaseModel):
    """One entry of an alarm's history."""

    step: str
    at: str
    by: str
    note: str


class AlarmLine(BaseModel):
    """An alarm, as it is published over MQTT."""

    subject: str
    alarm_id: str
    name: str
    kind: AlarmKind = Field(description="About a person, or a fault of the system.")
    priority: str
    state: str
    raised_at: str
    raised_ns: int = Field(description="Nanoseconds of UTC, for the next page.")
    confidence: float
    modality: str
    escalations: int
    until_at: str | None
    has_ended: bool
    verdict: str | None
    history: list[AlarmEntryLine]


class ClipPictureOut(BaseModel):
    """A blurred picture."""

    t: float = Field(description="Seconds since the event was recognised, -30 to 60.")
    webp: str = Field(description="The picture as WebP, in base64.")


class ClipOut(BaseModel):
    """The blurred clip of an alarm."""

    alarm_id: str
    subject: str
    at: str = Field(description="When the event was recognised.")
    pictures: list[ClipPictureOut]


class AnswerIn(BaseModel):
    """A person's answer to an alarm."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["ack", "snooze", "escalate", "resolve"]
    minutes: float = Field(
        10.0, gt=0, le=MOST_SNOOZE_MINUTES, description="Of a snooze."
    )
    verdict: Literal["true", "false"] | None = None
    note: str = Field("", max_length=MOST_TEXT)


class AnswerStored(BaseModel):
    """An answer that the service will look at."""

    number: int


class AnswerOutcome(BaseModel):
    """What became of an answer."""

    number: int
    outcome: str | None = Field(
        description="Null until the service has looked at it, empty once it is applied,"
        " else the reason why it does not fit."
    )


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Refusal}
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
}
routes.responses = _REFUSALS


@routes.get("/subjects")
def subjects(console: ConsoleOf, person: PersonOf) -> list[SubjectNow]:
    """Return every subject now."""
    snapshot, now_ns = console.feed.snapshot, console.utc_ns()
    names = person.visible(snapshot.subjects)
    return [_subject(snapshot.tile(name, now_ns)) for name in names]


@routes.get("/alarms")
def alarms(
    console: ConsoleOf,
    person: PersonOf,
    state: Literal["open", "all"] = "open",
    subject: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    before_ns: Before = None,
    before_id: Annotated[str, Query(max_length=128)] = "",
) -> list[AlarmLine]:
    """Return open alarms, or pages of all alarms with the latest raised first.

    The next page begins before the ``raised_ns`` and the ``alarm_id`` of the last one.
    """
    if state == "open":
        found = [
            alarm
            for alarm in console.store.alarms.open()
            if person.may_see(alarm.subject_id) and subject in (None, alarm.subject_id)
        ]
        return [_alarm(alarm) for alarm in found[:limit]]
    before = None if before_ns is None else (before_ns, before_id)
    filters = _filters(person, subject)
    return [_alarm(it) for it in console.store.alarms.page(filters, limit, before)]


@routes.get("/alarms/{alarm_id}")
def alarm(console: ConsoleOf, person: PersonOf, alarm_id: Identity) -> AlarmLine:
    """Return an alarm."""
    return _alarm(_visible(console, person, alarm_id))


@routes.get("/alarms/{alarm_id}/poses")
def poses(console: ConsoleOf, person: PersonOf, alarm_id: Identity) -> dict[str, Any]:
    """Return the poses around an alarm; the audit notes that somebody looked."""
    found = _visible(console, person, alarm_id)
    track = console.store.pose_tracks.one(alarm_id)
    if track is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no poses are kept of this alarm")
    console.audit(person, "poses viewed", alarm_id, {"subject": found.subject_id})
    return track.content


@routes.get(
    "/alarms/{alarm_id}/clip",
    dependencies=[needs("carer")],
    responses={HTTPStatus.CONFLICT: {"model": Refusal}},
)
def clip(console: ConsoleOf, person: PersonOf, alarm_id: Identity) -> ClipOut:
    """Return the blurred clip of an alarm; the audit notes that somebody looked.

    409 says that the key of the site is not the one that it was encrypted with.
    """
    found = _visible(console, person, alarm_id)
    kept = console.store.clips.one(alarm_id)
    if kept is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no clip is kept of this alarm")
    try:
        content = console.open_clip(kept)
    except ClipError as err:
        raise HTTPException(HTTPStatus.CONFLICT, str(err)) from None
    console.audit(person, "clip viewed", alarm_id, {"subject": found.subject_id})
    return ClipOut.model_validate(content)


@routes.post(
    "/alarms/{alarm_id}/answer",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[needs("carer")],
)
def answer(
    console: ConsoleOf, person: PersonOf, alarm_id: Identity, given: AnswerIn
) -> AnswerStored:
    """Store an answer; the service applies it within a second while it runs."""
    said = Given(given.kind, given.minutes, given.verdict, given.note)
    try:
        return AnswerStored(number=give(console, person, alarm_id, said))
    except AnswerRefused as err:
        missing = err.key in ("answer.unknown", "answer.over")
        status = HTTPStatus.NOT_FOUND if missing else HTTPStatus.BAD_REQUEST
        raise HTTPException(status, texts_of("en")(err.key)) from None


@routes.get("/answers/{number}")
def outcome(
    console: ConsoleOf,
    person: PersonOf,
    number: Number,
) -> AnswerOutcome:
    """Return what became of an answer."""
    found = console.store.answers.one(number)
    alarm = None if found is None else console.store.alarms.one(found.about)
    if found is None or alarm is None or not person.may_see(alarm.subject_id):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no answer {number}")
    return AnswerOutcome(number=number, outcome=found.outcome)


@routes.get("/events")
def events(
    console: ConsoleOf,
    person: PersonOf,
    subject: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    before_ns: Before = None,
    before_id: Annotated[str, Query(max_length=128)] = "",
) -> list[dict[str, Any]]:
    """Return pages of events with the latest onset first.

    The next page begins before the ``start_ns`` and the ``event_id`` of the last one.
    """
    before = None if before_ns is None else (before_ns, before_id)
    page = console.store.events.page(_filters(person, subject), limit, before)
    lines = RecordLines()
    return [{**lines.line(event), "start_ns": event.start_ns} for event in page]


def _filters(person: Person, subject: str | None) -> Filters:
    if subject is None:
        return Filters(person.subjects)
    return Filters([subject] if person.may_see(subject) else [])


def _visible(console: Console, person: Person, alarm_id: str) -> Alarm:
    found = console.store.alarms.one(alarm_id)
    if found is None or not person.may_see(found.subject_id):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no alarm {alarm_id}")
    return found


def _alarm(alarm: Alarm) -> AlarmLine:
    line = {**alarm_line(alarm), "subject": alarm.subject_id}
    return AlarmLine.model_validate({**line, "raised_ns": alarm.raised_ns})


def _subject(tile: Tile) -> SubjectNow:
    return SubjectNow(
        subject=tile.subject_id,
        state=tile.state,
        reason=tile.reason,
        action=tile.action,
        confidence=tile.confidence,
        people=tile.people,
        bed=tile.bed,
        worn=tile.worn,
        sources=dict(tile.sources),
        picture_at=_time(tile.picture_ns),
        reported_at=_time(tile.reported_ns),
        alarm_id=None if tile.alarm is None else tile.alarm.alarm_id,
    )


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else utc_datetime(time_ns).isoformat()
