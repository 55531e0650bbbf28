"""Represent a window by one vector: the average of its frames, or the middle one.

The average is: unit norm for each frame, mean, unit norm. Without the last step the
confidences, though not their order, would differ.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64

_TINY = 1e-12
"""A norm below this counts as zero: the vector has no direction."""


def average_clip(
    features: Float32[np.ndarray, "time dim"],
    slots: Sequence[int] | None = None,
    recency: float = 1.0,
) -> Float32[np.ndarray, " dim"]:
    """Average the frames of one window.

    Args:
        features: At least one frame feature of any norm, in time order.
        slots: Rising positions of the frames in the window; by default one after the
            other.
        recency: Weight of a frame relative to that of the frame one position later,
            above 0, at most 1.

    Returns:
        A vector of unit norm, or zeros if the frames cancel out.

    Raises:
        ValueError: If there is no frame.
    """
    if len(features) == 0:
        msg = "a clip of no frames has no average"
        raise ValueError(msg)
    places = np.arange(len(features)) if slots is None else np.asarray(slots)
    weights = recency ** (places[-1] - places).astype(np.float64)
    mean = np.average(_unit(features.astype(np.float64)), axis=0, weights=weights)
    return _unit(mean).astype(np.float32)


def middle_frame(slots: Sequence[int], frames: int) -> int:
    """Return the index of the frame nearest to the middle of a window.

    Args:
        slots: Rising positions of the frames in the window, 0 to ``frames`` - 1.
        frames: Number of frames in a full window; its middle is ``frames // 2``.

    Returns:
        An index into ``slots``; the earlier of two equally near frames.

    Raises:
        ValueError: If there is no frame.
    """
    if not slots:
        msg = "a clip of no frames has no middle"
        raise ValueError(msg)
    middle = frames // 2
    return min(range(len(slots)), key=lambda index: abs(slots[index] - middle))


def _unit(vectors: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    """Scale rows to unit norm; rows without a direction become zeros."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(norms > _TINY, vectors / np.maximum(norms, _TINY), 0.0)
