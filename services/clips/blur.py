"""Blurs a camera's picture until no face can be recognised in it.

640 px ── mean of each block ──▶ 48 px ── Gaussian ──▶ WebP, some hundred bytes
"""

import io
from typing import Final

from PIL import Image, ImageFilter

from pipelines.records import Frame

MOST_SIDE_PX: Final = 48
"""Longer side of a blurred picture. In a view of a room a face is a few of these pixels
wide; one that fills a quarter of the picture has twelve, and these are blurred."""
_RADIUS_PX: Final = 1.0
"""Standard deviation of the Gaussian, in pixels of the small picture: the edges of the
blocks would be of use to somebody who wants to sharpen it."""
_QUALITY: Final = 60


def blurred(frame: Frame) -> bytes:
    """Return a small blurred picture of a camera's frame, without bars, as WebP.

    Args:
        frame: A camera's frame, at least one pixel wide and high.
    """
    box = frame.shown_px
    shown_px = box[2] - box[0], box[3] - box[1]
    scale = min(1.0, MOST_SIDE_PX / max(shown_px))
    small_px = max(1, round(shown_px[0] * scale)), max(1, round(shown_px[1] * scale))
    picture = Image.fromarray(frame.pixels)
    small = picture.resize(small_px, Image.Resampling.BOX, box)
    file = io.BytesIO()
    soft = small.filter(ImageFilter.GaussianBlur(_RADIUS_PX))
    soft.save(file, "WEBP", quality=_QUALITY)
    return file.getvalue()
