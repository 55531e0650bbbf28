"""How often it is right without anybody telling it: what its confidence implies.

If confidence is calibrated, a clip answered with 0.8 is right eight times in ten, and
the mean confidence of a day is that day's accuracy. True as long as the world keeps to
what calibration saw: where the same pictures come to mean something else (concept
drift), confidence stays and accuracy falls, and no estimate of this kind can tell.
Source: confidence-based performance estimation, Jakub Białek et al. 2024,
arXiv:2407.08649.
"""

from collections import deque
from typing import final

import numpy as np

_Z95 = 1.96
_LEAST_BLOCKS = 3


@final
class ImpliedAccuracy:
    """A running mean over the latest blocks, with its 95 % interval.

    Blocks that follow each other are alike: the interval is widened by how alike, as
    for a mean of an autoregressive series of first order.

    Args:
        blocks: How many it reaches back.
    """

    def __init__(self, blocks: int) -> None:
        self._confidences: deque[float] = deque(maxlen=blocks)

    def add(self, confidence: float) -> None:
        """Take the mean calibrated confidence of a block."""
        self._confidences.append(confidence)

    @property
    def confidences(self) -> list[float]:
        """What it was told of the blocks that it reaches back to."""
        return list(self._confidences)

    def estimate(self) -> tuple[float, float, float] | None:
        """Return the estimate, its lower and its upper bound; None if too early."""
        count = len(self._confidences)
        if count < _LEAST_BLOCKS:
            return None
        values = np.array(self._confidences)
        mean = float(values.mean())
        away = values - mean
        variance = float((away**2).sum() / (count - 1))
        alike = 0.0
        if variance > 0:
            alike = float((away[1:] * away[:-1]).sum() / (variance * (count - 1)))
        alike = min(max(alike, 0.0), 0.95)
        half = _Z95 * np.sqrt(variance / count * (1 + alike) / (1 - alike))
        return mean, max(0.0, mean - half), min(1.0, mean + half)
