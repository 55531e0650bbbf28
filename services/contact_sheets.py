"""Contact sheets: what the model saw of each window, as pictures for people.

The view ``pose`` is drawn as stick figures on an empty background, so that a sheet
shows no more of a person than the model got. The pictures of the other views are shown
as they are.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import final

from PIL import Image, ImageDraw

from models.clip.card import View
from pipelines.live.views import ViewedFrame
from pipelines.records import PersonPose, Prediction

COLUMNS, ROWS = 6, 5
TILE_PX = 160
MOST_SHEETS = 100
"""Number of sheets that are kept; then a new sheet replaces the oldest."""

_CAPTION_PX = 30
_KEPT_VIEWS = 256
"""Number of views that wait for their prediction: a minute with held windows."""
_BACKGROUND, _TEXT, _EDGE = (18, 20, 26), (230, 230, 230), (60, 64, 72)
_COLOURS = ((255, 196, 64), (96, 200, 255), (160, 230, 120), (240, 140, 220))
"""Colour of the leading person, and of the others in their order."""
_LEAST_VISIBLE = 0.1
_LIMBS = (
    *((11, 12), (11, 23), (12, 24), (23, 24)),
    *((11, 13), (13, 15), (12, 14), (14, 16)),
    *((23, 25), (25, 27), (24, 26), (26, 28)),
)
"""Landmarks that are joined: the trunk, both arms, both legs."""
_NOSE = 0


@final
class ContactSheets:
    """Writes contact sheets into a folder; a context that ends with the last sheet.

    Args:
        folder: An existing folder; sheets of earlier runs in it are replaced.
        when: Returns the text of a time in nanoseconds.
        view: What the model is shown.
        most: Number of sheets that are kept, at least 1.
    """

    def __init__(
        self,
        folder: Path,
        when: Callable[[int], str],
        view: View,
        most: int = MOST_SHEETS,
    ) -> None:
        self._folder, self._when, self._view = folder, when, view
        self._most = most
        self._views: OrderedDict[int, Image.Image] = OrderedDict()
        self._sheet: Image.Image | None = None
        self._tiles, self._sheets = 0, 0

    def __enter__(self) -> "ContactSheets":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write()

    def view(self, viewed: ViewedFrame) -> None:
        """Draw what the recogniser is shown of a picture."""
        self._views[viewed.camera.timestamp_ns] = draw_view(viewed, self._view)
        while len(self._views) > _KEPT_VIEWS:
            self._views.popitem(last=False)

    def add(self, prediction: Prediction) -> None:
        """Add the newest picture of a window, with its answer; write a full sheet."""
        drawn = self._views.pop(prediction.end_ns, None)
        if drawn is None:
            return
        row, column = divmod(self._tiles, COLUMNS)
        if self._sheet is None:
            size = COLUMNS * TILE_PX, ROWS * (TILE_PX + _CAPTION_PX)
            self._sheet = Image.new("RGB", size, _BACKGROUND)
        left, top = column * TILE_PX, row * (TILE_PX + _CAPTION_PX)
        self._sheet.paste(drawn, (left, top))
        draw = ImageDraw.Draw(self._sheet)
        draw.rectangle(
            (left, top, left + TILE_PX - 1, top + TILE_PX - 1), outline=_EDGE
        )
        answer = f"{prediction.label} {prediction.confidence:.2f}"
        text = f"{self._when(prediction.end_ns)}\n{answer}"
        draw.multiline_text((left + 4, top + TILE_PX + 1), text, _TEXT, spacing=2)
        self._tiles += 1
        if self._tiles == COLUMNS * ROWS:
            self._write()

    def _write(self) -> None:
        if self._sheet is None:
            return
        self._sheets += 1
        rows = -(-self._tiles // COLUMNS)
        used = (0, 0, self._sheet.width, rows * (TILE_PX + _CAPTION_PX))
        number = (self._sheets - 1) % self._most + 1
        self._sheet.crop(used).save(self._folder / f"seen-{number:03}.png")
        self._sheet, self._tiles = None, 0


def draw_view(viewed: ViewedFrame, view: View) -> Image.Image:
    """Draw what the recogniser is shown: its pictures, or people as stick figures.

    Several pictures are drawn small, the leading person's first.
    """
    tile = Image.new("RGB", (TILE_PX, TILE_PX), _BACKGROUND)
    if view == "pose":
        draw = ImageDraw.Draw(tile)
        for place, person in reversed(list(enumerate(viewed.people or ()))):
            _draw_person(draw, person, _COLOURS[min(place, len(_COLOURS) - 1)])
        return tile
    across = math.ceil(math.sqrt(len(viewed.frames)))
    side = TILE_PX // across
    for place, frame in enumerate(viewed.frames):
        row, column = divmod(place, across)
        small = Image.fromarray(frame.pixels).resize((side, side))
        tile.paste(small, (column * side, row * side))
    return tile


def _draw_person(
    draw: ImageDraw.ImageDraw, person: PersonPose, colour: tuple[int, int, int]
) -> None:
    """Draw a stick figure; limbs that are hardly visible are left out."""
    places = person.landmarks[:, :2] * TILE_PX
    visible = person.landmarks[:, 2] >= _LEAST_VISIBLE
    for one, other in _LIMBS:
        if visible[one] and visible[other]:
            draw.line((*places[one], *places[other]), fill=colour, width=2)
    if visible[_NOSE]:
        x, y = places[_NOSE]
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), outline=colour, width=2)
