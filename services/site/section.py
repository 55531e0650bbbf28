"""Shared parts of the sections of a site's configuration."""

import errno
from collections.abc import Container
from pathlib import Path
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    SecretStr,
    StringConstraints,
    model_validator,
)

from pipelines.redaction import HIDDEN
from pipelines.sources.camera.address import CameraAddress, with_login

Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)
]
"""A name that can be part of a topic and of a file name."""

_MOST_PASSWORD_BYTES = 4096


class Section(BaseModel):
    """A section of the file; a key without a value has its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _blank_is_default(cls, values: object) -> object:
        return without_blanks(values, cls.model_fields)


def without_blanks(values: object, fields: Container[str]) -> object:
    """Return values without known fields that were left blank."""
    if not isinstance(values, dict):
        return values
    return {
        name: value
        for name, value in values.items()
        if value is not None or name not in fields
    }


def read_password(path: Path) -> str:
    """Return the line of a password file, with its spaces.

    Raises:
        OSError: If the file cannot be read, or if it is not one line of text.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_PASSWORD_BYTES + 1)
    try:
        text = content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "is not text in UTF-8", str(path)) from None
    if not text:
        raise OSError(errno.EINVAL, "is empty", str(path))
    if len(content) > _MOST_PASSWORD_BYTES or "\n" in text or "\0" in text:
        problem = "holds more than one line with a password"
        raise OSError(errno.EINVAL, problem, str(path))
    return text


def checked_password(path: Path) -> str:
    """Return the line of a password file, for a validator of pydantic.

    Raises:
        ValueError: If ``read_password`` fails.
    """
    try:
        return read_password(path)
    except OSError as err:
        # Somebody may have written the password itself instead of a file's name.
        shown = path if path.is_absolute() or path.exists() else HIDDEN
        msg = f"{shown}: {err.strerror}"
        raise ValueError(msg) from None


def address_with_login(
    camera: SecretStr | None, user: str | None, password_file: Path | None
) -> SecretStr | None:
    """Return a camera's address with the login of the subject's other fields.

    Raises:
        ValueError: If the login is incomplete, given twice, or useless for the camera.
    """
    if user is None and password_file is None:
        return camera
    if user is None or password_file is None:
        msg = "user and password_file go together"
        raise ValueError(msg)
    address = "" if camera is None else camera.get_secret_value()
    parsed = CameraAddress.parse(address) if address else None
    if parsed is None or parsed.kind != "rtsp":
        msg = "user and password_file are for a camera at rtsp://host/path"
        raise ValueError(msg)
    if parsed.user is not None:
        msg = "a login is given twice: in camera, and by user and password_file"
        raise ValueError(msg)
    password = checked_password(password_file)
    return SecretStr(with_login(address, user, password))
