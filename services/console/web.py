"""What every route shares: who asks, in which language, and how pages are made."""

from http import HTTPStatus
from typing import Annotated, Final, cast

from fastapi import Depends, HTTPException, Path, Query, Request
from fastapi.params import Depends as DependsOn
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import HTMLResponse, Response

from services.console.context import Console
from services.console.gate import fields_of, path_of
from services.console.people import Person, Role
from services.console.texts import LANGUAGES, chosen_language, texts_of
from services.console.wording import Wording
from services.version import installed_version

_pages: Final = Environment(
    loader=PackageLoader("services.console"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


MOST_NUMBER: Final = 2**63 - 1
"""Largest integer that a database holds, and the last nanosecond of time."""
Number = Annotated[int, Path(ge=0, le=MOST_NUMBER)]
Before = Annotated[int | None, Query(ge=0, le=MOST_NUMBER)]


def console_of(request: Request) -> Console:
    """Return what the application was made with."""
    return cast("Console", request.app.state.console)


def person_of(request: Request) -> Person:
    """Return who asks.

    Raises:
        HTTPException: 401 if nobody is logged in; the gate has refused that before.
    """
    person: Person | None = request.state.person
    if person is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "log in first")
    return person


def needs(role: Role) -> DependsOn:
    """Return the dependency of a route that is for a role and those above it."""

    def check(person: Annotated[Person, Depends(person_of)]) -> None:
        if not person.has(role):
            reason = f"this is for the role {role}; yours is {person.role}"
            raise HTTPException(HTTPStatus.FORBIDDEN, reason)

    return DependsOn(check)


def wording_of(request: Request) -> Wording:
    """Return the words for who asks: their language, or their browser's."""
    console, person = console_of(request), request.state.person
    language = None if person is None else person.language
    if language not in LANGUAGES:
        accepted = request.headers.get("accept-language", "")
        language = chosen_language(accepted, console.settings.language)
    return Wording(texts_of(language), console.zone)


async def form_of(request: Request) -> ImmutableMultiDict[str, str]:
    """Return the fields of the form that was sent."""
    return fields_of(await request.body())


ConsoleOf = Annotated[Console, Depends(console_of)]
PersonOf = Annotated[Person, Depends(person_of)]
WordingOf = Annotated[Wording, Depends(wording_of)]
FormOf = Annotated[ImmutableMultiDict[str, str], Depends(form_of)]


def require_visible(person: Person, subject_id: str) -> None:
    """Refuse a subject that the person may not see, as if it did not exist.

    Raises:
        HTTPException: 404 in that case.
    """
    if not person.may_see(subject_id):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no {subject_id}")


def fragment(wording: Wording, template: str, /, **facts: object) -> str:
    """Return a part of a page: a template in a language, without its frame."""
    return _pages.get_template(template).render(t=wording.texts, w=wording, **facts)


def page(
    request: Request,
    template: str,
    status: int = HTTPStatus.OK,
    /,
    **facts: object,
) -> Response:
    """Return a page in its frame, in the language of who asks."""
    console, wording = console_of(request), wording_of(request)
    content = fragment(
        wording,
        template,
        person=request.state.person,
        csrf=request.state.csrf,
        path=path_of(request),
        site=console.site.site,
        snooze_minutes=console.settings.snooze_minutes,
        version=installed_version(),
        languages=LANGUAGES,
        **facts,
    )
    headers = {"content-language": wording.texts.language}
    return HTMLResponse(content, status, headers)
