"""How a breath tilts a worn sensor: by a fraction of a degree.

Most at the chest, and hardly at all at a limb that lies beside the body. There are no
recordings to choose these angles by: they are a guess.
"""

from typing import Final

import numpy as np
from jaxtyping import Float64

_BREATH_DEG: Final = {
    "waist": (0.2, 1.5),
    "chest": (0.3, 2.0),
    "pocket": (0.1, 0.4),
    "ankle": (0.1, 0.3),
    "wrist": (0.1, 0.8),
}
"""Angle by which a breath tilts the sensor, least and greatest."""
_BREATHS_HZ = (0.15, 0.33)
_PAUSE_EVERY_S, _PAUSE_S = 5 * 60.0, (10.0, 40.0)


def breath_tilt(
    count: int, rate_hz: float, place: str, rng: np.random.Generator
) -> Float64[np.ndarray, " sample"]:
    """Return the angle by which one person's breath tilts a sensor, in radians.

    The breath is not quite regular, and stops at times for 10 to 40 s.

    Args:
        count: Number of samples.
        rate_hz: Their rate.
        place: Where the sensor is worn.
        rng: Draws the person.
    """
    least, most = np.log(_BREATH_DEG[place])
    angle = np.radians(np.exp(rng.uniform(least, most)))
    times_s = np.arange(count) / rate_hz
    wander = np.cumsum(rng.normal(0, 0.35 / rate_hz**0.5, count))
    phase = 2 * np.pi * rng.uniform(*_BREATHS_HZ) * times_s + wander
    depth = np.ones(count)
    starts = np.flatnonzero(rng.random(count) < 1 / (_PAUSE_EVERY_S * rate_hz))
    for start in starts.tolist():
        depth[start : start + round(rng.uniform(*_PAUSE_S) * rate_hz)] = 0
    tilt: Float64[np.ndarray, " sample"] = angle / 2 * depth * np.sin(phase)
    return tilt
