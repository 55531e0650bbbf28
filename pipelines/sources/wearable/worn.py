"""Whether a wearable is worn, from the movements that no living body can stop.

    seconds     moving  put down  still  still … still         moving …
    state       worn                          not worn since ┘  worn

A body breathes, and its breath tilts whatever is fastened to it by a fraction of a
degree. So the means of successive seconds go up and down at the rate of the breath. If
for four minutes they have nowhere near such a rate more power than the sensor's own
noise, which is known from the differences within a second, the device lies somewhere.

A sensor with much noise or coarse steps cannot show a breath. There only a stillness
decides that sleepers hardly reach: three hours, twice what Choi et al. ask of activity
counters (Medicine & Science in Sports & Exercise 43, 2011).
"""

from collections import deque
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64, Int64
from scipy.ndimage import uniform_filter1d
from scipy.signal import detrend

from pipelines.clock import NS_PER_S
from pipelines.records import WornState

_STANDARD_GRAVITY_MPS2 = 9.80665
_BREATHS_S = 240
"""Stillness after which a sensor that shows a breath is not worn."""
_LONGEST_STILL_S = 180 * 60
"""Stillness without a breath after which any sensor is not worn."""
_STILL_G = 0.05
"""Greatest deviation within a still second, and between two of one stillness."""
_BREATH_MEAN_G = 0.0004
"""Greatest noise of a second's mean with which the faintest breath is still seen."""
_MOST_RATIO = 5.0
"""Greatest power near a rate of breathing, relative to that of noise."""
_BREATHS_HZ = (0.1, 0.45)
_AROUND = 5
"""Number of frequencies over which the power is averaged: breaths are not regular."""
_ASKED_EVERY_S = 10
_AGREEING = 4
"""Number of answers in a row without a breath that decide."""
_LEAST_SAMPLES = 5
_LONGEST_GAP_S = 2
_MOVED_S, _OF_S = 5, 15
"""Seconds of movement, of the latest ones, after which the device is worn."""

Vector = Float64[np.ndarray, " axis"]


@dataclass(frozen=True, slots=True, eq=False)
class _Second:
    """One second of samples: mean and noise of each axis, in g."""

    number: int
    count: int
    mean: Vector
    deviation: Vector
    noise: Vector
    step: float


@final
class WornDetector:
    """Decides from the samples of one device whether it is worn.

    Attributes:
        state: Whether it is worn; None until that is known.
        since_ns: Time since which the state holds.
    """

    def __init__(self) -> None:
        self.state: WornState | None = None
        self.since_ns = 0
        self._number: int | None = None
        self._held: list[Float64[np.ndarray, "sample 3"]] = []
        self._still: deque[_Second] = deque(maxlen=_BREATHS_S)
        self._still_since: _Second | None = None
        self._moved: deque[int] = deque(maxlen=_MOVED_S)
        self._breathless = 0

    def add(
        self,
        times_ns: Int64[np.ndarray, " sample"],
        accel_mps2: Float32[np.ndarray, "sample 3"] | Float64[np.ndarray, "sample 3"],
    ) -> None:
        """Add samples with gravity, in time order and after all samples before."""
        accel_g = accel_mps2.astype(np.float64) / _STANDARD_GRAVITY_MPS2
        numbers = times_ns // NS_PER_S
        for number in np.unique(numbers).tolist():
            if self._number is not None and number != self._number:
                self._finish(self._number)
            self._number = number
            self._held.append(accel_g[numbers == number])

    def _finish(self, number: int) -> None:
        """End a second, and decide."""
        samples = np.concatenate(self._held)
        self._held.clear()
        if len(samples) < _LEAST_SAMPLES:
            return
        second = _summary(number, samples)
        if self._still and number - self._still[-1].number > _LONGEST_GAP_S:
            self._begin_stillness(None)
        if self._is_still(second):
            if self._still_since is None:
                self._still_since = second
            self._still.append(second)
        else:
            self._begin_stillness(second if _is_quiet(second) else None)
            self._moved.append(number)
        self._decide(number)

    def _begin_stillness(self, second: _Second | None) -> None:
        self._still.clear()
        self._breathless = 0
        self._still_since = second
        if second is not None:
            self._still.append(second)

    def _is_still(self, second: _Second) -> bool:
        """Return whether a second belongs to the present stillness, or begins one."""
        if not _is_quiet(second):
            return False
        first = self._still_since
        return first is None or bool(
            (np.abs(second.mean - first.mean) <= _STILL_G).all()
        )

    def _decide(self, number: int) -> None:
        moved = len(self._moved) == _MOVED_S and number - self._moved[0] < _OF_S
        if moved:
            self._turn("worn", self._moved[0])
            return
        first = self._still_since
        if first is None:
            return
        still_s = number - first.number
        if still_s >= _LONGEST_STILL_S:
            self._turn("not worn", first.number)
        elif len(self._still) == _BREATHS_S and number % _ASKED_EVERY_S == 0:
            breathes = _breathes(list(self._still))
            self._breathless = self._breathless + 1 if breathes is False else 0
            if self._breathless >= _AGREEING:
                self._turn("not worn", first.number)
            elif breathes:
                self._still_since = self._still[-1]
                self._turn("worn", number)

    def _turn(self, state: WornState, since_s: int) -> None:
        if self.state != state:
            self.state, self.since_ns = state, since_s * NS_PER_S


