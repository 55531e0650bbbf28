"""Which way is up for a wearable that is worn any way round, learnt on line.

    seconds   still  walking  walking  a fall  still  still
    weight    0      0.2      0.2      0       0      0
    up        [ first second ][   the mean of walking   ]

People move mostly upright. So the mean direction of the acceleration in seconds of
moderate movement is up. A second takes effect only after some time, because the seconds
of a fall must not move the axis by which they are judged.
"""

from collections import deque
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64, Int64

from pipelines.clock import NS_PER_S

_STANDARD_GRAVITY_MPS2 = 9.80665
_DELAY_S = 6
_LEAST_SAMPLES = 5
_REMEMBERED_S = 120
"""Time for which earlier directions are kept: longer than any window is late."""
_STILL_G, _MOST_WEIGHT, _IMPACT_G = 0.03, 0.3, 0.5
"""Deviation of |a| in a second below which the person is still; the greatest weight of
a second; and the deviation above which something hit the sensor."""
_LENGTHS_G = (0.7, 1.3)
_LEAST_LENGTH_G = 0.3
_LEAST_WEIGHT = 0.5  # two or three seconds of walking
_LEARNT_WEIGHT = 6.0  # half a minute of walking
_GREATEST_WEIGHT = 180.0  # ten minutes of walking, so that a new mounting is learnt
_UPRIGHT = np.array([0.0, 0.0, 1.0])

Vector = Float64[np.ndarray, " axis"]


@final
@dataclass(frozen=True, slots=True)
class LearntUp:
    """What was learnt, to be kept over restarts.

    Attributes:
        x: Sum of weighted directions along the sensor's x axis.
        y: The same along y.
        z: The same along z.
        weight: Sum of the weights, 0 or above.

    Raises:
        ValueError: If a value is not a finite number, or the weight is negative.
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    weight: float = 0.0

    def __post_init__(self) -> None:
        values = (self.x, self.y, self.z, self.weight)
        numbers = all(isinstance(value, int | float) for value in values)
        if not numbers or not np.isfinite(values).all() or self.weight < 0:
            msg = f"not an upward direction and its weight: {values}"
            raise ValueError(msg)


@final
class UprightEstimator:
    """Learns the upward direction in a sensor's own axes.

    Args:
        learnt: What was learnt before.
    """

    def __init__(self, learnt: LearntUp | None = None) -> None:
        known = learnt or LearntUp()
        self._sum: Vector = np.array([known.x, known.y, known.z])
        self._weight = known.weight
        self._first: Vector | None = None
        self._second: int | None = None
        self._held: list[Float64[np.ndarray, "sample 3"]] = []
        self._waiting: list[tuple[int, Vector, float]] = []
        self._earlier: deque[tuple[int, Vector]] = deque(maxlen=_REMEMBERED_S)

    @property
    def learnt(self) -> LearntUp:
        """What was learnt so far."""
        x, y, z = self._sum.tolist()
        return LearntUp(x, y, z, self._weight)

    @property
    def is_learnt(self) -> bool:
        """Whether about half a minute of moving was seen."""
        return self._weight >= _LEARNT_WEIGHT

    @property
    def up(self) -> Vector:
        """Unit vector that points up while the person is upright.

        Before anything was learnt, the direction of the first second.
        """
        length = float(np.linalg.norm(self._sum))
        if self._weight >= _LEAST_WEIGHT and length > 0:
            return self._sum / length
        if self._first is not None:
            return self._first
        felt = _direction(np.concatenate(self._held)) if self._held else None
        return _UPRIGHT if felt is None else felt

    def up_at(self, time_ns: int) -> Vector:
        """Return ``up`` as it was at a time; of one long ago, the oldest remembered.

        A window is judged by what was learnt up to its end, however late it is.
        """
        second = time_ns // NS_PER_S
        if self._second is None or second >= self._second or not self._earlier:
            return self.up
        known = [up for number, up in self._earlier if number <= second]
        return known[-1] if known else self._earlier[0][1]

    def add(
        self,
        times_ns: Int64[np.ndarray, " sample"],
        accel_mps2: Float32[np.ndarray, "sample 3"] | Float64[np.ndarray, "sample 3"],
    ) -> None:
        """Add samples with gravity, in time order and after all samples before."""
        accel_g = accel_mps2.astype(np.float64) / _STANDARD_GRAVITY_MPS2
        seconds = times_ns // NS_PER_S
        for second in np.unique(seconds).tolist():
            if self._second is not None and second != self._second:
                self._finish()
            self._second = second
            self._held.append(accel_g[seconds == second])

    def _finish(self) -> None:
        """End the current second, and let old ones take effect."""
        self._earlier.append((self._second or 0, self.up))
        held, second = np.concatenate(self._held), self._second or 0
        self._held.clear()
        direction = _direction(held)
        if self._first is None:
            self._first = direction
        if direction is not None and len(held) >= _LEAST_SAMPLES:
            self._waiting.append((second, direction, _weight_of(held)))
        while self._waiting and self._waiting[0][0] <= second - _DELAY_S:
            _, direction, weight = self._waiting.pop(0)
            self._sum += weight * direction
            self._weight += weight
        if self._weight > _GREATEST_WEIGHT:
            self._sum *= _GREATEST_WEIGHT / self._weight
            self._weight = _GREATEST_WEIGHT


def up_track(
    times_s: Float64[np.ndarray, " sample"], accel_mps2: Float64[np.ndarray, "sample 3"]
) -> Float64[np.ndarray, "second 3"]:
    """Return the upward direction in force at the end of each second of a recording."""
    times_ns = (times_s * NS_PER_S).astype(np.int64)
    seconds = times_ns // NS_PER_S
    estimator = UprightEstimator()
    track = []
    for second in range(int(seconds[0]), int(seconds[-1]) + 1):
        chosen = seconds == second
        estimator.add(times_ns[chosen], accel_mps2[chosen])
        track.append(estimator.up)
    return np.array(track)


def turn_upright(
    samples: Float32[np.ndarray, "sample 6"], up: Vector
) -> Float32[np.ndarray, "sample 6"]:
    """Turn acceleration and turn rate by the smallest rotation that brings up to +z."""
    turn = _rotation(up)
    turned = np.hstack((samples[:, :3] @ turn.T, samples[:, 3:] @ turn.T))
    return turned.astype(np.float32)


def _rotation(up: Vector) -> Float64[np.ndarray, "3 3"]:
    """Return the smallest rotation that turns a unit vector to +z."""
    x, y, z = up.tolist()
    if z <= -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    # Rodrigues' formula about the axis that is normal to both
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    turn: Float64[np.ndarray, "3 3"] = np.eye(3) + cross + cross @ cross / (1 + z)
    return turn


def _direction(accel_g: Float64[np.ndarray, "sample 3"]) -> Vector | None:
    """Return the direction of the mean acceleration; None in weightlessness."""
    mean = accel_g.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return mean / length if length > _LEAST_LENGTH_G else None


def _weight_of(accel_g: Float64[np.ndarray, "sample 3"]) -> float:
    """Return how much a second says about up: nothing if still, or in an impact."""
    moved = float(np.linalg.norm(accel_g, axis=1).std())
    length = float(np.linalg.norm(accel_g.mean(axis=0)))
    if moved > _IMPACT_G or not _LENGTHS_G[0] <= length <= _LENGTHS_G[1]:
        return 0.0
    return min(max(moved - _STILL_G, 0.0), _MOST_WEIGHT)
