"""What the sections of a site's configuration share."""

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
"""A part of a topic and of a file name."""

_MOST_PASSWORD_BYTES = 4096


class Section(BaseModel):
    """A mapping of the file; a field without a value has its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _blank_is_default(cls, values: object) -> object:
        return without_blanks(values, cls.model_fields)


def without_blanks(values: object, fields: Container[str]) -> object:
    """Return values without the fields that were left blank; unknown names stay."""
    if not isinstance(values, dict):
        return values
    return {
        name: value
        for name, value in values.items()
        if value is not None or name not in fields
    }


def read_password(path: Path) -> str:
    """Return the one line that a password file holds, its spaces included.

    Raises:
        OSError: If it cannot be read, or holds something else than one line.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_PASSWORD_BYTES + 1)
    try:
        text = content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "is no text in UTF-8", str(path)) from None
    if not text:
        raise OSError(errno.EINVAL, "is empty", str(path))
    if len(content) > _MOST_PASSWORD_BYTES or "\n" in text or "\0" in text:
        problem = "holds more than one line with a password"
        raise OSError(errno.EINVAL, problem, str(path))
    return text


def checked_password(path: Path) -> str:
    """Return what ``read_password`` does, for a validator.

    Raises:
        ValueError: If that is not possible.
    """
    try:
        return read_password(path)
    except OSError as err:
        # A name without a folder may be the password itself.
        shown = path if path.is_absolute() or path.exists() else HIDDEN
        msg = f"{shown}: {err.strerror}"
        raise ValueError(msg) from None


def address_with_login(
    camera: SecretStr | None, user: str | None, password_file: Path | None
) -> SecretStr | None:
    """Return a camera's address with the login that its subject's fields give.

    Raises:
        ValueError: If half a login is given, or two, or one that the camera cannot use.
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
