"""Addresses of cameras: ``rtsp://…``, a device, a video file, or ``test``."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pipelines.errors import SourceError
from pipelines.sources.device_path import is_device

CameraKind = Literal["rtsp", "device", "file", "test"]

_RTSP_SCHEMES = ("rtsp", "rtsps")
_EXPECTED = "expected rtsp://host/path, /dev/videoN, a video file, or test"

# Up to the last @ of the word, for a password may hold @ and / as they are.
_LOGIN = re.compile(r"(?<=://)\S*@")
# Some cameras want the password in the path: /user=admin&password=secret&channel=1
_PASSWORD_FIELD = re.compile(r"(?i)(?<=password=|passcode=)[^&\s]+|(?<=pwd=)[^&\s]+")


def redact(text: str) -> str:
    """Hide user and password of every address in a text."""
    return _PASSWORD_FIELD.sub("***", _LOGIN.sub("***@", text))


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where pictures come from; its ``str`` and ``repr`` hold no credentials.

    Attributes:
        kind: What sort of source.
        location: URL without user and password, device, path, or ``test``.
        user: Who may look, decoded, or None.
        password: The password, decoded, or None.
    """

    kind: CameraKind
    location: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "CameraAddress":
        """Read an address; whether a camera is there shows when it is opened.

        Raises:
            SourceError: If it is none of the forms above.
        """
        if text == "test":
            return cls("test", text)
        if "://" in text:
            return cls._parse_url(text)
        if not text.strip() or "\0" in text:
            raise SourceError(repr(text), _EXPECTED)
        return cls("device" if is_device(text) else "file", text)

    @classmethod
    def _parse_url(cls, text: str) -> "CameraAddress":
        # Whitespace would end what redact takes for one address.
        shown = redact(re.sub(r"\s+", "", text))
        parts, host, port = _split(text)
        if parts is None or parts.scheme not in _RTSP_SCHEMES or not host:
            raise SourceError(shown, _EXPECTED)
        host = f"[{host}]" if ":" in host else host
        place = host if port is None else f"{host}:{port}"
        return cls(
            "rtsp",
            parts._replace(netloc=place).geturl(),
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )

    @property
    def live(self) -> bool:
        """Whether pictures come at their own pace and never end by themselves."""
        return self.kind != "file"

    def __str__(self) -> str:
        return redact(self.location)


def _split(text: str) -> tuple[SplitResult | None, str | None, int | None]:
    """Return URL, host and port, or nothing where one of them is malformed."""
    if re.search(r"\s", text):
        return None, None, None
    try:
        parts = urlsplit(text)
        return parts, parts.hostname, parts.port
    except ValueError:
        return None, None, None