def _summary(number: int, samples: Float64[np.ndarray, "sample 3"]) -> _Second:
    """Return what is kept of a second."""
    changes = np.diff(samples, axis=0)
    steps = np.abs(changes[changes != 0])
    return _Second(
        number,
        len(samples),
        samples.mean(axis=0),
        samples.std(axis=0),
        np.sqrt((changes**2).mean(axis=0) / 2),
        float(steps.min()) if len(steps) else np.inf,
    )


def _is_quiet(second: _Second) -> bool:
    return bool((second.deviation <= _STILL_G).all())


def _breathes(seconds: list[_Second]) -> bool | None:
    """Return whether a breath is seen; None if the sensor could not show one."""
    noise = np.sqrt(np.mean([each.noise**2 for each in seconds], axis=0))
    count = float(np.mean([each.count for each in seconds]))
    of_mean = noise / np.sqrt(count)
    # rounding is no longer smoothed by noise that is smaller than half a step
    step = min(each.step for each in seconds)
    of_mean = np.maximum(of_mean, np.where(noise < step / 2, step / np.sqrt(12), 0.0))
    if (of_mean > _BREATH_MEAN_G).any():
        return None
    numbers = np.array([each.number for each in seconds])
    means = np.array([each.mean for each in seconds])
    return bool((_breath_powers(numbers, means) > _MOST_RATIO * of_mean**2).any())


def _breath_powers(
    numbers: Int64[np.ndarray, " second"], means: Float64[np.ndarray, "second 3"]
) -> Float64[np.ndarray, "frequency 3"]:
    """Return the power of each axis around each rate at which people breathe.

    White noise has everywhere the power of its variance.
    """
    steady = np.arange(numbers[0], numbers[-1] + 1)
    filled = np.stack([np.interp(steady, numbers, axis) for axis in means.T], axis=1)
    window = np.hanning(len(steady))[:, None]
    spectrum = np.fft.rfft(detrend(filled, axis=0) * window, axis=0)
    powers = np.abs(spectrum) ** 2 / (window**2).sum()
    around = uniform_filter1d(powers, _AROUND, axis=0)
    rates_hz = np.fft.rfftfreq(len(steady))
    low_hz, high_hz = _BREATHS_HZ
    near: Float64[np.ndarray, "frequency 3"] = around[
        (rates_hz > low_hz) & (rates_hz < high_hz)
    ]
    return near
