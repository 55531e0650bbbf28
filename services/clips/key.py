"""The key that clips are encrypted with: a Fernet key in a file of its own."""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final

from services.errors import ClipError
from services.site.section import checked_password

_KEY_BYTES: Final = 32
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH


def require_library() -> None:
    """Check that cryptography is installed, which is an extra.

    Raises:
        ClipError: If it is not.
    """
    try:
        import cryptography.fernet  # noqa: F401
    except ModuleNotFoundError:
        place, problem = "clips", "need cryptography: pip install --editable '.[clips]'"
        raise ClipError(place, problem) from None


def checked_key(path: Path) -> str:
    """Return the key of a file, for a validator of pydantic.

    Raises:
        ValueError: If the file cannot be read, if everybody on the machine may read or
            change it, or if it holds no key.
    """
    key = checked_password(path).strip()
    if path.stat().st_mode & _OTHERS:
        msg = f"{path}: everybody on this machine can read it; chmod 600 {path}"
        raise ValueError(msg)
    if not _is_key(key):
        msg = f"{path}: holds no key; wardwatch clip-key {path} makes one"
        raise ValueError(msg)
    return key


def write_new_key(path: Path) -> None:
    """Write a new key into a new file, which its user alone can read.

    Raises:
        ClipError: If there is such a file, or it cannot be written.
    """
    key = base64.urlsafe_b64encode(os.urandom(_KEY_BYTES))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(key + b"\n")
    except FileExistsError:
        problem = "exists; clips that were encrypted with it need it"
        raise ClipError(str(path), problem) from None
    except OSError as err:
        raise ClipError(str(path), err.strerror or "cannot be written") from err


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False
