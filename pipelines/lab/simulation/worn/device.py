"""A wearable as people buy and wear it: strap, range, rate, noise and mounting."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.worn.path import STANDARD_GRAVITY_MPS2

_RATES_HZ = (20.0, 25.0, 31.25, 50.0, 50.0, 100.0)
_RANGES_G = (2.0, 4.0, 8.0, 16.0, 16.0)
_GYRO_RANGE_RADPS = np.radians(2000)


@final
@dataclass(frozen=True, slots=True)
class Device:
    """A wearable's properties.

    Attributes:
        rate_hz: Samples a second.
        range_g: Greatest acceleration that it can state.
        has_gyro: Whether it measures turn rates; they are zero otherwise.
        ring_hz: Natural frequency of strap and flesh; 0 if it is strapped tight.
        ring_damping: Damping ratio of strap and flesh.
        soft_s: Standard deviation of the smoothing by flesh, in seconds.
        noise_g: Standard deviation of the noise of an acceleration.
        step_g: Smallest difference between accelerations.
        bias_g: Constant error of each axis.
        slip_deg: Angle by which it slips in a second of strong motion.
    """

    rate_hz: float
    range_g: float
    has_gyro: bool
    ring_hz: float
    ring_damping: float
    soft_s: float
    noise_g: float
    step_g: float
    bias_g: tuple[float, float, float]
    slip_deg: float

    def measure(
        self,
        ideal: Float64[np.ndarray, "sample 6"],
        rate_hz: float,
        grid_hz: float,
        rng: np.random.Generator,
    ) -> Float32[np.ndarray, "step 6"]:
        """Return what the chain gets of ideal samples, on its own steady grid.

        Args:
            ideal: Acceleration in m/s² and turn rate in rad/s.
            rate_hz: Samples a second of ``ideal``.
            grid_hz: Samples a second of the result.
            rng: Source of all randomness.
        """
        own_s, both = self.sample(ideal, rate_hz, rng)
        grid_s = np.arange(0, (len(ideal) - 1) / rate_hz, 1 / grid_hz)
        return _at(own_s, both, grid_s).astype(np.float32)

    def sample(
        self,
        ideal: Float64[np.ndarray, "sample 6"],
        rate_hz: float,
        rng: np.random.Generator,
    ) -> tuple[Float64[np.ndarray, " own"], Float64[np.ndarray, "own 6"]]:
        """Return the times in seconds and the values of the device's own samples.

        The arguments are those of ``measure``.
        """
        accel_g = self._strapped(ideal[:, :3] / STANDARD_GRAVITY_MPS2, rate_hz)
        gyro = gaussian_filter1d(ideal[:, 3:], self.soft_s * rate_hz, axis=0)
        accel_g, gyro = self._slipped(accel_g, gyro, rate_hz, rng)
        times_s = np.arange(len(ideal)) / rate_hz
        own_s = np.arange(
            rng.uniform(0, 1 / self.rate_hz), times_s[-1], 1 / self.rate_hz
        )
        accel_g, gyro = _at(times_s, accel_g, own_s), _at(times_s, gyro, own_s)
        accel_g += np.array(self.bias_g) + rng.normal(0, self.noise_g, accel_g.shape)
        accel_g = np.round(accel_g / self.step_g) * self.step_g
        accel_g = np.clip(accel_g, -self.range_g, self.range_g)
        gyro = gyro + rng.normal(0, 0.02, 3) + rng.normal(0, 0.01, gyro.shape)
        gyro = np.clip(gyro, -_GYRO_RANGE_RADPS, _GYRO_RANGE_RADPS) * self.has_gyro
        return own_s, np.hstack((accel_g * STANDARD_GRAVITY_MPS2, gyro))

    def _strapped(
        self, accel_g: Float64[np.ndarray, "sample 3"], rate_hz: float
    ) -> Float64[np.ndarray, "sample 3"]:
        """Pass accelerations through flesh, and a strap that rings."""
        soft = gaussian_filter1d(accel_g, self.soft_s * rate_hz, axis=0)
        if not self.ring_hz:
            return soft
        pole = 2 * np.pi * self.ring_hz / rate_hz
        radius = np.exp(-self.ring_damping * pole)
        angle = pole * np.sqrt(1 - self.ring_damping**2)
        poles = [1.0, -2 * radius * np.cos(angle), radius**2]
        rest, moving = soft[:1], soft - soft[:1]
        ringing: Float64[np.ndarray, "sample 3"] = rest + lfilter(
            [sum(poles)], poles, moving, axis=0
        )
        return ringing

    def _slipped(
        self,
        accel_g: Float64[np.ndarray, "sample 3"],
        gyro: Float64[np.ndarray, "sample 3"],
        rate_hz: float,
        rng: np.random.Generator,
    ) -> tuple[Float64[np.ndarray, "sample 3"], Float64[np.ndarray, "sample 3"]]:
        """Turn the device a little on the body while the motion is strong."""
        if not self.slip_deg:
            return accel_g, gyro
        strong = np.abs(np.linalg.norm(accel_g, axis=1) - 1) > 0.8
        angle = np.cumsum(strong) / rate_hz * np.radians(self.slip_deg)
        axis = rng.normal(size=3)
        turn = Rotation.from_rotvec(angle[:, None] * axis / np.linalg.norm(axis))
        return turn.apply(accel_g), turn.apply(gyro)


def draw_device(rng: np.random.Generator) -> Device:
    """Draw a wearable as one finds them."""
    rings = rng.random() < 0.5
    return Device(
        rate_hz=float(rng.choice(_RATES_HZ)) * rng.uniform(0.97, 1.03),
        range_g=float(rng.choice(_RANGES_G)),
        has_gyro=bool(rng.random() < 0.65),
        ring_hz=rng.uniform(7, 20) if rings else 0.0,
        ring_damping=rng.uniform(0.15, 0.6),
        soft_s=rng.uniform(0.002, 0.012),
        noise_g=10 ** rng.uniform(-2.7, -1.7),
        step_g=float(rng.choice((0.001, 0.004, 0.016))),
        bias_g=tuple(rng.normal(0, 0.03, 3)),
        slip_deg=rng.uniform(5, 40) if rng.random() < 0.2 else 0.0,
    )


def _at(
    times_s: Float64[np.ndarray, " sample"],
    values: Float64[np.ndarray, "sample axis"],
    wanted_s: Float64[np.ndarray, " step"],
) -> Float64[np.ndarray, "step axis"]:
    """Return values at other times, by linear interpolation."""
    axes = [np.interp(wanted_s, times_s, axis) for axis in values.T]
    return np.stack(axes, axis=1)
