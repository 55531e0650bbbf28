"""Long rests of a worn sensor: nights of sleep, and devices that were put down."""

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.breath import breath_tilt
from pipelines.lab.simulation.worn.path import (
    STANDARD_GRAVITY_MPS2,
    UPRIGHT,
    MotionPath,
)
from pipelines.lab.simulation.worn.places import PLACES

NIGHT_RATE_HZ = 100.0
"""Samples a second of a night."""

_TURN_EVERY_S = 20 * 60.0
_TWITCH_EVERY_S = 8 * 60.0
_WALK_S = 20.0


def sleep(
    seconds: float, place: str, rng: np.random.Generator
) -> Float64[np.ndarray, "sample 6"]:
    """Return ideal samples of a sleeper: long stillness, some turns, some twitches.

    Acceleration in m/s² and turn rate in rad/s (zero), ``NIGHT_RATE_HZ`` a second.
    """
    count = round(seconds * NIGHT_RATE_HZ)
    accel_g = np.empty((count, 3))
    at = 0
    while at < count:
        still_s = rng.exponential(_TURN_EVERY_S) + 30
        end = min(count, at + int(still_s * NIGHT_RATE_HZ))
        accel_g[at:end] = _breathing(end - at, place, rng)
        turned = min(count, end + round(rng.uniform(2, 8) * NIGHT_RATE_HZ))
        down = PLACES[place].attitude("lying", rng).inv().apply(UPRIGHT)
        accel_g[end:turned] = down + rng.normal(0, 0.15, (turned - end, 3))
        at = turned
    twitches = rng.random(count) < 1 / (_TWITCH_EVERY_S * NIGHT_RATE_HZ)
    for start in np.flatnonzero(twitches).tolist():
        end = min(count, start + round(rng.uniform(0.2, 1.5) * NIGHT_RATE_HZ))
        accel_g[start:end] += rng.normal(0, rng.uniform(0.01, 0.1), (end - start, 3))
    return np.hstack((accel_g * STANDARD_GRAVITY_MPS2, np.zeros((count, 3))))


def _breathing(
    count: int, place: str, rng: np.random.Generator
) -> Float64[np.ndarray, "sample 3"]:
    """Return accelerations in g while a person breathes in one posture."""
    down = PLACES[place].attitude("lying", rng).inv().apply(UPRIGHT)
    axis = np.cross(down, rng.normal(size=3))  # a tilt about gravity does not show
    tilt = breath_tilt(count, NIGHT_RATE_HZ, place, rng)
    sideways = np.cross(axis / np.linalg.norm(axis), down)
    breathing: Float64[np.ndarray, "sample 3"] = down + tilt[:, None] * sideways
    return breathing


def put_down(
    seconds: float, place: str, rng: np.random.Generator
) -> tuple[Float64[np.ndarray, "sample 6"], float]:
    """Return ideal samples of a device that is taken off and lies somewhere.

    Returns:
        Samples as of ``sleep``, but ``RATE_HZ`` a second, and the time in seconds at
        which it came to rest.
    """
    where = PLACES[place]
    path = MotionPath(_WALK_S + seconds, rng, where.attitude("standing", rng))
    walk = path.stay("", rng.uniform(8, 12))
    path.beat(walk, rng.uniform(*where.step_g), rng.uniform(1.4, 2.2), 0.1)
    path.shake(walk, 0.05, 4)
    taken_off = path.turn_to("", Rotation.random(random_state=rng), rng.uniform(1, 4))
    path.shake(taken_off, rng.uniform(0.1, 0.5), 5)
    hit = path.stay("", 0.2)
    path.pulse(hit.start, rng.uniform(0.1, 4), 0.015, UPRIGHT)
    at_rest_s = path.now_s
    path.stay("", _WALK_S + seconds)
    return path.samples(), at_rest_s
