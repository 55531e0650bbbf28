"""Web servers that get alarms as JSON, in a site's configuration."""

from pathlib import Path
from typing import Literal, final

from pydantic import Field, SecretStr, field_validator, model_validator

from services.site.target import (
    AlarmTarget,
    checked_ca_file,
    checked_http_address,
    one_secret,
)


@final
class WebhookSettings(AlarmTarget):
    """A web server that gets alarms by POST, signed."""

    url: SecretStr | None = Field(
        None, description="Its address, https://… or http://…"
    )
    url_file: Path | None = Field(
        None, description="File that holds the address; read at each message."
    )
    secret: SecretStr | None = Field(
        None, min_length=1, description="Key of the signature, which both sides know."
    )
    secret_file: Path | None = Field(
        None, description="File that holds the key; read at each message."
    )
    changes: Literal["all", "loud"] = Field(
        "all",
        description="all: every change of an alarm, with answers and its end; loud:"
        " what a target of notify gets.",
    )
    format: Literal["wardwatch", "fhir"] = Field(
        "wardwatch",
        description="wardwatch: the alarm as on its topic; fhir: a transaction of HL7"
        " FHIR R4, for the base address of a FHIR server.",
    )
    ca_file: Path | None = Field(
        None,
        description="CA certificates in PEM to trust, instead of those of the machine.",
    )

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            checked_http_address(url.get_secret_value())
        return url

    @field_validator("ca_file")
    @classmethod
    def _holds_certificates(cls, path: Path | None) -> Path | None:
        return None if path is None else checked_ca_file(path)

    @model_validator(mode="after")
    def _has_one_of_each(self) -> "WebhookSettings":
        if (self.url is None) == (self.url_file is None):
            msg = "needs either url or url_file"
            raise ValueError(msg)
        if (self.secret is None) == (self.secret_file is None):
            msg = "needs either secret or secret_file"
            raise ValueError(msg)
        return self

    def address(self) -> str:
        """Return the address.

        Raises:
            OSError: If the file cannot be read, or is not one line of text.
            ValueError: If the file holds something else.
        """
        return checked_http_address(one_secret(self.url, self.url_file))

    def key(self) -> bytes:
        """Return the key of the signature.

        Raises:
            OSError: If the file cannot be read, or is not one line of text.
        """
        return one_secret(self.secret, self.secret_file).encode()
