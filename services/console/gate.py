"""The gate: nothing behind it is reached without a login.

Every request passes it, whatever its route. It finds out who asks, refuses forms that
another site has sent, bounds what a request may hold, and sets the security headers of
every answer. What a role may do is said beside each route, by ``web.needs``.
"""

import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Final, final
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, ImmutableMultiDict, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.console.passwords import csrf_of
from services.console.people import Person
from services.errors import StoreError
from services.site.openid import CALLBACK_PATH

SESSION_COOKIE: Final = "wardwatch_session"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"

_OPEN: Final = ("/healthz", "/login", "/login/openid", CALLBACK_PATH)
_STATIC: Final = "/static/"
_FOR_TOKENS: Final = ("/api/", "/stream")
_WITH_OLD_PASSWORD: Final = (
    "/account",
    "/account/password",
    "/account/language",
    "/logout",
)
"""What is reached with a password that somebody else has set."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_MOST_BODY_BYTES: Final = 64 * 1024
_MOST_FIELDS: Final = 500
_FORM: Final = "application/x-www-form-urlencoded"

_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; manifest-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

FindPerson = Callable[[str], Person | None]


@final
class Gate:
    """ASGI middleware; puts ``person`` and ``csrf`` into a request's state.

    A request that lasts asks ``find_person`` of its state again: it returns who asks,
    or None once the session or the token is over.

    Args:
        app: The application behind the gate.
        of_session: Returns who has a session's secret, and extends the session.
        of_token: Returns who has a token's secret.
    """

    def __init__(
        self, app: ASGIApp, of_session: FindPerson, of_token: FindPerson
    ) -> None:
        self._app, self._of_session, self._of_token = app, of_session, of_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it with a refusal."""
        if scope["type"] != "http":  # no websockets here
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        answer = _with_headers(send, scope["path"])
        request = Request(scope, receive)
        try:
            body = await _body_of(request)
            refusal = await self._refusal(request, body)
        except StoreError as err:
            refusal = _refused(request, HTTPStatus.SERVICE_UNAVAILABLE, err.problem)
        except _TooLarge:
            reason = f"a request holds at most {_MOST_BODY_BYTES} bytes"
            refusal = _refused(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
        if refusal is None:
            await self._app(scope, _again(body, receive), answer)
        else:
            await refusal(scope, receive, answer)

    async def _refusal(self, request: Request, body: bytes) -> Response | None:
        """Return the answer to a request that must not pass; None lets it pass."""
        path, state = path_of(request), request.state
        is_safe = request.method in _SAFE
        state.person, state.csrf, state.find_person = None, "", lambda: None
        if path.startswith(_STATIC):
            return None
        if not is_safe and not _is_from_us(request):
            reason = "this form was sent by another site"
            return _refused(request, HTTPStatus.FORBIDDEN, reason)
        secret = request.cookies.get(SESSION_COOKIE, "")
        token = _bearer(request)
        if token is not None:
            state.find_person = partial(self._of_token, token)
        elif secret:
            state.find_person = partial(self._of_session, secret)
            state.csrf = csrf_of(secret)
        person: Person | None = await run_in_threadpool(state.find_person)
        state.person = person
        if path in _OPEN:
            return None
        if person is None:
            return _login_first(request)
        if person.token is not None:
            return _beyond_token(request, person, path, is_safe=is_safe)
        if not is_safe and not _has_csrf(request, body, state.csrf):
            reason = "this form is too old: go back, load the page again, send again"
            return _refused(request, HTTPStatus.FORBIDDEN, reason)
        if person.must_change and path not in _WITH_OLD_PASSWORD:
            if is_page(request):
                return RedirectResponse("/account", HTTPStatus.SEE_OTHER)
            reason = "change your password first, at /account"
            return _refused(request, HTTPStatus.FORBIDDEN, reason)
        return None


class _TooLarge(Exception):
    """The body of a request is too large."""


def path_of(request: Request) -> str:
    """Return the path that routes are chosen by.

    ``request.url`` holds the header Host, which whoever asks may fill with anything.
    """
    path: str = request.scope["path"]
    return path


def is_page(request: Request) -> bool:
    """Return whether a request is for a page that a person looks at."""
    path = path_of(request)
    return not path.startswith("/api/") and "text/html" in request.headers.get(
        "accept", ""
    )


def _login_first(request: Request) -> Response:
    if request.method in _SAFE and is_page(request):
        path, asked = path_of(request), request.scope["query_string"].decode("latin-1")
        query = f"?{asked}" if asked else ""
        where = "" if path == "/" else f"?next={quote(path + query)}"
        return RedirectResponse(f"/login{where}", HTTPStatus.SEE_OTHER)
    refusal = _refused(request, HTTPStatus.UNAUTHORIZED, "log in first")
    refusal.headers["www-authenticate"] = "Bearer"
    return refusal


def _beyond_token(
    request: Request, person: Person, path: str, *, is_safe: bool
) -> Response | None:
    """Return the refusal of what a token does not allow."""
    if not path.startswith(_FOR_TOKENS):
        reason = "a token is for /api/ and /stream alone"
        return _refused(request, HTTPStatus.FORBIDDEN, reason)
    scope = "read" if is_safe else "answer"
    if scope not in person.scopes:
        reason = f"this token has no scope {scope}"
        return _refused(request, HTTPStatus.FORBIDDEN, reason)
    return None


def _refused(request: Request, status: HTTPStatus, reason: str) -> Response:
    if is_page(request):
        return Response(reason, status, media_type="text/plain; charset=utf-8")
    return JSONResponse({"detail": reason}, status)


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _is_from_us(request: Request) -> bool:
    """Return whether no browser says that another site has sent the request."""
    headers: Headers = request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host", "")


def _has_csrf(request: Request, body: bytes, expected: str) -> bool:
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORM):
        given = fields_of(body).get(CSRF_FIELD)
    return hmac.compare_digest((given or "").encode(), expected.encode())


def fields_of(body: bytes) -> ImmutableMultiDict[str, str]:
    """Return the fields of a form; a body that is no form has none."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        pairs = []
    return ImmutableMultiDict(pairs)


async def _body_of(request: Request) -> bytes:
    """Read the whole body.

    Raises:
        _TooLarge: If it is longer than a request may be.
    """
    body = b""
    if request.method in _SAFE:
        return body
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BODY_BYTES:
            raise _TooLarge
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that begins with the body that was read."""
    waiting = [body]

    async def receive_again() -> Message:
        if waiting:
            return {
                "type": "http.request",
                "body": waiting.pop(),
                "more_body": False,
            }
        return await receive()

    return receive_again


def _with_headers(send: Send, path: str) -> Callable[[Message], Awaitable[None]]:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if path.startswith(_STATIC):
                headers["cache-control"] = "no-cache"
            else:
                headers["cache-control"] = "no-store"
        await send(message)

    return answer
