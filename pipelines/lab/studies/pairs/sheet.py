"""Contact sheets of wrong cases: pictures of the simulated film, with who was found."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
from PIL import Image, ImageDraw

from models.person.pose_picture import JOINTS
from pipelines.clock import ns_to_seconds
from pipelines.lab.studies.pairs.results import CaseResult
from pipelines.live.views import ViewedFrame
from pipelines.records import PersonPose

COLUMNS, ROWS = 6, 4
_WIDTH_PX, _HEIGHT_PX, _CAPTION_PX = 240, 180, 16
_BEFORE_S = 3.0
_STEP_S = 0.6
_COLOURS = ((255, 196, 64), (96, 200, 255), (160, 230, 120), (240, 140, 220))
"""Colour of the person with each number, repeated."""


@final
class CaseSheet:
    """The pictures of one case, until it is known which moments matter."""

    def __init__(self) -> None:
        self._tiles: list[tuple[float, Image.Image]] = []

    def add(self, viewed: ViewedFrame) -> None:
        """Keep a picture, small, with the people found in it."""
        tile = _draw(viewed.camera.pixels, viewed.people or ())
        self._tiles.append((ns_to_seconds(viewed.camera.timestamp_ns), tile))

    def write(self, path: Path, result: CaseResult) -> None:
        """Write the moments about the fall, or about the first false one."""
        if result.is_missed and result.fall is not None:
            about_s = result.fall.onset_s
        else:
            about_s = result.false[0].start_s
        chosen = self._moments(about_s - _BEFORE_S)
        height = -(-len(chosen) // COLUMNS) * (_HEIGHT_PX + _CAPTION_PX)
        sheet = Image.new("RGB", (COLUMNS * _WIDTH_PX, max(height, 1)))
        draw = ImageDraw.Draw(sheet)
        for i, (time_s, tile) in enumerate(chosen):
            row, column = divmod(i, COLUMNS)
            place = column * _WIDTH_PX, row * (_HEIGHT_PX + _CAPTION_PX)
            sheet.paste(tile, place)
            text = f"{time_s - about_s:+.1f} s"
            draw.text((place[0] + 4, place[1] + _HEIGHT_PX + 1), text)
        sheet.save(path)

    def _moments(self, first_s: float) -> list[tuple[float, Image.Image]]:
        chosen: list[tuple[float, Image.Image]] = []
        for time_s, tile in self._tiles:
            if time_s >= first_s + len(chosen) * _STEP_S:
                chosen.append((time_s, tile))
        return chosen[: COLUMNS * ROWS]


def _draw(pixels: np.ndarray, people: Sequence[PersonPose]) -> Image.Image:
    """Draw the picture's middle three quarters, with each person's joints as dots."""
    side = pixels.shape[0]
    picture = Image.fromarray(pixels[side // 8 : side - side // 8])
    tile = picture.resize((_WIDTH_PX, _HEIGHT_PX))
    draw = ImageDraw.Draw(tile)
    for person in people:
        colour = _COLOURS[(person.number - 1) % len(_COLOURS)]
        across = person.landmarks[list(JOINTS), 0] * _WIDTH_PX
        down = (person.landmarks[list(JOINTS), 1] - 1 / 8) * 4 / 3 * _HEIGHT_PX
        for x, y in zip(across, down, strict=True):
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), colour)
        draw.text((across[0] + 5, down[0] - 12), str(person.number), colour)
    return tile
