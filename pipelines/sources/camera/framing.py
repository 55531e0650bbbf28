"""How a camera's picture becomes the square that the model sees."""

from dataclasses import dataclass
from typing import NamedTuple


class Margins(NamedTuple):
    """What is cut off at each side, in pixels."""

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
        """Return what surrounds the pane in a picture of that size.

        A pane that reaches beyond the picture is cut; one that lies outside of it,
        as after a change of resolution, leaves the whole picture: a wrong view is
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
    """Cut to a pane, or not; then pad to a square with black.

    The pane is cut from the picture as it is stored, before a phone's note of how it
    was held turns it.
    """

    pane: Pane | None = None


PAD = Framing()
"""The whole picture, padded to a square."""


def crop(x: float, y: float, width: float, height: float) -> Framing:
    """Cut to a pane, for footage that shows several views beside each other."""
    return Framing(Pane(x, y, width, height))
