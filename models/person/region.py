"""A square, turned part of a picture: what a network looks at."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image

_UP_RAD = np.pi / 2
_HALF = 0.62
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
    def halves(cls, height_px: int, width_px: int) -> "tuple[Region, Region]":
        """Return two upright regions that overlap in the middle of a picture.

        Somebody far away is larger in them than in the whole picture.
        """
        side = _HALF * max(height_px, width_px)
        x, y = width_px / 2, height_px / 2
        if width_px >= height_px:
            off = (width_px - side) / 2
            return cls(x - off, y, side, 0.0), cls(x + off, y, side, 0.0)
        off = (height_px - side) / 2
        return cls(x, y - off, side, 0.0), cls(x, y + off, side, 0.0)

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

    def to_picture(
        self, points: Float64[np.ndarray, "*point 2"]
    ) -> Float64[np.ndarray, "*point 2"]:
        """Convert points from fractions of the region to pixels of the picture."""
        offset = (points - 0.5) * self.side_px @ self.rotation().T
        placed: Float64[np.ndarray, "*point 2"] = offset + np.array(
            (self.x_px, self.y_px)
        )
        return placed

    def rotation(self) -> Float64[np.ndarray, "2 2"]:
        """Return the rotation from the region's axes to the picture's."""
        cos, sin = np.cos(self.turn_rad), np.sin(self.turn_rad)
        return np.array([[cos, -sin], [sin, cos]])

    def cut(
        self, picture: UInt8[np.ndarray, "height width 3"], side: int, *, repeat: bool
    ) -> UInt8[np.ndarray, "side side 3"]:
        """Return the region as a picture, by bilinear interpolation.

        Args:
            picture: RGB.
            side: Height and width of the result.
            repeat: Whether the picture's edge continues outside of it; else it is
                black there.
        """
        step = self.rotation() * (self.side_px / side)
        # The networks were trained on cuts whose pixel (0, 0) shows the very corner of
        # the region, while Pillow would show there what half a pixel further in shows.
        corner = np.array([self.x_px, self.y_px]) - step @ np.full(2, (side + 1) / 2)
        corner += 0.5
        if repeat:
            picture, corner = _with_edges(picture, corner, step, side)
        coefficients = (*step[0], corner[0], *step[1], corner[1])
        cut = Image.fromarray(picture).transform(
            (side, side),
            Image.Transform.AFFINE,
            tuple(float(each) for each in coefficients),
            Image.Resampling.BILINEAR,
        )
        return np.asarray(cut)


def _with_edges(
    picture: UInt8[np.ndarray, "height width 3"],
    corner: Float64[np.ndarray, " 2"],
    step: Float64[np.ndarray, "2 2"],
    side: int,
) -> tuple[UInt8[np.ndarray, "rows columns 3"], Float64[np.ndarray, " 2"]]:
    """Continue the picture as far as the region extends beyond it."""
    ends = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ step.T + corner
    low = np.maximum(0, np.ceil(1 - ends.min(axis=0))).astype(int)
    size = np.array([picture.shape[1], picture.shape[0]])
    high = np.maximum(0, np.ceil(ends.max(axis=0) + 1 - size)).astype(int)
    # A region far outside would make a huge picture: half a side shows the edge enough.
    low, high = np.minimum(low, size), np.minimum(high, size)
    if not (low.any() or high.any()):
        return picture, corner
    padding = ((low[1], high[1]), (low[0], high[0]), (0, 0))
    return np.pad(picture, padding, mode="edge"), corner + low


def boxes_overlap(
    one: Float32[np.ndarray, " 4"], other: Float32[np.ndarray, " 4"]
) -> float:
    """Return the intersection over union of two boxes of left, top, right, bottom."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))
