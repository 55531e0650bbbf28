"""Log in by the OpenID Connect provider of the site."""

import logging
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.console.context import Console
from services.console.openid.provider import Provider
from services.console.openid.refusal import LoginRefused, ProviderDown
from services.console.openid.rights import admitted
from services.console.openid.under_way import LONGEST_S, Begun
from services.console.openid.users import enrolled
from services.console.passwords import hash_of_secret, new_secret
from services.console.routes.session import (
    address_of,
    begin_session,
    is_secure,
    local,
    login_form,
)
from services.console.web import ConsoleOf, page
from services.site.openid import CALLBACK_PATH

open_routes = APIRouter()
"""What is reached without a login."""

logger = logging.getLogger(__name__)

_COOKIE: Final = "wardwatch_openid"
_PATH: Final = "/login/openid"
_MOST_PARAMETER: Final = 4096


def _provider_of(console: ConsoleOf) -> Provider:
    if console.provider is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no provider of logins")
    return console.provider


ProviderOf = Annotated[Provider, Depends(_provider_of)]


@open_routes.get(_PATH)
async def begin(
    request: Request,
    console: ConsoleOf,
    provider: ProviderOf,
    next: str = "/",  # noqa: A002
) -> Response:
    """Send the browser to the provider."""
    target = local(next)
    if request.state.person is not None:
        return RedirectResponse(target, HTTPStatus.SEE_OTHER)
    try:
        begun = await provider.begin()
    except ProviderDown as down:
        logger.warning("login by OpenID Connect: the provider %s", down.reason)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return login_form(request, target, down.key, status)
    secret = request.cookies.get(_COOKIE) or new_secret()  # two tabs have one
    facts = (begun["nonce"], begun["code_verifier"], target)
    kept = Begun(hash_of_secret(secret), *facts)
    console.under_way.add(begun["state"], kept, address_of(request))
    answer = RedirectResponse(begun["url"], HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        _COOKIE,
        secret,
        max_age=LONGEST_S,
        path=_PATH,
        httponly=True,
        samesite="lax",  # it comes back with the provider's redirect
        secure=is_secure(request),
    )
    return answer


@open_routes.get(CALLBACK_PATH)
async def finish(
    request: Request,
    console: ConsoleOf,
    provider: ProviderOf,
    state: str = "",
    code: str = "",
    error: str = "",
) -> Response:
    """Log in the named user if the answer is for this browser's login."""
    browser = hash_of_secret(request.cookies.get(_COOKIE, ""))
    begun = console.under_way.take(state[:_MOST_PARAMETER], browser)
    if begun is None:  # begun elsewhere, too long ago, or answered before
        status = HTTPStatus.BAD_REQUEST
        return login_form(request, "/", "login.openid_old", status)
    address = address_of(request)
    if console.limit.wait_s(state, address) > 0:
        status = HTTPStatus.TOO_MANY_REQUESTS
        return login_form(request, begun.target, "login.wait", status, minutes=5)
    console.limit.failed(state, address)  # only the address's count matters
    try:
        name = await _name_of(console, provider, begun, code, error)
    except LoginRefused as refused:
        if isinstance(refused, ProviderDown):  # nobody has guessed anything
            console.limit.succeeded(state, address)
        return await _refused(request, console, begun, refused)
    console.limit.succeeded(state, address)
    answer = page(request, "logged_in.html", target=begun.target)
    detail = {"address": address, "by": provider.settings.issuer}
    await begin_session(request, console, name, answer, detail)
    answer.delete_cookie(_COOKIE, path=_PATH)
    return answer


async def _name_of(
    console: Console, provider: Provider, begun: Begun, code: str, error: str
) -> str:
    """Return the name of the user whom the provider has named.

    Raises:
        LoginRefused: If it has named nobody, or nobody who may log in.
    """
    if error or not code:
        said = error[:60] if error.isprintable() else ""
        reason = f"the provider says {said or 'nothing'}"
        raise LoginRefused(reason)
    settings = provider.settings
    claims = await provider.claims(code[:_MOST_PARAMETER], begun.verifier, begun.nonce)
    return await run_in_threadpool(
        enrolled,
        console.access,
        admitted(claims, settings),
        console.utc_ns(),
        sets_subjects=bool(settings.subjects),
    )


async def _refused(
    request: Request, console: Console, begun: Begun, refused: LoginRefused
) -> Response:
    logger.warning("login by OpenID Connect refused: %s", refused.reason)
    detail = {"address": address_of(request), "reason": refused.reason}
    await run_in_threadpool(
        console.access.failed_login, refused.name, console.utc_ns(), detail
    )
    is_down = isinstance(refused, ProviderDown)
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_down else HTTPStatus.FORBIDDEN
    return login_form(request, begun.target, refused.key, status)
