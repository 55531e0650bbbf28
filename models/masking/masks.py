"""Masks over pictures, to test what is still recognised when a part is covered.

    random      single pixels, or shapes ─────┐
    features    parts that a person marked    ├─▶ mask ─▶ fill ─▶ a picture of that size
                their union, all but them     │
    control     as many pixels, elsewhere ────┘

A mask is true where the picture is covered. Draw and fill it at the picture's original
size, and scale the picture for a model afterwards. A cover is itself unlike anything in
training, so compare a black cover with one in the mean colour, and with one of equal
area elsewhere (``equal_area_control``).

Every random choice comes from a ``numpy.random.Generator`` that the caller seeds and
records. Source of the pixel masks: Shandilya et al., "Advancing Vision-based Human
Action Recognition", which also mentions shapes of random size but does not say how they
are drawn.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from models.errors import PointsError

Shape = Literal["rectangle", "ellipse", "triangle"]
Fill = Literal["black", "mean"]
"""Black, or, as a control, the mean colour of the picture before it is covered."""

SHAPES: tuple[Shape, ...] = ("rectangle", "ellipse", "triangle")
SHARES = (0.1, 0.3, 0.5)
"""Shares of the picture to cover, as in the paper."""
TOLERANCE = 0.01
"""Share of the picture by which shapes may cover more than requested."""

_MOST = 0.9
"""Greatest share that shapes can cover; above it most draws would be rejected."""
_SHRINK = 0.9
_ROUNDING = 1e-9
_FARTHEST_PX = 1e6
_FIELDS = ("frame", "feature_name", "points", "labels")


@final
@dataclass(frozen=True, slots=True)
class FeaturePoints:
    """Points that a person placed to mark a feature of a picture.

    Attributes:
        frame: File name of the picture.
        feature_name: Name of the feature, as ``pitch``.
        points: Column and row of each point, in pixels of the original picture.
        labels: For each point 1 if it is in the feature, 0 if beside it; at least one
            is 1.
    """

    frame: str
    feature_name: str
    points: tuple[tuple[float, float], ...]
    labels: tuple[Literal[0, 1], ...]


@final
@dataclass(frozen=True, slots=True)
class Dispersion:
    """How far predictions for one true label scatter.

    ``entropy_nats`` is that of the labels' shares, ``top_share`` that of the most
    frequent prediction.
    """

    labels: int
    entropy_nats: float
    top_share: float


def pixel_mask(
    height: int, width: int, share: float, generator: np.random.Generator
) -> Bool[np.ndarray, "height width"]:
    """Draw single pixels without replacement.

    The share is rounded down to a whole number of pixels.

    Raises:
        ValueError: If the share is not within 0 to 1.
    """
    _check_share(share, most=1.0)
    mask = np.zeros(height * width, bool)
    # 0.29 * 100 is a little less than 29
    count = math.floor(share * mask.size + _ROUNDING)
    mask[generator.choice(mask.size, count, replace=False)] = True
    return mask.reshape(height, width)


def shape_mask(
    height: int,
    width: int,
    share: float,
    generator: np.random.Generator,
    *,
    shapes: Sequence[Shape] = SHAPES,
) -> tuple[Bool[np.ndarray, "height width"], float]:
    """Draw overlapping shapes until they cover a share of the picture.

    A shape's centre lies anywhere in the picture, and its box is at most half as high
    and half as wide. A shape that would exceed the share by more than ``TOLERANCE`` is
    discarded, and later shapes are drawn smaller.

    Returns:
        The mask and the share that it covers: at least ``share``, and at most
        ``TOLERANCE`` or one pixel more, whichever is larger.

    Raises:
        ValueError: If the share is not within 0 to 0.9, or no shape is named.
    """
    _check_share(share, most=_MOST)
    if not shapes:
        msg = "no shape to draw"
        raise ValueError(msg)
    mask = np.zeros((height, width), bool)
    least = math.ceil(share * mask.size - _ROUNDING)
    most = max(least, math.floor((share + TOLERANCE) * mask.size + _ROUNDING))
    covered, size = 0, 0.5
    while covered < least:
        shape = shapes[int(generator.integers(len(shapes)))]
        rows, columns, inside = _draw_shape(shape, height, width, size, generator)
        added = int((inside & ~mask[rows, columns]).sum())
        if covered + added > most:
            size *= _SHRINK
            continue
        mask[rows, columns] |= inside
        covered += added
    return mask, covered / mask.size


def _draw_shape(
    shape: Shape,
    height: int,
    width: int,
    size: float,
    generator: np.random.Generator,
) -> tuple[slice, slice, Bool[np.ndarray, "box_height box_width"]]:
    """Draw a shape in a box of up to ``size`` of the picture, and at least one pixel.

    Returns:
        The part of the box within the picture, and which of its pixel centres lie in
        the shape.
    """
    middle = generator.uniform(0, (height, width))
    half = np.maximum(0.5, generator.uniform(0, size, 2) * (height, width) / 2)
    top, left = np.maximum(np.floor(middle - half), 0).astype(int)
    below, right = np.minimum(np.ceil(middle + half), (height, width)).astype(int)
    # in the following coordinates the box reaches from -1 to 1
    y = ((np.arange(top, below) + 0.5 - middle[0]) / half[0])[:, None]
    x = ((np.arange(left, right) + 0.5 - middle[1]) / half[1])[None, :]
    if shape == "rectangle":
        inside = (np.abs(y) <= 1) & (np.abs(x) <= 1)
    elif shape == "ellipse":
        inside = y**2 + x**2 <= 1
    else:
        inside = _in_triangle(y, x, generator.uniform(-1, 1, (3, 2)))
    return slice(top, below), slice(left, right), inside


def _in_triangle(
    y: Float64[np.ndarray, "box_height 1"],
    x: Float64[np.ndarray, "1 box_width"],
    corners: Float64[np.ndarray, "3 2"],
) -> Bool[np.ndarray, "box_height box_width"]:
    """Return which places lie on the same side of all three edges."""
    left = right = np.ones((len(y), x.shape[1]), bool)
    for start in range(3):
        (y0, x0), (y1, x1) = corners[start], corners[(start + 1) % 3]
        across = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        left, right = left & (across >= 0), right & (across <= 0)
    return left | right


def union(
    masks: Sequence[Bool[np.ndarray, "height width"]],
) -> Bool[np.ndarray, "height width"]:
    """Combine masks into one that covers whatever any of them covers.

    Raises:
        ValueError: If there is no mask, or they differ in size.
    """
    if not masks:
        msg = "no mask to join"
        raise ValueError(msg)
    sizes = sorted({mask.shape for mask in masks})
    if len(sizes) > 1:
        msg = f"masks of {_size(sizes[0])} and of {_size(sizes[1])} pixels"
        raise ValueError(msg)
    joined: np.ndarray = np.logical_or.reduce(list(masks))
    return joined


def everything_but(
    mask: Bool[np.ndarray, "height width"],
) -> Bool[np.ndarray, "height width"]:
    """Invert a mask, so that only its feature stays visible."""
    return ~mask


def equal_area_control(
    mask: Bool[np.ndarray, "height width"], generator: np.random.Generator
) -> Bool[np.ndarray, "height width"]:
    """Shift a mask by a random distance, wrapped around the picture's edges.

    The result covers exactly as many pixels. Scattered pixels would be no fair control,
    because they disturb a model far more than one area.
    """
    # any place but its own, which is number 0
    place = generator.integers(min(1, mask.size - 1), mask.size)
    return np.roll(mask, divmod(int(place), mask.shape[1]), axis=(0, 1))


def fill(
    frame: UInt8[np.ndarray, "height width 3"],
    mask: Bool[np.ndarray, "height width"],
    colour: Fill = "black",
) -> UInt8[np.ndarray, "height width 3"]:
    """Cover a part of a picture.

    Raises:
        ValueError: If picture and mask differ in size.
    """
    if frame.shape[:2] != mask.shape:
        sizes = f"{_size(mask.shape)} pixels for a picture of {_size(frame.shape)}"
        msg = f"a mask of {sizes}"
        raise ValueError(msg)
    covered = frame.copy()
    covered[mask] = 0
    if colour == "mean":
        covered[mask] = np.rint(frame.mean(axis=(0, 1)))
    return covered


def measure_dispersion(counts: Int64[np.ndarray, " label"]) -> Dispersion:
    """Measure how the predictions for frames of one true label scatter.

    Raises:
        ValueError: If a count is negative, or all are zero.
    """
    if counts.min(initial=0) < 0 or counts.sum() == 0:
        msg = "expected counts of zero or more, with at least one above zero"
        raise ValueError(msg)
    shares = counts[counts > 0] / counts.sum()
    return Dispersion(
        labels=len(shares),
        entropy_nats=float(-(shares * np.log(shares)).sum()) + 0.0,  # not -0
        top_share=float(shares.max()),
    )


def read_points(path: Path) -> tuple[FeaturePoints, ...]:
    """Read points from JSON: an object, or a list of one or more.

    ::

        {"frame": "cricket_0001.png", "feature_name": "pitch",
         "points": [[210, 388.5], [12, 40]], "labels": [1, 0]}

    Raises:
        PointsError: If the file is missing, is not JSON, or is malformed; one line with
            the file and the entry.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        problem = f"cannot be read: {err.strerror}"
        raise PointsError(str(path), problem) from err
    except (ValueError, RecursionError) as err:
        raise PointsError(str(path), f"is not JSON: {err}") from err
    entries = content if isinstance(content, list) else [content]
    if not entries:
        raise PointsError(str(path), "holds no entry")
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            found.append(_feature_points(entry))
        except ValueError as err:
            raise PointsError(str(path), f"entry {number}: {err}") from err
    return tuple(found)


