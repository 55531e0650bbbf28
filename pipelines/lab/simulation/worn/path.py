"""Path of one place of the body: attitude and acceleration at 200 samples a second.

    turn_to, stay            append time, in which the attitude changes or stays
    shake, pulse, beat       add accelerations to a span of that time
    wobble                   adds small turns to it

The frame of the place has z up while the person stands upright.
"""

from typing import final

import numpy as np
from jaxtyping import Float64
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

RATE_HZ = 200.0
STANDARD_GRAVITY_MPS2 = 9.80665

Span = slice
"""A span of a path, in samples."""

Vector = Float64[np.ndarray, " axis"]
UPRIGHT: Vector = np.array([0.0, 0.0, 1.0])


def tilted(angle_deg: float, direction_rad: float) -> Rotation:
    """Return the attitude of a place that leans by an angle in a direction."""
    axis = np.array([-np.sin(direction_rad), np.cos(direction_rad), 0.0])
    return Rotation.from_rotvec(np.radians(angle_deg) * axis)


@final
class MotionPath:
    """A path in the making, of a fixed length; what is appended beyond it is lost.

    Args:
        seconds: Length of the path.
        rng: Source of all randomness.
        start: Attitude at the beginning.
    """

    def __init__(
        self, seconds: float, rng: np.random.Generator, start: Rotation
    ) -> None:
        self.rng = rng
        self.attitude = start
        self._count = round(seconds * RATE_HZ)
        self._turns = np.zeros((self._count, 4))
        self._accel_g = np.zeros((self._count, 3))
        self._wobble = np.zeros((self._count, 3))
        self._labels = np.full(self._count, "", dtype=object)
        self._now = 0

    @property
    def is_full(self) -> bool:
        """Whether the path has its whole length."""
        return self._now >= self._count

    @property
    def now_s(self) -> float:
        """Time that was appended so far."""
        return self._now / RATE_HZ

    def stay(self, label: str, seconds: float) -> Span:
        """Append time in the current attitude; return its span."""
        return self.turn_to(label, self.attitude, seconds)

    def turn_to(
        self, label: str, target: Rotation, seconds: float, power: float | None = None
    ) -> Span:
        """Append a turn to an attitude; return its span.

        Without a ``power`` the turn begins and ends at rest. With one, its share grows
        with time to that power, as in a fall.
        """
        count = max(1, min(round(seconds * RATE_HZ), self._count - self._now))
        if self.is_full:
            return slice(self._count, self._count)
        u = np.arange(1, count + 1) / max(1, round(seconds * RATE_HZ))
        share = u**power if power else u**3 * (10 - 15 * u + 6 * u**2)
        way = (target * self.attitude.inv()).as_rotvec()
        turns = Rotation.from_rotvec(share[:, None] * way) * self.attitude
        span = slice(self._now, self._now + count)
        self._turns[span] = turns.as_quat()
        self._labels[span] = label
        self._now += count
        self.attitude = target
        return span

    def shake(self, span: Span, deviation_g: float, fastest_hz: float) -> None:
        """Add random acceleration below a frequency to a span."""
        self._accel_g[span] += deviation_g * self._noise(span, fastest_hz)

    def wobble(self, span: Span, deviation_deg: float, fastest_hz: float) -> None:
        """Add random turns below a frequency to a span."""
        turns = self._noise(span, fastest_hz)
        count = len(turns)
        edge = np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.2 * RATE_HZ)
        self._wobble[span] += (
            np.radians(deviation_deg) * turns * np.minimum(1, edge)[:, None]
        )

    def pulse(self, at: int, peak_g: float, width_s: float, towards: Vector) -> None:
        """Add a half sine around a sample, such as an impact."""
        half = max(1, round(width_s * RATE_HZ / 2))
        first, last = max(0, at - half), min(self._count, at + half + 1)
        if first >= last:
            return
        shape = np.cos(np.pi * (np.arange(first, last) - at) / (2 * half + 2))
        unit = towards / np.linalg.norm(towards)
        self._accel_g[first:last] += peak_g * shape[:, None] * unit

    def sink(self, span: Span, depth_g: float) -> None:
        """Take weight off over a span, ever more towards its end: a free fall is 1."""
        count = span.stop - span.start
        self._accel_g[span, 2] -= depth_g * np.linspace(0, 1, count) ** 1.5

    def sway(self, span: Span, peak_g: float, rate_hz: float, towards: Vector) -> None:
        """Add a steady oscillation to a span."""
        times_s = np.arange(span.stop - span.start) / RATE_HZ
        phase = self.rng.uniform(0, 2 * np.pi)
        wave = peak_g * np.sin(2 * np.pi * rate_hz * times_s + phase)
        self._accel_g[span] += wave[:, None] * (towards / np.linalg.norm(towards))

    def beat(self, span: Span, peak_g: float, rate_hz: float, width_s: float) -> None:
        """Add regular pulses to a span, such as steps; no two are alike."""
        at = float(span.start) + self.rng.uniform(0, 1) * RATE_HZ / rate_hz
        while at < span.stop:
            towards = UPRIGHT + self.rng.normal(0, 0.35, 3)
            peak = peak_g * self.rng.lognormal(0, 0.2)
            self.pulse(round(at), peak, width_s * self.rng.uniform(0.8, 1.3), towards)
            self._rebound(round(at), peak, width_s)
            at += RATE_HZ / rate_hz * self.rng.normal(1, 0.06)

    def _rebound(self, at: int, peak_g: float, width_s: float) -> None:
        """Take back what a step's pulse gave, so that nobody rises for ever."""
        later = at + round(1.6 * width_s * RATE_HZ)
        self.pulse(later, -0.45 * peak_g, 2.2 * width_s, UPRIGHT)

    def _noise(self, span: Span, fastest_hz: float) -> Float64[np.ndarray, "sample 3"]:
        """Return noise of deviation 1 below a frequency."""
        count = max(0, span.stop - span.start)
        if not count:
            return np.zeros((0, 3))
        smooth = RATE_HZ / (2 * np.pi * fastest_hz)
        reach = int(4 * smooth) + 1
        raw = self.rng.normal(size=(count + 2 * reach, 3))
        slow = gaussian_filter1d(raw, smooth, axis=0)[reach : reach + count]
        scaled: Float64[np.ndarray, "sample 3"] = slow * np.sqrt(2 * smooth) * 1.33
        return scaled

    def samples(self) -> Float64[np.ndarray, "sample 6"]:
        """Return acceleration (m/s², with gravity) and turn rate (rad/s) so far.

        Both are in the place's own axes, as an ideal sensor measures them.
        """
        end = self._now
        attitudes = Rotation.from_rotvec(self._wobble[:end]) * Rotation.from_quat(
            self._turns[:end]
        )
        accel = attitudes.inv().apply(self._accel_g[:end] + UPRIGHT)
        steps = (attitudes[:-1].inv() * attitudes[1:]).as_rotvec() * RATE_HZ
        gyro = np.vstack((steps, steps[-1:]))
        return np.hstack((accel * STANDARD_GRAVITY_MPS2, gyro))

    def labels(self) -> tuple[str, ...]:
        """Return the label of each sample."""
        return tuple(self._labels[: self._now])
