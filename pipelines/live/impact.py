"""Whether a wearable felt an impact that a fall could have.

A wearable alone cannot see where somebody lies. So alone it starts no fall from a
window, with the time before it, in which nothing hit: sitting, bending and lying down
happen hundreds of times a day. The threshold was chosen on simulated trials. The
softest slides are lost by it.
"""

import numpy as np
from jaxtyping import Float32

IMPACT_G = 1.5
"""Least magnitude of the acceleration, with gravity, of an impact."""

_STANDARD_GRAVITY_MPS2 = 9.80665


def has_impact(imu: Float32[np.ndarray, "sample 6"] | None) -> bool:
    """Return whether samples hold an impact; True without samples."""
    if imu is None or not len(imu):
        return True
    greatest_mps2 = float(np.linalg.norm(imu[:, :3], axis=1).max())
    return greatest_mps2 >= IMPACT_G * _STANDARD_GRAVITY_MPS2
