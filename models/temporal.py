"""From the features of a window's frames to one vector: their average, or the middle.

The average is: unit norm for each frame, mean, unit norm. It is the same offline and
online, for to leave out the last step would change confidences, though not their
order. Averages of many overlapping windows come from running sums
(``window_averages``), which is exact: the mean of a window is a difference of two.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int64

_TINY = 1e-12
"""Below this a norm counts as zero: features that cancel out have no direction."""


def average_clip(
    features: Float32[np.ndarray, "time dim"],
) -> Float32[np.ndarray, " dim"]:
    """Average the frames of one window.

    Args:
        features: At least one frame, in any order and of any norm.

    Returns:
        A vector of unit norm, or zeros where the frames cancel out.

    Raises:
        ValueError: If there is no frame.
    """
    if len(features) == 0:
        msg = "a clip of no frames has no average"
        raise ValueError(msg)
    mean = _unit(features.astype(np.float64)).mean(axis=0)
    return _unit(mean).astype(np.float32)


def window_averages(
    features: Float32[np.ndarray, "time dim"],
    ticks: Int64[np.ndarray, " time"],
    starts: Int64[np.ndarray, " clip"],
    frames: int,
) -> tuple[Float32[np.ndarray, "clip dim"], Int64[np.ndarray, " clip"]]:
    """Average every window of a recording at the cost of one pass over its frames.

    ::

        ticks   3 4 5 . 7 8 . .      a frame each, . is a gap
        start 3 [-----)              frames = 4: the mean of 3 4 5
        start 5     [-----)          the mean of 5 7 8

    Args:
        features: Of the frames that are there, of any norm.
        ticks: The grid step of each frame, rising.
        starts: The first grid step of each window, in any order.
        frames: Grid steps in a window.

    Returns:
        A row for each window, of unit norm and equal to ``average_clip`` of its frames
        to 1e-5, or zeros where it holds none; and how many frames it holds.

    Raises:
        ValueError: If the ticks do not rise, or ``frames`` is not positive.
    """
    if frames < 1:
        msg = f"a window of {frames} frames, expected one at least"
        raise ValueError(msg)
    if np.any(np.diff(ticks) <= 0):
        msg = "the ticks of a recording must rise"
        raise ValueError(msg)
    sums = np.zeros((len(features) + 1, features.shape[1]), np.float64)
    np.cumsum(_unit(features.astype(np.float64)), axis=0, out=sums[1:])
    first = np.searchsorted(ticks, starts)
    last = np.searchsorted(ticks, starts + frames)
    counts = last - first
    means = (sums[last] - sums[first]) / np.maximum(counts, 1)[:, None]
    return _unit(means).astype(np.float32), counts


def middle_frame(slots: Sequence[int], frames: int) -> int:
    """Find the frame nearest to the middle of a window.

    Args:
        slots: The place of each frame that is there, rising, of 0 to ``frames`` - 1.
        frames: Places in the whole window; its middle is place ``frames // 2``.

    Returns:
        An index into ``slots``; the earlier frame of two that are as near.

    Raises:
        ValueError: If there is no frame.
    """
    if not slots:
        msg = "a clip of no frames has no middle"
        raise ValueError(msg)
    middle = frames // 2
    return min(range(len(slots)), key=lambda index: abs(slots[index] - middle))


def _unit(vectors: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Bring the rows to unit norm; those without a direction become zeros."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(norms > _TINY, vectors / np.maximum(norms, _TINY), 0.0)
