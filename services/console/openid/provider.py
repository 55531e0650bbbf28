"""Asks an OpenID Connect provider who somebody is, by the library Authlib.

The authorization code flow with PKCE, a state and a nonce. What the provider describes
itself by is read again every hour; its keys are read again when a new one appears.
"""

import asyncio
import logging
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from pydantic import BaseModel, ValidationError

from pipelines.clock import Clock, seconds_to_ns
from services.console.openid.refusal import LoginRefused, ProviderDown
from services.console.openid.rights import claim_at
from services.errors import ConsoleError
from services.site.openid import OpenIdSettings, is_encrypted_or_local

if TYPE_CHECKING:
    from authlib.integrations.starlette_client.apps import StarletteOAuth2App

_ANSWER_S: Final = 10.0
_LEEWAY_S: Final = 60
"""Difference between our clock and the provider's."""
_KNOWN_FOR_NS: Final = seconds_to_ns(3600)
_SIGNATURES: Final = frozenset(
    {
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "EdDSA"),
    }
)
"""Signatures by a private key: only the provider can make them."""
_ADDRESSES: Final = (
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
)
"""What is asked, or shown to a browser: codes, tokens and claims pass there."""
_LOGGERS: Final = ("httpx2", "httpcore2", "authlib")
"""What they log holds codes and proofs."""


