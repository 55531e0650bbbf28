"""Keys, pictures and clips for tests of blurred clips."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.clock import NS_PER_S
from pipelines.records import NO_BARS, Frame, Placement
from services.clips.sealed import ClipCipher, ClipPicture, SealedClip

KEY, OTHER_KEY = (base64.urlsafe_b64encode(bytes([n] * 32)).decode() for n in (1, 2))


def key_file(folder: Path, key: str = KEY) -> Path:
    """A file of a key, which its user alone can read."""
    path = folder / "clips.key"
    path.write_text(f"{key}\n")
    path.chmod(0o600)
    return path


def camera_frame(
    at_ns: int, subject: str = "bed-4", placement: Placement = NO_BARS
) -> Frame:
    """A sharp picture: a chequerboard of single pixels, the left half brighter."""
    pixels = np.indices((640, 640)).sum(axis=0) % 2 * 160
    pixels[:, :320] += 90
    shown = np.repeat(pixels[:, :, None], 3, axis=2).astype(np.uint8)
    return Frame(subject, at_ns, 0, shown, placement=placement)


def pixels_of(webp: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(webp)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def grey(value: int, size: tuple[int, int] = (48, 36)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(file, "WEBP")
    return file.getvalue()


def clip(
    alarm_id: str = "e1",
    subject: str = "bed-4",
    at_ns: int = 100 * NS_PER_S,
    key: str = KEY,
) -> SealedClip:
    """A clip of three pictures."""
    pictures = [
        ClipPicture(at_ns + s * NS_PER_S, grey(40 + 3 * s)) for s in (-30, 0, 60)
    ]
    return ClipCipher(key).seal(alarm_id, subject, at_ns, pictures)
