"""Keys, pictures and clips for tests of blurred clips."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm
from pipelines.records import NO_BARS, Frame, Placement
from services.clips.blur import blurred
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


def film(alarm: Alarm, key: str = KEY) -> SealedClip:
    """The clip of a made-up fall: a room with a bed, in which somebody falls."""
    pictures = []
    for step in range(-80, 160):
        at_ns = alarm.raised_ns + step * 3 * NS_PER_S // 8
        frame = Frame(alarm.subject_id, at_ns, 0, _room(step * 3 / 8))
        pictures.append(ClipPicture(at_ns, blurred(frame)))
    facts = alarm.alarm_id, alarm.subject_id, alarm.raised_ns
    return ClipCipher(key).seal(*facts, pictures)


def _room(at_s: float) -> np.ndarray:
    room = Image.new("RGB", (640, 480), (150, 145, 135))
    draw = ImageDraw.Draw(room)
    draw.rectangle((0, 300, 640, 480), fill=(110, 85, 60))
    draw.polygon([(330, 270), (560, 240), (600, 330), (350, 380)], fill="white")
    x = min(250.0, 60 + 190 * (at_s + 30) / 28)
    if at_s < -1:
        draw.ellipse((x - 25, 160, x + 25, 210), fill=(205, 160, 130))
        draw.rectangle((x - 35, 205, x + 35, 400), fill=(40, 70, 140))
    else:
        draw.ellipse((x - 120, 395, x - 70, 445), fill=(205, 160, 130))
        draw.rectangle((x - 75, 390, x + 110, 450), fill=(40, 70, 140))
    return np.asarray(room)