class _Description(BaseModel):
    """What we need of a discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


def require_library() -> None:
    """Check that Authlib is installed, which is an extra.

    Raises:
        ConsoleError: If it is not.
    """
    try:
        import authlib  # noqa: F401
    except ModuleNotFoundError:
        problem = "needs authlib: pip install --editable '.[oidc]'"
        place = "oidc"
        raise ConsoleError(place, problem) from None


@final
class Provider:
    """One provider.

    Args:
        settings: Where it is, and who we are there.
        clock: The clock.
    """

    def __init__(self, settings: OpenIdSettings, clock: Clock) -> None:
        self.settings, self._clock = settings, clock
        self._known: tuple[int, _Description] | None = None
        self._app: tuple[_Description, str | None, StarletteOAuth2App] | None = None
        self._trust: ssl.SSLContext | None = None
        self._asking = asyncio.Lock()
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    async def describe(self) -> str:
        """Return one line on what the provider says of itself.

        Raises:
            ProviderDown: If it cannot be used.
        """
        found = await self._description()
        secret = "a secret" if self._secret() is not None else "no secret"
        return f"answers; logins go to {found.authorization_endpoint}, with {secret}"

    async def begin(self) -> dict[str, str]:
        """Return ``url`` for the browser, ``state``, ``nonce`` and ``code_verifier``.

        Raises:
            ProviderDown: If the provider cannot be used.
        """
        app = await self._client()
        begun: dict[str, str] = await app.create_authorization_url(
            self.settings.callback_url
        )
        return begun

    async def claims(self, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Return the claims about who has logged in, from a token that was checked.

        Args:
            code: What the browser has brought from the provider.
            verifier: The ``code_verifier`` of this login.
            nonce: Its ``nonce``.

        Raises:
            LoginRefused: If the provider refuses the code, or its token is not for us,
                not for this login, expired or not signed by the provider.
            ProviderDown: If the provider cannot be used.
        """
        app, settings = await self._client(), self.settings
        with _refusals():
            token = await app.fetch_access_token(  # type: ignore[no-untyped-call] # stubs
                settings.callback_url, code=code, code_verifier=verifier
            )
            expected = {
                "iss": {"essential": True, "value": settings.issuer},
                "aud": {"essential": True, "value": settings.client_id},
            }
            claims = await app.parse_id_token(
                token, nonce, claims_options=expected, leeway=_LEEWAY_S
            )
            if not claims:
                reason = "the provider's answer has no ID token"
                raise LoginRefused(reason)
            wanted = (settings.user_claim, settings.roles_claim)
            if all(claim_at(claims, name) is not None for name in wanted):
                return claims
            return await self._with_more(app, token, claims)

    async def _with_more(
        self, app: "StarletteOAuth2App", token: object, claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the claims with those that the provider gives only when asked."""
        if app.server_metadata["userinfo_endpoint"] is None:
            return claims
        more = await app.userinfo(token=token)
        if more.get("sub") != claims["sub"]:
            reason = "the provider's userinfo is about somebody else"
            raise LoginRefused(reason)
        return {**more, **claims}

    async def _client(self) -> "StarletteOAuth2App":
        """Return the library's client, made again for a new description or secret."""
        from authlib.integrations.starlette_client.apps import StarletteOAuth2App

        found, secret = await self._description(), self._secret()
        app = self._app
        if app is not None and app[0] is found and app[1] == secret:
            return app[2]
        methods = found.token_endpoint_auth_methods_supported
        method = "client_secret_post"
        if "client_secret_basic" in methods or method not in methods:
            method = "client_secret_basic"
        made = StarletteOAuth2App(
            framework=None,  # it would keep states in a session of Starlette
            client_id=self.settings.client_id,
            client_secret=secret,
            client_kwargs={
                "scope": " ".join(self.settings.scopes),
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": method if secret is not None else "none",
                **self._limits(),
            },
            **found.model_dump(),
        )
        self._app = (found, secret, made)
        return made

    async def _description(self) -> _Description:
        """Return what the provider says of itself, at most an hour old."""
        async with self._asking:
            now_ns = self._clock.now_ns()
            if self._known is None or now_ns - self._known[0] > _KNOWN_FOR_NS:
                self._known = (now_ns, await self._ask())
            return self._known[1]

    async def _ask(self) -> _Description:
        import httpx2  # slow, and needed by few

        try:
            async with httpx2.AsyncClient(**self._limits()) as client:
                answer = await client.get(self.settings.discovery_url)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            reason = f"cannot be reached ({type(error).__name__})"
            raise ProviderDown(reason) from None
        if answer.status_code != httpx2.codes.OK:
            reason = f"its discovery answers HTTP {answer.status_code}"
            raise ProviderDown(reason)
        try:
            found = _Description.model_validate_json(answer.content)
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "its text"
            reason = f"its discovery is malformed at {place}"
            raise ProviderDown(reason) from None
        return self._checked(found)

    def _checked(self, found: _Description) -> _Description:
        """Return a description with only the signatures that we accept."""
        if found.issuer != self.settings.issuer:
            reason = "its discovery names another issuer; write it in the same way"
            raise ProviderDown(reason)
        for name in _ADDRESSES:
            address = getattr(found, name)
            if address is not None and not is_encrypted_or_local(address):
                reason = f"its {name} is not https://"
                raise ProviderDown(reason)
        signatures = _SIGNATURES & {*found.id_token_signing_alg_values_supported}
        if not signatures:
            reason = "it signs in no way that is accepted here"
            raise ProviderDown(reason)
        accepted = {"id_token_signing_alg_values_supported": tuple(sorted(signatures))}
        return found.model_copy(update=accepted)

    def _secret(self) -> str | None:
        try:
            return self.settings.client_secret()
        except OSError as error:
            reason = f"cannot be asked: client_secret_file: {error.strerror}"
            raise ProviderDown(reason) from None

    def _limits(self) -> dict[str, Any]:
        """Return the options of a client of HTTP."""
        if self._trust is None:  # reading the certificates takes a while
            self._trust = _trusted(self.settings.ca_file)
        return {"verify": self._trust, "timeout": _ANSWER_S, "trust_env": False}


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    import httpx2

    if ca_file is None:
        return httpx2.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=str(ca_file))


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the library raises into a refusal, without what it holds."""
    import httpx2
    from authlib.integrations.base_client import OAuthError
    from joserfc.errors import ClaimError, JoseError

    try:
        yield
    except (httpx2.TransportError, httpx2.InvalidURL, TimeoutError) as error:
        reason = f"cannot be reached ({type(error).__name__})"
        raise ProviderDown(reason) from None
    except httpx2.HTTPStatusError as error:
        reason = f"answers HTTP {error.response.status_code}"
        raise ProviderDown(reason) from None
    except OAuthError as error:
        said = f"{error.error}"[:60]
        reason = f"the provider refuses the code: {said if said.isprintable() else ''}"
        raise LoginRefused(reason) from None
    except ClaimError as error:
        reason = f"the ID token is not accepted: {error.error} {error.claim}"
        raise LoginRefused(reason) from None
    except JoseError as error:
        reason = f"the ID token is not accepted: {error.error}"
        raise LoginRefused(reason) from None
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        # The library reads the provider's answers as they are.
        reason = f"the provider's answer is malformed ({type(error).__name__})"
        raise LoginRefused(reason) from None
