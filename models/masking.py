"""Masks over pictures: what is still recognised when a part is covered?

    random      pixels one by one, or shapes ─┐
    features    parts that a person pointed at ├─▶ mask ─▶ fill ─▶ a picture as large
                their union, all but them      │
    control     as many pixels, elsewhere ─────┘

A mask is true where the picture is covered. It is drawn and filled at the size that the
picture was taken in; to scale the picture for a model is for the caller, afterwards.
A cover is itself something that a model never saw: beside a black one belong the same
in the mean colour, and one of equal area elsewhere (``equal_area_control``).

Every draw comes from a ``numpy.random.Generator`` that the caller seeds and writes
down. Source of the pixel masks: Shandilya et al., "Advancing Vision-based Human Action
Recognition", which names shapes of random size too but is silent on how they are drawn.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from models.errors import ModelError

Shape = Literal["rectangle", "ellipse", "triangle"]
Fill = Literal["black", "mean"]
"""Black, or the mean colour of the picture before it is covered: the control."""
Control = Literal["moved", "scattered"]
"""The same outline elsewhere, or as many single pixels anywhere."""

SHAPES: tuple[Shape, ...] = ("rectangle", "ellipse", "triangle")
SHARES = (0.1, 0.3, 0.5)
"""Of the picture, as in the paper."""
TOLERANCE = 0.01
"""By how much of the picture shapes may cover more than was asked for."""

_MOST = 0.9
"""Shapes that fit no more are drawn again: past this share for too long."""
_SHRINK = 0.9
_ROUNDING = 1e-9
_FARTHEST_PX = 1e6
_FIELDS = ("frame", "feature_name", "points", "labels")


@final
class PointsError(ModelError):
    """A file of points is missing or malformed; ``path`` is the file."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(path, problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@final
@dataclass(frozen=True, slots=True)
class FeaturePoints:
    """Where a person pointed to say what a feature of a frame is.

    Attributes:
        frame: The picture's name.
        feature_name: What is pointed at, as ``pitch``.
        points: Column and row of each, in pixels of the picture as it was taken.
        labels: Of each point: 1 in the feature, 0 beside it; one at least is 1.
    """

    frame: str
    feature_name: str
    points: tuple[tuple[float, float], ...]
    labels: tuple[Literal[0, 1], ...]


@final
@dataclass(frozen=True, slots=True)
class Dispersion:
    """How far predictions for one true label scatter.

    Attributes:
        labels: How many different ones were predicted.
        entropy_nats: Of their shares; zero where all are the same.
        top_share: Of the most frequent one.
    """

    labels: int
    entropy_nats: float
    top_share: float


def pixel_mask(
    height: int, width: int, share: float, generator: np.random.Generator
) -> Bool[np.ndarray, "height width"]:
    """Draw single pixels without replacement.

    Args:
        height: Of the picture.
        width: Of the picture.
        share: Of its pixels, rounded down to a whole number of them.
        generator: Decides.

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
    """Draw shapes, one over the other, until they cover a share of the picture.

    A shape's middle lies anywhere in the picture, and its box is up to half as high and
    half as wide. One that would cover more than ``TOLERANCE`` too much is left out, and
    those after it are drawn smaller.

    Args:
        height: Of the picture.
        width: Of the picture.
        share: To be covered at least, up to 0.9.
        generator: Decides.
        shapes: Drawn with equal chances.

    Returns:
        The mask, and the share that it covers: ``share`` at least, and not more than
        ``TOLERANCE`` above it, or than one pixel where that is more.

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
    """Draw a shape in a box of up to ``size`` of the picture, a pixel at least.

    Returns:
        The part of the box within the picture, and which of its pixels' middles lie in
        the shape.
    """
    middle = generator.uniform(0, (height, width))
    half = np.maximum(0.5, generator.uniform(0, size, 2) * (height, width) / 2)
    top, left = np.maximum(np.floor(middle - half), 0).astype(int)
    below, right = np.minimum(np.ceil(middle + half), (height, width)).astype(int)
    # from here on the box reaches from -1 to 1
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
    """Tell which places lie on the same side of all three edges."""
    left = right = np.ones((len(y), x.shape[1]), bool)
    for start in range(3):
        (y0, x0), (y1, x1) = corners[start], corners[(start + 1) % 3]
        across = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        left, right = left & (across >= 0), right & (across <= 0)
    return left | right


def union(
    masks: Sequence[Bool[np.ndarray, "height width"]],
) -> Bool[np.ndarray, "height width"]:
    """Cover what any of the masks covers.

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
    """Cover all that the mask does not: its feature stands alone."""
    return ~mask


def equal_area_control(
    mask: Bool[np.ndarray, "height width"],
    generator: np.random.Generator,
    kind: Control = "moved",
) -> Bool[np.ndarray, "height width"]:
    """Cover exactly as many pixels at random.

    Args:
        mask: Of a feature.
        generator: Decides.
        kind: ``moved`` shifts the mask, and what leaves the picture at one edge comes
            back at the other: the fair control, for scattered pixels of the same area
            disturb a model far more.
    """
    if kind == "moved":
        # any of the places but its own, which is the first
        place = generator.integers(min(1, mask.size - 1), mask.size)
        return np.roll(mask, divmod(int(place), mask.shape[1]), axis=(0, 1))
    scattered = np.zeros(mask.size, bool)
    scattered[generator.choice(mask.size, int(mask.sum()), replace=False)] = True
    return scattered.reshape(mask.shape)


def fill(
    frame: UInt8[np.ndarray, "height width 3"],
    mask: Bool[np.ndarray, "height width"],
    colour: Fill = "black",
) -> UInt8[np.ndarray, "height width 3"]:
    """Cover a part of a picture.

    Args:
        frame: Stays as it is.
        mask: True where it is covered.
        colour: Of the cover.

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

    Args:
        counts: How many frames were given each label.

    Raises:
        ValueError: If a count is negative, or all are zero.
    """
    if counts.min(initial=0) < 0 or counts.sum() == 0:
        msg = "expected counts of zero or more, one at least above it"
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
        PointsError: If the file is missing, is not JSON, or does not say what is
            expected: one line with the file and the place in it.
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
        if type(label) is not int or label not in (0, 1):  # true is no label
            msg = f"labels[{index}]: expected 1 or 0"
            raise ValueError(msg)
    if 1 not in labels:
        msg = "labels: expected one 1 at least"
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
    if not 0 <= share <= most:  # so that NaN is refused too
        msg = f"a share of {share}, expected 0 to {most}"
        raise ValueError(msg)


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]}x{shape[1]}"
