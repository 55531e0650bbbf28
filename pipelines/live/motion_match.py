"""Whether a wearable moves with the person in view, or is worn by somebody else.

    pose      ..##..####....##      how fast the body moves, as the camera sees it
    samples   ..##..####....##      the same times: theirs
    samples   ##....##..##....      other times: not theirs

Both are compared over the last 18 seconds by the correlation of their logarithms, for
clocks that differ by up to 1.5 s. Somebody who keeps still, or is not seen, says
nothing. On simulated people it is 0.8 to 0.9 for one's own wearable, and about 0 for
that of another.
"""

from collections import deque
from typing import final

import numpy as np
from jaxtyping import Float32, Float64

from pipelines.clock import NS_PER_S, ns_to_seconds, seconds_to_ns
from pipelines.records import PersonPose
from pipelines.sources.wearable.buffer import ImuBuffer

_OF_S, _LAG_S, _LAG_STEP_S = 18.0, 1.5, 0.375
_LEAST_POSES = 30
_LONGEST_STEP_S = 1.0
_VISIBLE, _LEAST_LANDMARKS = 0.5, 4
_SLOWEST, _SLIGHTEST_MPS2 = 0.03, 0.15
"""Sizes of the body a second, and deviation of samples, below which nothing moves."""
_LEAST_SPREAD = 0.3
"""Deviation of the logarithms with which they say something."""
_OTHERS, _OWN = 0.45, 0.6

Moments = Float64[np.ndarray, " moment"]
Felt = Float64[np.ndarray, " sample"]


@final
class MotionMatch:
    """Compares one subject's wearable with the leading person in view.

    Attributes:
        is_of_another: Whether the wearable is somebody else's; false while unknown.
    """

    def __init__(self) -> None:
        self.is_of_another = False
        self._person = 0
        self._landmarks: Float32[np.ndarray, "33 3"] | None = None
        self._at_ns = 0
        self._speeds: deque[tuple[int, float]] = deque()

    def add(self, pose: PersonPose | None, at_ns: int, imu: ImuBuffer) -> None:
        """Add what the camera shows, and compare it with the samples.

        Args:
            pose: The leading person; None if nobody is in view.
            at_ns: Time of the picture.
            imu: Samples of the wearable.
        """
        if pose is None or pose.number != self._person:
            self._speeds.clear()
            self._landmarks = None
            if pose is not None:
                self.is_of_another, self._person = False, pose.number
        if pose is None:
            return
        before, step_s = self._landmarks, ns_to_seconds(at_ns - self._at_ns)
        self._landmarks, self._at_ns = pose.landmarks, at_ns
        if before is None or not 0 < step_s <= _LONGEST_STEP_S:
            return
        speed = _speed(before, pose.landmarks, step_s)
        if speed is not None:
            self._speeds.append((at_ns, speed))
        while self._speeds and at_ns - self._speeds[0][0] > seconds_to_ns(2 * _OF_S):
            self._speeds.popleft()
        self._compare(imu)

    def _compare(self, imu: ImuBuffer) -> None:
        newest_ns = imu.newest_ns
        if newest_ns is None:
            return
        until_ns = newest_ns - seconds_to_ns(_LAG_S)
        from_ns = until_ns - seconds_to_ns(_OF_S)
        chosen = [it for it in self._speeds if from_ns < it[0] <= until_ns]
        if len(chosen) < _LEAST_POSES:
            return
        start_ns = from_ns - seconds_to_ns(_LAG_S + _LAG_STEP_S)
        found = imu.slice(start_ns, newest_ns)
        if found is None:
            return
        samples, rate_hz = found
        times_s = np.array([at_ns - start_ns for at_ns, _ in chosen]) / NS_PER_S
        speeds = np.log([max(speed, _SLOWEST) for _, speed in chosen])
        felt = np.log(np.maximum(_felt(samples, rate_hz), _SLIGHTEST_MPS2))
        best = _best_correlation(speeds, times_s, felt, rate_hz)
        if best is not None and (best < _OTHERS or best > _OWN):
            self.is_of_another = best < _OTHERS


def _speed(
    before: Float32[np.ndarray, "33 3"],
    after: Float32[np.ndarray, "33 3"],
    step_s: float,
) -> float | None:
    """Return the median speed of the landmarks seen in both, in body sizes a second."""
    seen = (before[:, 2] > _VISIBLE) & (after[:, 2] > _VISIBLE)
    if seen.sum() < _LEAST_LANDMARKS:
        return None
    size = np.ptp(after[seen, :2], axis=0).max()
    ways = np.linalg.norm(after[seen, :2] - before[seen, :2], axis=1)
    return float(np.median(ways) / max(size, 1e-6) / step_s)


def _felt(samples: Float32[np.ndarray, "sample 6"], rate_hz: float) -> Felt:
    """Return the deviation of acceleration in the time before each sample, in m/s²."""
    count = max(2, round(_LAG_STEP_S * rate_hz))
    accel = samples[:, :3].astype(np.float64)
    accel -= accel.mean(axis=0)
    sums = np.cumsum(np.vstack((np.zeros(3), accel)), axis=0)
    squares = np.cumsum(np.vstack((np.zeros(3), accel**2)), axis=0)
    means = (sums[count:] - sums[:-count]) / count
    variances = (squares[count:] - squares[:-count]) / count - means**2
    felt = np.sqrt(np.maximum(variances, 0)).max(axis=1)
    return np.concatenate((np.full(count - 1, felt[0]), felt))


def _best_correlation(
    speeds: Moments, times_s: Moments, felt: Felt, rate_hz: float
) -> float | None:
    """Return the greatest correlation over the lags; None if too little moves."""
    seen, found = _smooth(speeds), []
    for lag_s in np.arange(-_LAG_S, _LAG_S + 1e-9, _LAG_STEP_S):
        places = np.rint((times_s + lag_s) * rate_hz).astype(int)
        also = _smooth(felt[np.clip(places, 0, len(felt) - 1)])
        if min(seen.std(), also.std()) >= _LEAST_SPREAD:
            found.append(float(np.corrcoef(seen, also)[0, 1]))
    return max(found, default=None)


def _smooth(values: Moments) -> Felt:
    return np.convolve(values, np.full(3, 1 / 3), "valid")
