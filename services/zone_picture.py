"""A camera's picture with a grid and its zones, for people who write zones.

The grid has a line at every tenth of the width and of the height. Coordinates along the
edges are those of the zones' points.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from pipelines.live.zones import Zone, ZoneKind
from pipelines.records import Frame

_EDGE_PX = 36
_TENTHS = tuple(number / 10 for number in range(11))
_PAPER, _INK = (255, 255, 255), (30, 30, 30)
_GRID, _SHADE = (255, 255, 255, 160), (0, 0, 0, 60)
_COLOURS: dict[ZoneKind, tuple[int, int, int]] = {
    "bed": (255, 190, 40),
    "chair": (90, 200, 250),
    "floor": (120, 220, 120),
    "door": (240, 120, 220),
}
_FILL, _LINE_PX = 60, 3


def zone_picture(frame: Frame, zones: Sequence[Zone]) -> Image.Image:
    """Draw the grid and the zones on a camera's whole picture.

    Args:
        frame: A frame that shows the whole picture.
        zones: The zones to draw.
    """
    shown = _without_bars(frame)
    height_px, width_px, _ = shown.shape
    drawn = Image.fromarray(shown).convert("RGBA")
    layer = Image.new("RGBA", drawn.size)
    draw = ImageDraw.Draw(layer)
    for share in _TENTHS:
        x, y = share * (width_px - 1), share * (height_px - 1)
        for line in (((x, 0), (x, height_px)), ((0, y), (width_px, y))):
            draw.line(line, _SHADE, 3)  # a white line alone is lost on a white wall
            draw.line(line, _GRID)
    font = ImageFont.load_default(14)
    for zone in zones:
        corners = [(x * (width_px - 1), y * (height_px - 1)) for x, y in zone.polygon]
        colour = _COLOURS[zone.kind]
        draw.polygon(corners, (*colour, _FILL))
        draw.line([*corners, corners[0]], (*colour, 255), _LINE_PX, "curve")
        text = zone.name if zone.name == zone.kind else f"{zone.name} ({zone.kind})"
        middle = np.mean(corners, axis=0)
        draw.text(
            (float(middle[0]), float(middle[1])),
            *(text, (255, 255, 255, 255), font),
            anchor="mm",
            stroke_width=2,
            stroke_fill=(0, 0, 0, 255),
        )
    drawn.alpha_composite(layer)
    return _with_coordinates(drawn.convert("RGB"))


def _without_bars(frame: Frame) -> UInt8[np.ndarray, "height width 3"]:
    """Cut the camera's picture out of a frame that shows all of it."""
    left, top, right, bottom = frame.shown_px
    return frame.pixels[top:bottom, left:right]


def _with_coordinates(picture: Image.Image) -> Image.Image:
    """Put coordinates on the edges around a picture."""
    width_px, height_px = picture.size
    size = (width_px + 2 * _EDGE_PX, height_px + 2 * _EDGE_PX)
    sheet = Image.new("RGB", size, _PAPER)
    sheet.paste(picture, (_EDGE_PX, _EDGE_PX))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for share in _TENTHS:
        x = _EDGE_PX + share * (width_px - 1)
        y = _EDGE_PX + share * (height_px - 1)
        for place in ((x, _EDGE_PX / 2), (x, size[1] - _EDGE_PX / 2)):
            draw.text(place, f"{share:.1f}", _INK, font, anchor="mm")
        for place in ((_EDGE_PX / 2, y), (size[0] - _EDGE_PX / 2, y)):
            draw.text(place, f"{share:.1f}", _INK, font, anchor="mm")
    return sheet
