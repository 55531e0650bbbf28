"""Polygons of zones, in shares of a camera's picture."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipelines.live.zones import Point, Zone, check_polygon, in_whole_picture
from pipelines.records import Placement

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
CORNER = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.5), (0.5, 0.5), (0.5, 0.9), (0.1, 0.9))
"""An L on its head."""

shares = st.floats(0, 1, allow_subnormal=False)
points = st.tuples(shares, shares)


@st.composite
def stars(draw: st.DrawFn) -> tuple[Point, ...]:
    """Polygons about the middle of the picture: corners in the order of their angle."""
    count = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(0.05, 0.5), min_size=count, max_size=count))
    angles = [2 * math.pi * number / count for number in range(count)]
    return tuple(
        (0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle))
        for radius, angle in zip(radii, angles, strict=True)
    )


def is_inside(polygon: tuple[Point, ...], point: Point) -> bool:
    zone = Zone("bed", "bed", polygon)
    return bool(zone.contains(np.array([point]))[0])


def seen_angle(polygon: tuple[Point, ...], point: Point) -> float:
    """The angle that a walk along all edges turns, seen from a point."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        one = math.atan2(y1 - point[1], x1 - point[0])
        other = math.atan2(y2 - point[1], x2 - point[0])
        total += (other - one + math.pi) % (2 * math.pi) - math.pi
    return abs(total)


def edge_distance(polygon: tuple[Point, ...], point: Point) -> float:
    corners = np.array(polygon)
    along = np.roll(corners, -1, axis=0) - corners
    offset = np.array(point) - corners
    share = ((offset * along).sum(1) / (along**2).sum(1)).clip(0, 1)
    return float(np.hypot(*(offset - share[:, None] * along).T).min())


@pytest.mark.parametrize(
    ("point", "expected"),
    [((0.3, 0.3), True), ((0.7, 0.3), True), ((0.3, 0.7), True), ((0.7, 0.7), False)],
)
def test_the_notch_of_a_corner_is_outside(point: Point, expected: bool) -> None:
    assert is_inside(CORNER, point) is expected


def test_many_points_are_asked_at_once() -> None:
    zone = Zone("bed", "bed", SQUARE)
    asked = np.array([[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.1], [0.5, 0.9]])
    assert zone.contains(asked).tolist() == [True, False, False, False, False]


@settings(deadline=None)
@given(stars(), points)
def test_inside_is_where_the_edges_turn_around_a_point(
    polygon: tuple[Point, ...], point: Point
) -> None:
    assume(edge_distance(polygon, point) > 1e-6)
    assert is_inside(polygon, point) == (seen_angle(polygon, point) > math.pi)


@pytest.mark.slow
@settings(deadline=None)
@given(stars(), points, st.integers(0, 11), st.booleans())
def test_first_corner_and_direction_do_not_matter(
    polygon: tuple[Point, ...], point: Point, first: int, backwards: bool
) -> None:
    assume(edge_distance(polygon, point) > 1e-6)
    turned = polygon[first % len(polygon) :] + polygon[: first % len(polygon)]
    again = tuple(reversed(turned)) if backwards else turned
    assert is_inside(again, point) == is_inside(polygon, point)


@settings(deadline=None)
@given(stars(), st.data())
def test_two_corners_of_a_polygon_in_each_others_place_are_refused(
    polygon: tuple[Point, ...], data: st.DataObject
) -> None:
    """The corners of a regular polygon; a triangle has no wrong order."""
    count = max(4, len(polygon))
    corners = [
        (0.5 + 0.4 * math.cos(angle), 0.5 + 0.4 * math.sin(angle))
        for angle in (2 * math.pi * number / count for number in range(count))
    ]
    first = data.draw(st.integers(0, count - 2))
    corners[first], corners[first + 1] = corners[first + 1], corners[first]
    with pytest.raises(ValueError, match=r"^the edge from point \d+ and .* cross"):
        check_polygon(corners)


@pytest.mark.parametrize(
    ("polygon", "problem"),
    [
        ((), r"^expected 3 to 64 points, got 0$"),
        (SQUARE[:2], r"^expected 3 to 64 points, got 2$"),
        (SQUARE[:1] * 65, r"^expected 3 to 64 points, got 65$"),
        (((0.1, 0.1), (1.2, 0.1), (0.5, 0.5)), r"^point 2 is 1\.2, 0\.1; expected"),
        (((0.1, 0.1), (0.5, -0.1), (0.5, 0.5)), r"^point 2 is 0\.5, -0\.1"),
        (((0.1, 0.1), (0.5, 0.1), (0.5, math.nan)), r"^point 3 is 0\.5, nan"),
        (
            ((0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8)),
            r"^the edge from point 1 and the edge from point 3 cross",
        ),
        (
            ((0.2, 0.2), (0.8, 0.2), (0.5, 0.2), (0.5, 0.8)),
            r"^the edge from point 1 and the edge from point 2 cross",
        ),
        (
            ((0.2, 0.2), (0.8, 0.2), (0.8, 0.2), (0.5, 0.8)),
            r"^the edge from point 1 and the edge from point 2 cross",
        ),
        (
            ((0.1, 0.1), (0.9, 0.1), (0.5, 0.5), (0.1, 0.9), (0.5, 0.5)),
            r"^the edge from point 2 and the edge from point 4 cross",
        ),
        (((0.1, 0.1), (0.3, 0.3), (0.1001, 0.1001)), r"cross|line"),
        (((0.1, 0.1), (0.3, 0.1000001), (0.5, 0.1)), r"^all points are on one line$"),
    ],
)
def test_corners_that_make_no_polygon_are_refused(
    polygon: tuple[Point, ...], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Zone("bed", "bed", polygon)


def test_points_of_a_frame_become_shares_of_the_whole_picture() -> None:
    """A picture twice as wide as high, with bars above and below."""
    placement = Placement(0.0, 0.25, 1.0, 0.5)
    asked = np.array([[0.0, 0.25], [1.0, 0.75], [0.5, 0.5]])
    shares = in_whole_picture(asked, placement)
    assert shares.tolist() == [[0, 0], [1, 1], [0.5, 0.5]]
