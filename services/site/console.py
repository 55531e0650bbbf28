"""The console's section of a site's configuration."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator

from services.site.openid import OpenIdSettings
from services.site.section import Section


class ConsoleSettings(Section):
    """The web pages for carers and administrators."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; 0.0.0.0 for every network of this machine.",
    )
    port: int = Field(
        9480, ge=0, le=65535, description="Port of the pages; 0 for a free one."
    )
    tls_cert: Path | None = Field(
        None, description="Certificate chain of the pages, a PEM file; with tls_key."
    )
    tls_key: Path | None = Field(
        None, description="Private key of the certificate, a PEM file."
    )
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        (),
        description="Addresses or networks of proxies that are believed about whom they"
        " forward, by X-Forwarded-For and X-Forwarded-Proto.",
    )
    session_hours: float = Field(
        12.0,
        gt=0,
        le=24 * 30,
        description="Hours without use after which a login ends.",
    )
    language: Literal["en", "de"] = Field(
        "en", description="Language of the pages where a browser asks for none of ours."
    )
    snooze_minutes: tuple[Annotated[int, Field(ge=1, le=24 * 60)], ...] = Field(
        (5, 10, 30),
        min_length=1,
        max_length=6,
        description="Lengths of a snooze that the pages offer, in minutes, rising.",
    )
    oidc: OpenIdSettings | None = Field(
        None,
        description="Logins by an OpenID Connect provider; they need the extra oidc.",
    )
    password_login: Literal["everybody", "administrators"] = Field(
        "everybody",
        description="Who may log in with a password of the console; administrators"
        " needs oidc.",
    )

    def proxy_networks(self) -> list[str]:
        """Return the networks of trusted proxies, as a socket sees them.

        To one that listens on ``::``, 10.0.0.1 is ::ffff:10.0.0.1.
        """
        mapped = [
            f"::ffff:{network.network_address}/{96 + network.prefixlen}"
            for network in self.trusted_proxies
            if network.version == 4
        ]
        return [*map(str, self.trusted_proxies), *mapped]

    @field_validator("trusted_proxies")
    @classmethod
    def _trusts_some(
        cls, proxies: tuple[IPvAnyNetwork, ...]
    ) -> tuple[IPvAnyNetwork, ...]:
        if any(network.prefixlen == 0 for network in proxies):
            msg = "trusts everybody; name the addresses of the proxies"
            raise ValueError(msg)
        return proxies

    @field_validator("snooze_minutes")
    @classmethod
    def _rises(cls, minutes: tuple[int, ...]) -> tuple[int, ...]:
        if minutes != tuple(sorted(set(minutes))):
            msg = f"expected rising minutes, such as 5, 10, 30, got {list(minutes)}"
            raise ValueError(msg)
        return minutes

    @model_validator(mode="after")
    def _tls_is_whole(self) -> "ConsoleSettings":
        if (self.tls_cert is None) != (self.tls_key is None):
            msg = "tls_cert and tls_key go together"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _everybody_can_log_in(self) -> "ConsoleSettings":
        if self.password_login == "administrators" and self.oidc is None:
            msg = "password_login: administrators needs oidc, or nobody else can log in"
            raise ValueError(msg)
        return self
