"""The console's section of a site's configuration."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

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
