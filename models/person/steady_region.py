"""A region that follows one body: steady while the body rests, quick when it moves.

The landmark network's own guess of the next region trembles even on a still picture,
and the landmarks with it.

Source: the 1 € filter, Casiez et al. 2012, doi:10.1145/2207676.2208639, with the
settings that MediaPipe 0.10.21 has for BlazePose's regions.
"""

from typing import final

import numpy as np
from jaxtyping import Float64

from models.person.region import Region

_NS_PER_S = 1_000_000_000
_LEAST_CUTOFF_HZ = 0.01
_CUTOFF_PER_SPEED = 10.0  # Hz for each region side a second
_SPEED_CUTOFF_HZ = 1.0


@final
class SteadyRegion:
    """Smooths the regions of one body.

    Args:
        region: The first region.
        time_ns: Its time.
    """

    def __init__(self, region: Region, time_ns: int) -> None:
        self._begin(region, time_ns)

    def _begin(self, region: Region, time_ns: int) -> None:
        self._time_ns = time_ns
        self._points = self._smooth = region.body()
        self._speed = np.zeros_like(self._points)

    def update(self, region: Region, time_ns: int) -> Region:
        """Return the smoothed region of a later time.

        Args:
            region: The region as the network guesses it.
            time_ns: Time of its picture. If time goes back, smoothing starts again.
        """
        elapsed_s = (time_ns - self._time_ns) / _NS_PER_S
        if elapsed_s <= 0:
            self._begin(region, time_ns)
            return region
        points = region.body()
        speed = (points - self._points) / (region.side_px * elapsed_s)
        self._speed += _weight(_SPEED_CUTOFF_HZ, elapsed_s) * (speed - self._speed)
        cutoff_hz = _LEAST_CUTOFF_HZ + _CUTOFF_PER_SPEED * np.abs(self._speed)
        change = _weight(cutoff_hz, elapsed_s) * (points - self._smooth)
        self._smooth = self._smooth + change
        self._points, self._time_ns = points, time_ns
        return Region.of_body(self._smooth[0], self._smooth[1])


def _weight(
    cutoff_hz: Float64[np.ndarray, "2 2"] | float, elapsed_s: float
) -> Float64[np.ndarray, "2 2"] | float:
    """Return the weight of the newest value in a low-pass filter of first order."""
    turns = 2 * np.pi * cutoff_hz * elapsed_s
    return turns / (1 + turns)
