"""Clips, encrypted: what a watcher sends, the store keeps, and the console reads.

    {"alarm_id": …, "subject": …, "at": …, "pictures": [{"t": -29.9, "webp": …}, …]}

is encrypted as a whole with Fernet (AES in CBC mode, with HMAC). It names its alarm, so
that nobody who can write to the store can show it as the clip of another one.
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, final

from pipelines.clock import ns_to_seconds, utc_datetime
from services.clips.key import require_library
from services.errors import ClipError

MOST_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of an encrypted clip; one has some hundred thousand."""
_SETTING, _STORE = "clips.key_file", "the store"


@dataclass(frozen=True, slots=True)
class ClipPicture:
    """A blurred picture as WebP, and when it was taken."""

    at_ns: int
    webp: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedClip:
    """An encrypted clip.

    Attributes:
        alarm_id: The id of the event and of its alarm.
        subject_id: Name of the subject.
        at_ns: When the event was recognised, UTC.
        sealed: What only the key opens.
    """

    alarm_id: str
    subject_id: str
    at_ns: int
    sealed: bytes = field(repr=False)


@final
class ClipCipher:
    """Encrypts and opens clips.

    Args:
        key: A Fernet key.

    Raises:
        ClipError: If the library is not installed, or the key is none.
    """

    def __init__(self, key: str) -> None:
        require_library()
        from cryptography.fernet import Fernet

        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise ClipError(_SETTING, "is no key") from None

    def seal(
        self,
        alarm_id: str,
        subject_id: str,
        at_ns: int,
        pictures: Iterable[ClipPicture],
    ) -> SealedClip:
        """Return an encrypted clip.

        Args:
            alarm_id: The id of the event.
            subject_id: Name of the subject.
            at_ns: When the event was recognised, UTC.
            pictures: Its pictures in order; their times are UTC.
        """
        shown = [
            {
                "t": round(ns_to_seconds(picture.at_ns - at_ns), 3),
                "webp": base64.b64encode(picture.webp).decode(),
            }
            for picture in pictures
        ]
        facts = {"alarm_id": alarm_id, "subject": subject_id}
        content = {**facts, "at": utc_datetime(at_ns).isoformat(), "pictures": shown}
        sealed = self._fernet.encrypt(json.dumps(content).encode())
        return SealedClip(alarm_id, subject_id, at_ns, sealed)

    def open(self, clip: SealedClip) -> dict[str, Any]:
        """Return what a clip holds.

        Raises:
            ClipError: If it was encrypted with another key, was changed, or is the clip
                of another alarm.
        """
        from cryptography.fernet import InvalidToken

        try:
            content: dict[str, Any] = json.loads(self._fernet.decrypt(clip.sealed))
        except InvalidToken:
            problem = "is not the key that this clip was encrypted with"
            raise ClipError(_SETTING, problem) from None
        if (content["alarm_id"], content["subject"]) != (
            clip.alarm_id,
            clip.subject_id,
        ):
            raise ClipError(_STORE, "has the clip of another alarm here")
        return content
