"""Zones: named polygons in a camera's picture.

Points are shares of the camera's whole picture, before any crop and without the bars
that make it square: x from 0 at the left edge to 1 at the right, y from 0 at the upper
edge to 1 at the lower.

    0,0 ──────────────────────── 1,0
     │    0.2,0.4 ─────── 0.7,0.4 │
     │       │     bed       │    │
     │    0.2,0.8 ─────── 0.7,0.8 │
    0,1 ──────────────────────── 1,1

A zone of the kind ``bed`` has an effect (``pipelines.live.bed``). The other kinds are
names for what a picture shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, final

import numpy as np
from jaxtyping import Bool, Float64

from pipelines.records import Placement

ZoneKind = Literal["bed", "chair", "floor", "door"]
Point = tuple[float, float]

MOST_POINTS = 64
_LEAST_POINTS = 3
_NO_AREA = 1e-6
"""Area below which a polygon is a line, as a share of the picture."""


@final
@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a camera's picture.

    Attributes:
        name: Name of the zone, unique among those of its camera.
        kind: What the zone shows.
        polygon: Corners in order, in shares of the picture.

    Raises:
        ValueError: If the corners make no polygon (``check_polygon``).
    """

    name: str
    kind: ZoneKind
    polygon: tuple[Point, ...]

    def __post_init__(self) -> None:
        check_polygon(self.polygon)

    def contains(
        self, points: Float64[np.ndarray, "point 2"]
    ) -> Bool[np.ndarray, " point"]:
        """Return which points are inside; either answer for one on an edge.

        Source: the even-odd rule; Shimrat 1962, "Algorithm 112", Communications of the
        ACM 5(8).
        """
        corners = np.array(self.polygon)
        inside = np.zeros(len(points), bool)
        x, y = points.T
        for (x1, y1), (x2, y2) in zip(
            corners, np.roll(corners, -1, axis=0), strict=True
        ):
            if y1 == y2:
                continue  # no ray to the right crosses a level edge
            is_beside = (y1 > y) != (y2 > y)
            inside ^= is_beside & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
        return inside


def check_polygon(points: Sequence[Point]) -> None:
    """Check that points are the corners of a polygon.

    Raises:
        ValueError: If there are fewer than 3 or more than 64 points, if a point is
            outside the picture, if two edges touch or cross, or if there is no area.
    """
    if not _LEAST_POINTS <= len(points) <= MOST_POINTS:
        msg = f"expected {_LEAST_POINTS} to {MOST_POINTS} points, got {len(points)}"
        raise ValueError(msg)
    for number, (x, y) in enumerate(points, start=1):
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
            msg = f"point {number} is {x:g}, {y:g}; expected shares of 0 to 1"
            raise ValueError(msg)
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    for (first, one), (second, other) in combinations(enumerate(edges, start=1), 2):
        are_neighbours = second - first in (1, len(edges) - 1)
        if _overlap(one, other) if are_neighbours else _cross(one, other):
            msg = (
                f"the edge from point {first} and the edge from point {second} cross;"
                " expected the corners in order around the zone"
            )
            raise ValueError(msg)
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in edges) / 2
    if abs(area) < _NO_AREA:
        msg = "all points are on one line"
        raise ValueError(msg)


def in_whole_picture(
    points: Float64[np.ndarray, "point 2"], placement: Placement
) -> Float64[np.ndarray, "point 2"]:
    """Convert points of a frame to shares of the camera's whole picture.

    Args:
        points: x and y in sides of the square frame.
        placement: Where the frame shows the whole picture.
    """
    corner = np.array([placement.left, placement.top])
    shares: Float64[np.ndarray, "point 2"] = (points - corner) / np.array(
        [placement.width, placement.height]
    )
    return shares


def _turn(start: Point, end: Point, point: Point) -> float:
    """Return the side of a line on which a point is: positive, negative, or 0 on it."""
    across, down = end[0] - start[0], end[1] - start[1]
    return across * (point[1] - start[1]) - down * (point[0] - start[0])


def _is_between(start: Point, end: Point, point: Point) -> bool:
    """Return whether a point on a line lies between two others."""
    return all(
        min(start[axis], end[axis]) <= point[axis] <= max(start[axis], end[axis])
        for axis in (0, 1)
    )


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Return whether two edges share a point."""
    ends = (_turn(*one, other[0]), _turn(*one, other[1]))
    others = (_turn(*other, one[0]), _turn(*other, one[1]))
    if ends[0] * ends[1] < 0 and others[0] * others[1] < 0:
        return True
    touching = [
        (_turn(*edge, point) == 0 and _is_between(*edge, point))
        for edge, points in ((one, other), (other, one))
        for point in points
    ]
    return any(touching)


def _overlap(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Return whether two edges with a common end share more than that end."""
    if one[1] == other[0]:
        start, corner, end = one[0], one[1], other[1]
    else:
        start, corner, end = other[0], other[1], one[1]
    if corner in (start, end):  # an edge without length
        return True
    if _turn(start, corner, end) != 0:
        return False
    return _is_between(start, corner, end) or _is_between(corner, end, start)
