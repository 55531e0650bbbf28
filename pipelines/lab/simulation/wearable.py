"""Simulate a wearable: accelerometer and gyro for the motion seen in the pictures.

The motion of the sensor's site is differentiated, because MuJoCo's own accelerometer
reads solver accelerations, which kinematic motion does not have. The motion is
smoothed, as strap and flesh would do; otherwise the first step of a walk would look
like the impact of a fall.
"""

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.breath import breath_tilt
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Track
from pipelines.lab.simulation.world import World

POSITIONS = {"waist": "waist", "wrist": "wrist_left"}
"""Positions of wearables, and the body's site for each."""

_STRAP_SAMPLES = 2.0  # standard deviation of the smoothing: 40 ms
_GRAVITY_MPS2 = 9.81
_ACCEL_RANGE_MPS2 = 8 * _GRAVITY_MPS2
_GYRO_RANGE_RADPS = np.radians(2000)
_ACCEL_NOISE_MPS2, _ACCEL_BIAS_MPS2 = 0.06, 0.1
_GYRO_NOISE_RADPS, _GYRO_BIAS_RADPS = 0.006, 0.02


def simulate_sensor(
    world: World, track: Track, site: str, rng: np.random.Generator
) -> Float32[np.ndarray, "sample 6"]:
    """Simulate the measurements at a site of the body, 50 samples per second.

    ``site`` is a value of ``POSITIONS``. Only the world's scratch state changes.

    Returns:
        Acceleration with gravity (m/s², range ±8 g) and turn rate (rad/s, range ±2000
        °/s) in the sensor's own axes. While the person is absent the wearable lies
        still.
    """
    places, axes = _follow(world, track, site)
    absent = np.array([label == "empty room" for label in track.labels])
    accel = _second_difference(_softened(places, absent))
    accel[_widened(absent, 2)] = 0
    accel[:, 2] += _GRAVITY_MPS2
    felt = np.einsum("sij,si->sj", axes, accel)  # into the sensor's axes: R^T a
    felt += _breath(axes, absent, site, rng)
    gyro = _turning(axes)
    gyro[_widened(absent, 2)] = 0
    felt += rng.normal(0, _ACCEL_BIAS_MPS2, 3) + rng.normal(
        0, _ACCEL_NOISE_MPS2, felt.shape
    )
    gyro += rng.normal(0, _GYRO_BIAS_RADPS, 3) + rng.normal(
        0, _GYRO_NOISE_RADPS, gyro.shape
    )
    both = np.hstack(
        (
            np.clip(felt, -_ACCEL_RANGE_MPS2, _ACCEL_RANGE_MPS2),
            np.clip(gyro, -_GYRO_RANGE_RADPS, _GYRO_RANGE_RADPS),
        )
    )
    return both.astype(np.float32)


def _follow(
    world: World, track: Track, site: str
) -> tuple[Float64[np.ndarray, "sample 3"], Float64[np.ndarray, "sample 3 3"]]:
    places, axes = [], []
    for qpos in track.qpos:
        world.pose(qpos)
        places.append(world.data.site(site).xpos.copy())
        axes.append(world.data.site(site).xmat.reshape(3, 3).copy())
    return np.array(places), np.array(axes)


def _breath(
    axes: Float64[np.ndarray, "sample 3 3"],
    absent: Bool[np.ndarray, " sample"],
    site: str,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "sample 3"]:
    """Return what the tilt by a breath adds to the felt gravity, in m/s²."""
    place = next(name for name, each in POSITIONS.items() if each == site)
    tilt = breath_tilt(len(axes), SAMPLE_RATE_HZ, place, rng)
    tilt[absent] = 0
    up = axes[:, 2]  # the world's z in the sensor's axes
    across = np.cross(up, rng.normal(size=3))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return _GRAVITY_MPS2 * tilt[:, None] * across


def _softened(
    places: Float64[np.ndarray, "sample 3"], absent: Bool[np.ndarray, " sample"]
) -> Float64[np.ndarray, "sample 3"]:
    """Smooth a path, separately before and after each jump into or out of the room."""
    jumps = np.flatnonzero(absent[1:] != absent[:-1]) + 1
    return np.vstack(
        [
            gaussian_filter1d(part, _STRAP_SAMPLES, axis=0, mode="nearest")
            for part in np.split(places, jumps)
        ]
    )


def _second_difference(
    places: Float64[np.ndarray, "sample 3"],
) -> Float64[np.ndarray, "sample 3"]:
    accel = np.zeros_like(places)
    accel[1:-1] = (places[2:] - 2 * places[1:-1] + places[:-2]) * SAMPLE_RATE_HZ**2
    return accel


def _turning(
    axes: Float64[np.ndarray, "sample 3 3"],
) -> Float64[np.ndarray, "sample 3"]:
    steps = Rotation.from_matrix(np.swapaxes(axes[:-1], 1, 2) @ axes[1:])
    turning = steps.as_rotvec() * SAMPLE_RATE_HZ
    return np.vstack((turning, turning[-1:]))


def _widened(flags: np.ndarray, samples: int) -> np.ndarray:
    """Also flag the neighbours, whose differences reach across the jump."""
    window = np.ones(2 * samples + 1)
    return np.convolve(flags, window, mode="same") > 0