def _feature_points(entry: object) -> FeaturePoints:
    if not isinstance(entry, dict) or sorted(entry) != sorted(_FIELDS):
        msg = f"expected an object of {', '.join(_FIELDS)}"
        raise ValueError(msg)
    for field in ("frame", "feature_name"):
        if not isinstance(entry[field], str) or not entry[field].strip():
            msg = f"{field}: expected a text"
            raise ValueError(msg)
    points, labels = entry["points"], entry["labels"]
    if not isinstance(points, list):
        msg = "points: expected a list"
        raise ValueError(msg)
    if not isinstance(labels, list) or len(labels) != len(points):
        msg = f"labels: expected a list as long as points, {len(points)}"
        raise ValueError(msg)
    for index, label in enumerate(labels):
        if type(label) is not int or label not in (0, 1):  # a bool is not a label
            msg = f"labels[{index}]: expected 1 or 0"
            raise ValueError(msg)
    if 1 not in labels:
        msg = "labels: expected at least one 1"
        raise ValueError(msg)
    return FeaturePoints(
        frame=entry["frame"],
        feature_name=entry["feature_name"],
        points=tuple(_point(point, index) for index, point in enumerate(points)),
        labels=tuple(labels),
    )


def _point(point: object, index: int) -> tuple[float, float]:
    match point:
        case [int() | float() as x, int() | float() as y] if (
            0 <= x < _FARTHEST_PX and 0 <= y < _FARTHEST_PX
        ):
            if not isinstance(x, bool) and not isinstance(y, bool):
                return float(x), float(y)
    msg = f"points[{index}]: expected two numbers of 0 to {_FARTHEST_PX:.0f}"
    raise ValueError(msg)


def _check_share(share: float, *, most: float) -> None:
    if not 0 <= share <= most:  # also refuses NaN
        msg = f"a share of {share}, expected 0 to {most}"
        raise ValueError(msg)


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]}x{shape[1]}"
