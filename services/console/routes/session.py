"""Log in, log out, and one's own account."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.console.context import Console
from services.console.gate import SESSION_COOKIE
from services.console.passwords import (
    LEAST_LENGTH,
    MOST_LENGTH,
    check,
    hash_of_password,
    hash_of_secret,
    new_secret,
)
from services.console.people import SCOPES
from services.console.texts import LANGUAGES
from services.console.web import (
    ConsoleOf,
    FormOf,
    Number,
    PersonOf,
    console_of,
    needs,
    page,
)
from services.store.access import Act

open_routes = APIRouter()
"""What is reached without a login."""

routes = APIRouter(dependencies=[needs("viewer")])

_MOST_NAME: Final = 64
_MOST_TOKENS: Final = 20


@open_routes.get("/healthz")
async def healthz() -> dict[str, bool]:
    """Say that the process lives."""
    return {"alive": True}


@open_routes.get("/login")
def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002
    """Show the form of the login."""
    if request.state.person is not None:
        return RedirectResponse(local(next), HTTPStatus.SEE_OTHER)
    return login_form(request, local(next))


@open_routes.post("/login")
async def log_in(request: Request, console: ConsoleOf, form: FormOf) -> Response:
    """Start a session, if name and password fit."""
    name = form.get("name", "").strip().lower()[:_MOST_NAME]
    target = local(form.get("next", "/"))
    address = address_of(request)
    wait_s = console.limit.wait_s(name, address)
    if wait_s > 0:
        minutes = int(wait_s // 60) + 1
        status = HTTPStatus.TOO_MANY_REQUESTS
        return login_form(request, target, "login.wait", status, name, minutes)
    console.limit.failed(name, address)  # before any wait: many at once do not pass
    user = await run_in_threadpool(console.access.user, name)
    is_here = user is not None and user.identity is None
    hashed = user.password_hash if user is not None and is_here else None
    password = form.get("password", "")
    fits = await asyncio.wrap_future(check(password, hashed))  # takes time for nobody
    if user is None or not fits:
        await _note_failure(console, name, {"address": address})
        status = HTTPStatus.UNAUTHORIZED
        return login_form(request, target, "login.wrong", status, name)
    console.limit.succeeded(name, address)
    only_some = console.settings.password_login == "administrators"
    if only_some and user.role != "administrator":
        reason = "passwords are for administrators"
        await _note_failure(console, name, {"address": address, "reason": reason})
        return login_form(
            request, target, "login.not_by_password", HTTPStatus.FORBIDDEN, name
        )
    answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    await begin_session(request, console, name, answer, {"address": address})
    return answer


async def begin_session(
    request: Request,
    console: Console,
    name: str,
    answer: Response,
    detail: Mapping[str, str],
) -> None:
    """Start a session of a user, whose cookie goes with an answer.

    Args:
        request: What the user has sent.
        console: The console.
        name: Name of the user.
        answer: What the browser gets.
        detail: How the user has logged in, for the audit.

    Raises:
        StoreError: If the store cannot be written.
    """
    secret = new_secret()
    opening = (name, hash_of_secret(secret), Act(console.utc_ns(), name), detail)
    await run_in_threadpool(console.access.open_session, *opening)
    await run_in_threadpool(console.drop_old_sessions)
    answer.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=30 * 24 * 3600,
        httponly=True,
        samesite="strict",
        secure=is_secure(request),
    )


def login_form(
    request: Request,
    target: str,
    problem: str = "",
    status: int = HTTPStatus.OK,
    name: str = "",
    minutes: int = 0,
) -> Response:
    """Return the page of the login.

    Args:
        request: What the browser has sent.
        target: Path of the page to show after the login.
        problem: Why a login was refused, a text of the catalogue.
        status: Status of the answer.
        name: Name that was given.
        minutes: Wait until the next try, for ``login.wait``.
    """
    settings = console_of(request).settings
    return page(
        request,
        "login.html",
        status,
        next=target,
        name=name,
        problem=problem,
        minutes=minutes,
        provider=None if settings.oidc is None else settings.oidc.name,
        only_administrators=settings.password_login == "administrators",
    )


def is_secure(request: Request) -> bool:
    """Return whether the browser has asked over TLS, so that cookies need it."""
    return request.url.scheme == "https"


async def _note_failure(console: Console, name: str, detail: Mapping[str, str]) -> None:
    now_ns = console.utc_ns()
    await run_in_threadpool(console.access.failed_login, name, now_ns, detail)


@routes.post("/logout")
def log_out(request: Request, console: ConsoleOf, person: PersonOf) -> Response:
    """End the session."""
    secret = request.cookies.get(SESSION_COOKIE, "")
    console.access.close_session(hash_of_secret(secret), console.act(person))
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@routes.get("/account")
def account(request: Request, console: ConsoleOf, person: PersonOf) -> Response:
    """Show what a user may set."""
    return _account(request, console, person)


@routes.post("/account/password")
def change_password(
    request: Request, console: ConsoleOf, person: PersonOf, form: FormOf
) -> Response:
    """Change one's own password; it ends the user's other sessions."""
    user = console.access.user(person.name)
    old, new = form.get("old", ""), form.get("new", "")
    if not person.has_password:
        return _account(request, console, person, "account.no_password")
    guess = f"{person.name} old", address_of(request)  # no name of a user has a space
    if console.limit.wait_s(*guess) > 0:
        return _account(request, console, person, "account.wait")
    console.limit.failed(*guess)
    if user is None or not check(old, user.password_hash).result():
        return _account(request, console, person, "account.wrong")
    console.limit.succeeded(*guess)
    if not LEAST_LENGTH <= len(new) <= MOST_LENGTH or new == old:
        return _account(request, console, person, "account.short")
    if new != form.get("again", ""):
        return _account(request, console, person, "account.differs")
    act = console.act(person)
    hashed = hash_of_password(new)
    console.access.set_password(person.name, hashed, act, must_change=False)
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@routes.post("/account/language")
def choose_language(console: ConsoleOf, person: PersonOf, form: FormOf) -> Response:
    """Set the language of one's pages."""
    language = form.get("language", "")
    chosen = language if language in LANGUAGES else None
    console.access.set_language(person.name, chosen, console.act(person))
    return RedirectResponse("/account", HTTPStatus.SEE_OTHER)


