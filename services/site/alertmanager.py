"""An Alertmanager that gets alarms, in a site's configuration."""

from pathlib import Path
from typing import final

from pydantic import Field, SecretStr, field_validator

from services.site.section import Section, read_password
from services.site.target import checked_ca_file, checked_http_address


@final
class AlertmanagerSettings(Section):
    """An Alertmanager that gets every open alarm as an alert."""

    url: SecretStr = Field(description="Its address, such as http://127.0.0.1:9093.")
    token_file: Path | None = Field(
        None, description="File that holds a bearer token; read at each request."
    )
    ca_file: Path | None = Field(
        None,
        description="CA certificates in PEM to trust, instead of those of the machine.",
    )
    repeat_s: float = Field(
        30.0,
        ge=1,
        le=3600,
        description="Seconds after which an open alarm is sent again. What is not"
        " repeated for four times as long counts as resolved.",
    )

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: SecretStr) -> SecretStr:
        checked_http_address(url.get_secret_value())
        return url

    @field_validator("ca_file")
    @classmethod
    def _holds_certificates(cls, path: Path | None) -> Path | None:
        return None if path is None else checked_ca_file(path)

    @property
    def alerts_address(self) -> str:
        """Address of the alerts, version 2 of the interface."""
        return self.url.get_secret_value().rstrip("/") + "/api/v2/alerts"

    def login(self) -> dict[str, str]:
        """Return the header of the login; none without a token.

        Raises:
            OSError: If the file cannot be read, or is not one line of text.
        """
        if self.token_file is None:
            return {}
        return {"Authorization": f"Bearer {read_password(self.token_file).strip()}"}
