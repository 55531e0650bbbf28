"""A square, turned part of a picture: what a network looks at."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64, UInt8

_UP_RAD = np.pi / 2
_TILE = 0.62  # side of a tile, in the longer side of what is covered
_MOST_STEP = 0.4  # from one tile to the next, in their sides
_FINE = 32  # steps between two pixels, to which places are rounded
_STRIP = 64  # lines cut at once: few enough for the processor's cache
_MARGIN = 1.25  # side of a region, relative to the diameter of the body


@final
@dataclass(frozen=True, slots=True)
class Region:
    """A square part of a picture.

    Attributes:
        x_px: Column of the centre.
        y_px: Row of the centre.
        side_px: Length of a side.
        turn_rad: Turn from the picture's axes to the region's, clockwise as seen.
    """

    x_px: float
    y_px: float
    side_px: float
    turn_rad: float

    @classmethod
    def of_picture(cls, height_px: int, width_px: int) -> "Region":
        """Return the smallest upright region that holds a whole picture."""
        return cls(width_px / 2, height_px / 2, float(max(height_px, width_px)), 0.0)

    @classmethod
    def tiles(
        cls, left_px: float, top_px: float, right_px: float, bottom_px: float
    ) -> "tuple[Region, ...]":
        """Return upright regions that cover a part of a picture and overlap.

        Somebody far away is larger in them than in the whole picture.
        """
        side = _TILE * max(right_px - left_px, bottom_px - top_px)
        return tuple(
            cls(x, y, side, 0.0)
            for y in _centres(top_px, bottom_px, side)
            for x in _centres(left_px, right_px, side)
        )

    @classmethod
    def of_body(
        cls, centre: Float64[np.ndarray, " 2"], top: Float64[np.ndarray, " 2"]
    ) -> "Region":
        """Return the region of a body.

        Args:
            centre: Middle of the hips in pixels, column and row.
            top: A point on the circle about the body; the body's up points to it.
        """
        across, down = top - centre
        turn = _UP_RAD - np.arctan2(-down, across)
        side = 2 * float(np.hypot(across, down)) * _MARGIN
        turn = (turn + np.pi) % (2 * np.pi) - np.pi
        return cls(float(centre[0]), float(centre[1]), side, float(turn))

    def distance(self, other: "Region") -> float:
        """Return the way between the centres of two regions, in pixels."""
        return math.hypot(self.x_px - other.x_px, self.y_px - other.y_px)

    def body(self) -> Float64[np.ndarray, "2 2"]:
        """Return centre and top, from which ``of_body`` makes this region."""
        radius = self.side_px / 2 / _MARGIN
        up = np.array([np.sin(self.turn_rad), -np.cos(self.turn_rad)])
        centre = np.array([self.x_px, self.y_px])
        return np.stack((centre, centre + radius * up))

    def to_picture(
        self, points: Float64[np.ndarray, "*point 2"]
    ) -> Float64[np.ndarray, "*point 2"]:
        """Convert points from fractions of the region to pixels of the picture."""
        offset = (points - 0.5) * self.side_px @ self.rotation().T
        placed: Float64[np.ndarray, "*point 2"] = offset + np.array(
            (self.x_px, self.y_px)
        )
        return placed

    def within(self, other: "Region", side: int) -> "Region":
        """Return this region in the pixels of another region's cut.

        Args:
            other: The other region, of the same picture.
            side: Height and width of its cut.
        """
        away = np.array([self.x_px - other.x_px, self.y_px - other.y_px])
        x, y = (away @ other.rotation() / other.side_px + 0.5) * side
        side_px = self.side_px / other.side_px * side
        return Region(float(x), float(y), side_px, self.turn_rad - other.turn_rad)

    def rotation(self) -> Float64[np.ndarray, "2 2"]:
        """Return the rotation from the region's axes to the picture's."""
        cos, sin = np.cos(self.turn_rad), np.sin(self.turn_rad)
        return np.array([[cos, -sin], [sin, cos]])

    def cut(
        self,
        picture: UInt8[np.ndarray, "height width colour"],
        side: int,
        *,
        repeat: bool,
    ) -> UInt8[np.ndarray, "side side colour"]:
        """Return the region as a picture, by bilinear interpolation.

        Args:
            picture: RGB, or a mask of one colour; at least 2 pixels high and wide.
            side: Height and width of the result.
            repeat: Whether the picture's edge continues outside of it; else it is
                black there.
        """
        step = self.rotation() * (self.side_px / side * _FINE)
        # Pixel (0, 0) of a cut shows the very corner of the region, as in the cuts that
        # the networks were trained on.
        corner = np.array([self.x_px, self.y_px]) * _FINE - step @ np.full(2, side / 2)
        places = np.arange(side)
        cut = np.empty((side, side, picture.shape[2]), np.uint8)
        for first in range(0, side, _STRIP):
            strip = slice(first, first + _STRIP)
            columns, rows = (
                np.rint(corner[axis] + step[axis, 0] * places + down)
                for axis, down in enumerate(
                    step[:, 1, None, None] * places[strip, None]
                )
            )
            cut[strip] = _interpolated(picture, columns, rows, repeat=repeat)
        return cut


def _centres(first_px: float, last_px: float, side_px: float) -> list[float]:
    """Return the centres of tiles that cover a length; one, if they are longer."""
    beyond_px = last_px - first_px - side_px
    if beyond_px <= 0:
        return [(first_px + last_px) / 2]
    steps = math.ceil(beyond_px / (_MOST_STEP * side_px))
    return [
        first_px + side_px / 2 + beyond_px * step / steps for step in range(steps + 1)
    ]


def _interpolated(
    picture: UInt8[np.ndarray, "height width colour"],
    columns: Float64[np.ndarray, "line side"],
    rows: Float64[np.ndarray, "line side"],
    *,
    repeat: bool,
) -> UInt8[np.ndarray, "line side colour"]:
    """Return the picture's colours at whole numbers of fine steps.

    Rounds as OpenCV does, whose cuts the networks were trained on. They are sensitive:
    with colours that are rounded down, half a level darker, landmarks move by 0.7 % of
    the body in the median.
    """
    height, width, count = picture.shape
    column = columns.clip(0, (width - 1) * _FINE).astype(np.intp)
    row = rows.clip(0, (height - 1) * _FINE).astype(np.intp)
    left = np.minimum(column // _FINE, width - 2)
    top = np.minimum(row // _FINE, height - 2)
    right_part = (column - left * _FINE).astype(np.float32) / np.float32(_FINE)
    lower_part = (row - top * _FINE).astype(np.float32) / np.float32(_FINE)
    upper_part = 1 - lower_part
    if not repeat:
        inside = (1 - np.abs(columns - column) / _FINE).clip(0)
        inside *= (1 - np.abs(rows - row) / _FINE).clip(0)
        upper_part *= inside
        lower_part *= inside
    left_part = 1 - right_part
    neighbours = (
        (0, left_part * upper_part),
        (count, right_part * upper_part),
        (count * width, left_part * lower_part),
        (count * width + count, right_part * lower_part),
    )
    values = picture.reshape(-1)
    start = (top * width + left) * count
    colours = np.empty((*start.shape, count), np.uint8)
    for colour in range(count):
        mean = np.full(start.shape, 0.5, np.float32)
        for offset, weight in neighbours:
            mean += values[colour + offset :].take(start) * weight
        colours[..., colour] = mean
    return colours


def boxes_overlap(
    one: Float32[np.ndarray, " 4"], other: Float32[np.ndarray, " 4"]
) -> float:
    """Return the intersection over union of two boxes of left, top, right, bottom."""
    shared = _shared_area(one, other)
    return shared / (_area(one) + _area(other) - shared) if shared else 0.0


def share_inside(
    one: Float32[np.ndarray, " 4"], other: Float32[np.ndarray, " 4"]
) -> float:
    """Return the share of the smaller of two boxes that lies inside the other."""
    shared = _shared_area(one, other)
    return shared / min(_area(one), _area(other)) if shared else 0.0


def _shared_area(
    one: Float32[np.ndarray, " 4"], other: Float32[np.ndarray, " 4"]
) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return float(across * down) if min(across, down) > 0 else 0.0


def _area(box: Float32[np.ndarray, " 4"]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