@routes.post("/account/tokens")
def add_token(
    request: Request, console: ConsoleOf, person: PersonOf, form: FormOf
) -> Response:
    """Make a token of one's own, whose secret is shown once."""
    name = form.get("name", "").strip()
    scopes = [scope for scope in SCOPES if form.get(scope)]
    known = console.access.tokens(person.name)
    fine = 0 < len(name) <= _MOST_NAME and name.isprintable() and scopes
    if not fine or len(known) >= _MOST_TOKENS:
        return _account(request, console, person, "account.token")
    secret = new_secret()
    act = console.act(person)
    console.access.add_token(person.name, name, scopes, hash_of_secret(secret), act)
    return _account(request, console, person, secret=secret)


@routes.post("/account/tokens/{number}/remove")
def remove_token(console: ConsoleOf, person: PersonOf, number: Number) -> Response:
    """Remove a token of one's own."""
    if number in [token.number for token in console.access.tokens(person.name)]:
        console.access.remove_token(number, console.act(person))
    return RedirectResponse("/account", HTTPStatus.SEE_OTHER)


def address_of(request: Request) -> str:
    """Return the address of the browser."""
    return request.client.host if request.client else ""


def _account(
    request: Request,
    console: ConsoleOf,
    person: PersonOf,
    problem: str = "",
    secret: str = "",
) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return page(
        request,
        "account.html",
        status,
        tokens=console.access.tokens(person.name),
        scopes=SCOPES,
        least=LEAST_LENGTH,
        problem=problem,
        secret=secret,
    )


def local(target: str) -> str:
    """Return where a login leads: a path of these pages, whatever was asked."""
    try:
        parts = urlsplit(target)
    except ValueError:  # such as a half of an IPv6 address
        return "/"
    is_local = target.startswith("/") and not target.startswith(("//", "/\\"))
    if not is_local or parts.netloc or not target.isprintable():
        return "/"
    return target
