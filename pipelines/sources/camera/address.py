"""Addresses of cameras: ``rtsp://…``, a device, a video file, or ``test``."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from pipelines.errors import SourceError
from pipelines.redaction import shown_address, shown_path
from pipelines.sources.camera.device_path import is_device

CameraKind = Literal["rtsp", "device", "file", "test"]

_RTSP_SCHEMES = ("rtsp", "rtsps")
_EXPECTED = "expected rtsp://host/path, /dev/videoN, a video file, or test"
_AMBIGUOUS = (
    "an @ after the host: write %40 for it; if it ends a password, write %2F, %3F and"
    " %23 for / ? # in the password, or keep it in a file or a variable"
)
_NOT_TEXT = "user and password must be percent-encoded UTF-8 without NUL"

_MEANT_AS_URL = re.compile(r"\s*(?:rtsp[a-z]*|https?|rtmps?|mqtts?)\s*:", re.IGNORECASE)
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_LATE_AT_SIGN = re.compile(r"://[^/?#@]*[/?#][^@]*@")
_HOST = re.compile(r"[\w.\-]+|[0-9A-Fa-f:.]+(?:%[\w.]+)?")
_HOST_FOLLOWS = re.compile(r"(?:[\w.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?(?:[/?#]|\Z)")
_VIEW = re.compile(
    r"(?<![a-z0-9])(channel|subtype|stream|camera|profile)=(\d{1,3})(?![a-z0-9])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Address of a camera; its ``str`` and ``repr`` contain no credentials.

    Attributes:
        kind: Kind of source.
        location: URL without user and password, device, path, or ``test``.
        user: The user name, decoded, or None.
        password: The password, decoded, or None.
    """

    kind: CameraKind
    location: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "CameraAddress":
        """Parse an address, without a check that the camera exists.

        Raises:
            SourceError: If the address has none of the forms above.
        """
        if text == "test":
            return cls("test", text)
        if "://" in text or _MEANT_AS_URL.match(text):
            return cls._parse_url(text)
        if not text.strip() or "\0" in text:
            raise SourceError(ascii(shown_address(text)), _EXPECTED)
        return cls("device" if is_device(text) else "file", text)

    @classmethod
    def _parse_url(cls, text: str) -> "CameraAddress":
        shown = shown_address(text)
        parts, host, port = _split(text)
        if parts is None or parts.scheme not in _RTSP_SCHEMES or not host or port == 0:
            late = _LATE_AT_SIGN.search(text) is not None
            raise SourceError(shown, _AMBIGUOUS if late else _EXPECTED)
        if _may_be_split_elsewhere(parts):
            raise SourceError(shown, _AMBIGUOUS)
        host = f"[{host}]" if ":" in host else host
        place = host if port is None else f"{host}:{port}"
        try:
            user, password = decoded_login(parts.username, parts.password)
        except ValueError as err:
            raise SourceError(shown, str(err)) from None
        location = parts._replace(netloc=place).geturl()
        return cls("rtsp", location, user, password)

    @property
    def live(self) -> bool:
        """Whether the source is live: it has its own pace and no end."""
        return self.kind != "file"

    @property
    def view_name(self) -> str:
        """Name of the view in files, including the channel, which selects the view."""
        place = self.location.partition("://")[2]
        chosen = [f"{name}={value}" for name, value in _VIEW.findall(place)]
        return " ".join((str(self), *chosen)) if self.kind == "rtsp" else str(self)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Words to hide in any text: user, password and what ``str`` leaves out."""
        if self.kind != "rtsp":
            return ()
        hidden = re.split(r"[/?#;&=]", self.location.partition("://")[2])[1:]
        shown = set(re.split(r"[/]", str(self)))
        given = [word for word in (self.user, self.password) if word]
        given += [quote(word, "") for word in given]
        return tuple({*given, *hidden} - shown - {""})

    def __str__(self) -> str:
        if self.kind != "rtsp":
            return shown_address(self.location)
        parts = urlsplit(self.location)
        return f"{parts.scheme}://{parts.netloc}{shown_path(parts.path)}"


def with_login(address: str, user: str, password: str | None) -> str:
    """Return an address with a percent-encoded login."""
    scheme, separator, place = address.partition("://")
    ending = "" if password is None else f":{quote(password, '')}"
    return f"{scheme}{separator}{quote(user, '')}{ending}@{place}"


def _split(text: str) -> tuple[SplitResult | None, str | None, int | None]:
    """Return URL, host and port; three times None if one of them is malformed."""
    if _UNFIT.search(text):
        return None, None, None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None, None, None
    return (parts, host, port) if is_host(host) else (None, None, None)


def is_host(text: str | None) -> bool:
    """Return whether a text has the form of a host name or an IP address."""
    return _HOST.fullmatch(text or "") is not None


def _may_be_split_elsewhere(parts: SplitResult) -> bool:
    """Return whether a later ``@`` may end the login, as in ``rtsp://a:b/c@host/d``.

    A password may contain ``/``, ``?`` or ``#``. Such an address is ambiguous, and the
    password could be sent to the wrong host.
    """
    after_host = parts._replace(scheme="", netloc="").geturl()
    _, at_sign, rest = after_host.rpartition("@")
    return bool(at_sign) and _HOST_FOLLOWS.match(rest) is not None


def decoded_login(
    user: str | None, password: str | None
) -> tuple[str | None, str | None]:
    """Decode the percent-encoding of user and password.

    Raises:
        ValueError: If either is not valid UTF-8, or contains NUL.
    """
    try:
        plain = [word and unquote(word, errors="strict") for word in (user, password)]
        unfit = any("\0" in word.encode().decode() for word in plain if word)
    except UnicodeError:
        unfit = True
    if unfit:
        raise ValueError(_NOT_TEXT)
    return plain[0], plain[1]
