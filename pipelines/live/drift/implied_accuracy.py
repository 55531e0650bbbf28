"""Accuracy implied by calibrated confidence, without labels.

If confidence is calibrated, answers with confidence 0.8 are right eight times in ten,
and the mean confidence of a day is that day's accuracy. This holds while the data are
like those of the calibration. Under concept drift (the same pictures get another
meaning) confidence stays while accuracy falls, and this estimate cannot detect it.
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

    Successive blocks are correlated: the interval is widened by their autocorrelation,
    as for the mean of an autoregressive series of first order.
    """

    def __init__(self, blocks: int) -> None:
        self._confidences: deque[float] = deque(maxlen=blocks)

    def add(self, confidence: float) -> None:
        """Add the mean calibrated confidence of a block."""
        self._confidences.append(confidence)

    @property
    def confidences(self) -> list[float]:
        """Mean confidences of the blocks in the running mean, the oldest first."""
        return list(self._confidences)

    def estimate(self) -> tuple[float, float, float] | None:
        """Return the estimate and its bounds; None with fewer than three blocks."""
        count = len(self._confidences)
        if count < _LEAST_BLOCKS:
            return None
        values = np.array(self._confidences)
        mean = float(values.mean())
        away = values - mean
        variance = float((away**2).sum() / (count - 1))
        lag1 = 0.0
        if variance > 0:
            lag1 = float((away[1:] * away[:-1]).sum() / (variance * (count - 1)))
        lag1 = min(max(lag1, 0.0), 0.95)
        half = _Z95 * np.sqrt(variance / count * (1 + lag1) / (1 - lag1))
        return mean, max(0.0, mean - half), min(1.0, mean + half)
