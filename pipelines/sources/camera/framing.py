"""Framing: conversion of a camera's picture to the model's square input."""

from dataclasses import dataclass
from typing import NamedTuple

from pipelines.records import Placement


class Margins(NamedTuple):
    """Pixels to cut off at each side."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Pane:
    """A part of the picture, in pixels or in fractions of its width and height.

    All four are fractions if every one is at most 1.

    Raises:
        ValueError: If the pane is empty or begins outside the picture.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if min(self.x, self.y) < 0 or min(self.width, self.height) <= 0:
            msg = f"expected x, y >= 0 and a width and height above 0, got {self}"
            raise ValueError(msg)

    def margins(self, width_px: int, height_px: int) -> Margins:
        """Return the margins around the pane in a picture of a size.

        A pane that extends beyond the picture is cut. A pane outside the picture, such
        as after a change of resolution, selects the whole picture: a wrong view is
        better than none.
        """
        in_fractions = max(self.x, self.y, self.width, self.height) <= 1
        scale_x, scale_y = (width_px, height_px) if in_fractions else (1, 1)
        left, top = round(self.x * scale_x), round(self.y * scale_y)
        if left >= width_px or top >= height_px:
            return Margins(0, 0, 0, 0)
        right = width_px - left - max(1, round(self.width * scale_x))
        bottom = height_px - top - max(1, round(self.height * scale_y))
        return Margins(left, top, max(0, right), max(0, bottom))


@dataclass(frozen=True, slots=True)
class Framing:
    """An optional crop to a pane, then black padding to a square.

    The pane is cut from the picture as stored, before it is rotated by the orientation
    that a phone writes into the file.
    """

    pane: Pane | None = None

    def placement(
        self, width_px: int, height_px: int, pixel_aspect: float = 1.0, turns: int = 0
    ) -> Placement:
        """Return where the square shows the whole picture.

        Args:
            width_px: Width of the picture as stored.
            height_px: Height of the picture as stored.
            pixel_aspect: Width of a pixel relative to its height.
            turns: Quarter turns clockwise after scaling, 0 to 3.
        """
        cut = Margins(0, 0, 0, 0)
        if self.pane is not None:
            cut = self.pane.margins(width_px, height_px)
        shown_px = (
            (width_px - cut.left - cut.right) * pixel_aspect,
            float(height_px - cut.top - cut.bottom),
        )
        side_px = max(shown_px)
        placement = Placement(
            left=((side_px - shown_px[0]) / 2 - cut.left * pixel_aspect) / side_px,
            top=((side_px - shown_px[1]) / 2 - cut.top) / side_px,
            width=width_px * pixel_aspect / side_px,
            height=height_px / side_px,
        )
        for _ in range(turns):
            left, top, width, height = placement
            placement = Placement(1 - top - height, left, height, width)
        return placement


PAD = Framing()
"""The whole picture, padded to a square."""


def crop(x: float, y: float, width: float, height: float) -> Framing:
    """Return a framing that cuts out a pane, for footage with views side by side."""
    return Framing(Pane(x, y, width, height))


_HALVES = {
    "left": crop(0.0, 0.0, 0.5, 1.0),
    "right": crop(0.5, 0.0, 0.5, 1.0),
}


def parse_framing(text: str) -> Framing:
    """Read a pane, ``left``, ``right`` or ``X,Y,WIDTH,HEIGHT``.

    Raises:
        ValueError: If it is neither.
    """
    if text in _HALVES:
        return _HALVES[text]
    try:
        x, y, width, height = (float(part) for part in text.split(","))
        return crop(x, y, width, height)
    except ValueError:
        msg = (
            f"{text!r} is not left, right or X,Y,WIDTH,HEIGHT"
            " in pixels, or all four in fractions of the picture"
        )
        raise ValueError(msg) from None
