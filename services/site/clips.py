"""Blurred clips of alarms, in a site's configuration."""

from pathlib import Path
from typing import Annotated, final

from pydantic import Field, StringConstraints, field_validator

from services.clips.key import checked_key
from services.errors import ClipError
from services.site.section import Section

_PLACE = "clips.key_file"


@final
class ClipConsent(Section):
    """A subject whose alarms get a blurred clip."""

    consent: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=3, max_length=300)
    ] = Field(
        description="Who has agreed to it and when, such as: the resident, in writing,"
        " 2026-11-29. It stays in this file."
    )


@final
class ClipsSettings(Section):
    """How clips are encrypted; hub.keep_days.clips says how long they are kept."""

    key_file: Path = Field(
        description="File that holds the key; `wardwatch clip-key FILE` makes one."
    )

    @field_validator("key_file")
    @classmethod
    def _holds_a_key(cls, path: Path) -> Path:
        checked_key(path)
        return path

    def key(self) -> str:
        """Return the key.

        Raises:
            ClipError: If the file cannot be used any more.
        """
        try:
            return checked_key(self.key_file)
        except (ValueError, OSError) as err:
            raise ClipError(_PLACE, str(err)) from None
