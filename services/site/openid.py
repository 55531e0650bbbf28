"""Logins by an OpenID Connect provider, in a site's configuration."""

import ipaddress
from pathlib import Path
from typing import Literal, final
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from services.console.people import Role
from services.site.section import Name, Section, read_password
from services.site.target import checked_ca_file, checked_http_address

CALLBACK_PATH = "/login/openid/callback"


@final
class OpenIdSettings(Section):
    """A provider of OpenID Connect that says who a person is, and of which groups."""

    issuer: str = Field(
        description="Address of the provider, https://…; its discovery document is"
        " below it at /.well-known/openid-configuration."
    )
    client_id: str = Field(
        min_length=1, description="Name of the console at the provider."
    )
    client_secret_file: Path | None = Field(
        None,
        description="File that holds the console's secret at the provider; read at each"
        " login. None for a public client, which has only PKCE.",
    )
    console_url: str = Field(
        description="Address of the console in browsers, such as https://ward.example;"
        f" the provider must allow to return to {CALLBACK_PATH} there."
    )
    name: str = Field(
        "OpenID",
        min_length=1,
        max_length=40,
        description="What the button of the login page calls the provider.",
    )
    scopes: tuple[str, ...] = Field(
        ("openid", "profile"), description="Scopes to ask for; openid is one of them."
    )
    user_claim: str = Field(
        "preferred_username", description="Claim that gives the name of a new user."
    )
    roles_claim: str = Field(
        "groups",
        description="Claim that lists groups or roles; a.b is b inside a.",
    )
    roles: dict[str, Role] = Field(
        {},
        description="Role of the members of each group; with several groups, the one"
        " with the most rights.",
    )
    default_role: Role | None = Field(
        None, description="Role of everybody else; None refuses them."
    )
    subjects: dict[str, tuple[Name, ...] | Literal["all"]] = Field(
        {},
        description="Subjects that the members of each group may see, a list or all;"
        " without this, an administrator sets them on the page Users, and a new user"
        " sees all.",
    )
    ca_file: Path | None = Field(
        None,
        description="CA certificates in PEM to trust, instead of those of the machine.",
    )

    @field_validator("issuer", "console_url")
    @classmethod
    def _is_safe_address(cls, address: str) -> str:
        checked_http_address(address)
        if not is_encrypted_or_local(address):
            msg = "expected https://; http:// only on this machine, as 127.0.0.1"
            raise ValueError(msg)
        if urlsplit(address).query or urlsplit(address).fragment:
            msg = "expected an address without ? and #"
            raise ValueError(msg)
        return address

    @field_validator("scopes")
    @classmethod
    def _asks_for_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            msg = "openid must be one of them"
            raise ValueError(msg)
        return scopes

    @field_validator("ca_file")
    @classmethod
    def _holds_certificates(cls, path: Path | None) -> Path | None:
        return None if path is None else checked_ca_file(path)

    @property
    def callback_url(self) -> str:
        """Address to which the provider sends a browser back."""
        return self.console_url.rstrip("/") + CALLBACK_PATH

    @property
    def discovery_url(self) -> str:
        """Address of the provider's description of itself."""
        return self.issuer.rstrip("/") + "/.well-known/openid-configuration"

    def client_secret(self) -> str | None:
        """Return the console's secret; None for a public client.

        Raises:
            OSError: If the file cannot be read, or is not one line of text.
        """
        if self.client_secret_file is None:
            return None
        return read_password(self.client_secret_file).strip()


def is_encrypted_or_local(address: str) -> bool:
    """Return whether nobody on a network can read or change what is sent there."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
