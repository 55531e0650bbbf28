"""Users: an administrator adds them, sets their rights, and resets passwords."""

from http import HTTPStatus

from fastapi import APIRouter
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.console.context import Console
from services.console.passwords import hash_of_password, new_password
from services.console.people import ROLES, USER_NAME
from services.console.web import ConsoleOf, FormOf, Number, PersonOf, needs, page
from services.store.access import User

routes = APIRouter(prefix="/users", dependencies=[needs("administrator")])


@routes.get("")
def users(request: Request, console: ConsoleOf) -> Response:
    """Show all users."""
    return _users(request, console)


@routes.post("")
def add_user(
    request: Request, console: ConsoleOf, person: PersonOf, form: FormOf
) -> Response:
    """Add a user, whose first password is shown once."""
    name = form.get("name", "").strip().lower()
    role = form.get("role", "")
    if USER_NAME.fullmatch(name) is None or role not in ROLES:
        return _users(request, console, "users.malformed")
    password = new_password()
    subjects = _subjects(form)
    user = User(name, hash_of_password(password), role, subjects, must_change=True)
    if not console.access.add(user, console.act(person)):
        return _users(request, console, "users.taken")
    return _users(request, console, name=name, password=password)


@routes.post("/{name}/rights")
def set_rights(
    request: Request, console: ConsoleOf, person: PersonOf, form: FormOf, name: str
) -> Response:
    """Set a user's role and subjects."""
    user = console.access.user(name)
    role, subjects = form.get("role", ""), _subjects(form)
    if user is not None and user.identity is not None:  # a provider gives the role
        role = user.role
        subjects = user.subjects if _provider_sets_subjects(console) else subjects
    if role not in ROLES:
        return _users(request, console, "users.malformed")
    act = console.act(person)
    if not console.access.set_rights(name, role, subjects, act):
        return _users(request, console, "users.last")
    return RedirectResponse("/users", HTTPStatus.SEE_OTHER)


@routes.post("/{name}/password")
def reset_password(
    request: Request, console: ConsoleOf, person: PersonOf, name: str
) -> Response:
    """Give a user a new password, which is shown once and must be changed."""
    user = console.access.user(name)
    if user is None or user.identity is not None:
        return _users(request, console, "users.unknown")
    password = new_password()
    act, hashed = console.act(person), hash_of_password(password)
    console.access.set_password(name, hashed, act, must_change=True)
    return _users(request, console, name=name, password=password)


@routes.post("/{name}/remove")
def remove_user(
    request: Request, console: ConsoleOf, person: PersonOf, name: str
) -> Response:
    """Remove a user, with sessions and tokens."""
    if not console.access.remove(name, console.act(person)):
        return _users(request, console, "users.last")
    return RedirectResponse("/users", HTTPStatus.SEE_OTHER)


@routes.post("/tokens/{number}/remove")
def remove_token(console: ConsoleOf, person: PersonOf, number: Number) -> Response:
    """Remove anybody's token."""
    console.access.remove_token(number, console.act(person))
    return RedirectResponse("/users", HTTPStatus.SEE_OTHER)


def _provider_sets_subjects(console: Console) -> bool:
    settings = console.settings.oidc
    return settings is not None and bool(settings.subjects)


def _subjects(form: ImmutableMultiDict[str, str]) -> tuple[str, ...] | None:
    """Return the chosen subjects; None for all."""
    if form.get("all_subjects"):
        return None
    return tuple(sorted(set(form.getlist("subject"))))


def _users(
    request: Request,
    console: Console,
    problem: str = "",
    name: str = "",
    password: str = "",
) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    return page(
        request,
        "users.html",
        status,
        users=console.access.users(),
        tokens=console.access.tokens(),
        roles=ROLES,
        subjects=console.feed.snapshot.subjects,
        provider_sets_subjects=_provider_sets_subjects(console),
        problem=problem,
        name=name,
        password=password,
    )
