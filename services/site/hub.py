"""The hub's section of a site's configuration."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, field_validator, model_validator

from services.site.section import (
    Name,
    Section,
    checked_password,
    read_password,
)

if TYPE_CHECKING:
    from sqlalchemy import URL


class KeepDays(Section):
    """How long the store keeps what is over, in days.

    Open alarms, episodes that go on and messages that wait are never deleted.
    """

    events: int = Field(90, ge=1, le=3650, description="Events that have ended.")
    alarms: int = Field(
        90, ge=1, le=3650, description="Alarms that are over, and answers to them."
    )
    poses: int = Field(30, ge=1, le=3650, description="Poses around alarms.")
    clips: int = Field(
        7,
        ge=1,
        le=3650,
        description="Blurred clips, even of open alarms; at most as long as alarms.",
    )
    coverage: int = Field(
        365, ge=1, le=3650, description="How long each subject was watched on a day."
    )
    audit: int = Field(365, ge=1, le=3650, description="Who did what.")
    drift: int = Field(
        30, ge=1, le=3650, description="Confidence and drift of each five minutes."
    )


class HubSettings(Section):
    """The store and the HTTP server."""

    folder: Path = Field(
        Path("wardwatch-data"),
        description="Folder of the store and of drift baselines.",
    )
    database: SecretStr | None = Field(
        None,
        description="Address of another store than the SQLite file in the folder:"
        " postgresql://USER:${PASSWORD}@HOST/DATABASE, or sqlite:////PATH.",
    )
    database_file: Path | None = Field(
        None, description="File that holds the address, instead of database."
    )
    former_site: Name | None = Field(
        None,
        description="The site's former name, if it was renamed: it takes over that"
        " store, and what was announced under that name is withdrawn.",
    )
    keep_days: KeepDays = Field(default_factory=lambda: KeepDays())
    host: str = Field(
        "127.0.0.1", description="Address of /metrics, /healthz and /readyz."
    )
    port: int = Field(
        9464, ge=0, le=65535, description="Port of the HTTP server; 0 for a free one."
    )
    canary_every_s: float = Field(
        60.0,
        ge=1,
        le=86400,
        description="Seconds between tests of recognition by a known clip.",
    )

    @field_validator("database")
    @classmethod
    def _is_address(cls, database: SecretStr | None) -> SecretStr | None:
        if database is not None:
            _read_url(database.get_secret_value())
        return database

    @field_validator("database_file")
    @classmethod
    def _holds_an_address(cls, path: Path | None) -> Path | None:
        if path is not None:
            _read_url(checked_password(path).strip())
        return path

    @model_validator(mode="after")
    def _one_database(self) -> "HubSettings":
        if self.database is not None and self.database_file is not None:
            msg = "database and database_file are both given; remove one"
            raise ValueError(msg)
        return self

    def store_url(self, folder: Path | None = None) -> "URL":
        """Return the URL of the store, with its password.

        Args:
            folder: Folder of the SQLite file, instead of the configured one. A
                configured database comes first.

        Raises:
            StoreError: If ``database_file`` cannot be read any more.
        """
        from services.errors import StoreError
        from services.store.database import sqlite_url

        if self.database is not None:
            return _read_url(self.database.get_secret_value())
        if self.database_file is None:
            return sqlite_url(folder or self.folder)
        try:
            return _read_url(read_password(self.database_file).strip())
        except (OSError, ValueError) as err:
            problem = getattr(err, "strerror", None) or str(err)
            raise StoreError(str(self.database_file), problem) from err


def _read_url(text: str) -> "URL":
    from services.store.database import read_url  # slow, and needed by few

    return read_url(text)
