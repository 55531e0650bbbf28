"""Whether what a wearable felt could be a fall: an impact, and then calm.

A wearable alone cannot see where somebody lies. So alone it starts no fall from a
window, with the time before it, in which nothing hit: sitting, bending and lying down
happen hundreds of times a day. Nor does it while the hits go on, as in applause. Both
thresholds were chosen on simulated trials: of the values of ``CALM_G`` that were tried,
it is the smallest that lost none of their falls. The softest slides are lost.
"""

import numpy as np
from jaxtyping import Float32

IMPACT_G = 1.5
"""Least magnitude of the acceleration, with gravity, of an impact."""

CALM_G = 0.2
"""Greatest standard deviation of this magnitude while somebody is calm."""

CALM_S = 0.5
"""Time at the end of the samples that has to be calm, in seconds."""

_STANDARD_GRAVITY_MPS2 = 9.80665


def could_be_fall(
    imu: Float32[np.ndarray, "sample 6"] | None, rate_hz: float | None
) -> bool:
    """Return whether samples hold an impact and end in calm; True without samples.

    Args:
        imu: Acceleration in m/s² and turn rate, of a window and the time before it.
        rate_hz: Samples a second; None without samples.
    """
    if imu is None or rate_hz is None or not len(imu):
        return True
    return has_impact(imu) and is_calm(imu, rate_hz)


def has_impact(imu: Float32[np.ndarray, "sample 6"]) -> bool:
    """Return whether samples hold an impact."""
    return bool(_magnitudes_g(imu).max(initial=0.0) >= IMPACT_G)


def is_calm(imu: Float32[np.ndarray, "sample 6"], rate_hz: float) -> bool:
    """Return whether the last samples show no strong motion."""
    last = _magnitudes_g(imu)[-max(1, round(CALM_S * rate_hz)) :]
    return bool(last.std() <= CALM_G)


def _magnitudes_g(
    imu: Float32[np.ndarray, "sample 6"],
) -> Float32[np.ndarray, " sample"]:
    lengths: Float32[np.ndarray, " sample"] = np.linalg.norm(imu[:, :3], axis=1)
    return lengths / np.float32(_STANDARD_GRAVITY_MPS2)
