"""Whether a wearable moved at all, or showed only its own noise.

A body that is awake and still moves: it breathes, and sways. A device on a table shows
the noise of its sensor alone. So the means of successive half seconds are compared with
what that noise lets expect.
"""

import numpy as np
from jaxtyping import Float32

_MEAN_OF_S = 0.5
_LEAST_MEANS = 4
_NOISE_RATIO = 1.5
"""Deviation of the means, relative to that of noise, above which something moved. With
three axes and eleven means, noise alone exceeds it once in ten thousand times."""
_MOST_NOISE_MPS2 = 0.4
"""Noise of a sample above which it is fast movement: twice that of a poor sensor."""
_LEAST_MPS2 = 0.02
"""Deviation of the means that is no movement in any case, 0.002 g: rounding, and noise
that interpolation has smoothed."""


def has_moved(samples: Float32[np.ndarray, "sample 6"], rate_hz: float) -> bool:
    """Return whether samples show movement; too few to say do.

    Args:
        samples: Accelerations (x, y, z, m/s²) and turn rates, evenly spaced.
        rate_hz: Their rate.
    """
    count = max(2, round(_MEAN_OF_S * rate_hz))
    means = len(samples) // count
    if means < _LEAST_MEANS:
        return True
    parts = samples[-means * count :, :3].astype(np.float64).reshape(means, count, 3)
    of_noise = np.sqrt((np.diff(parts, axis=1) ** 2).mean() / 2 / count)
    if of_noise * np.sqrt(count) > _MOST_NOISE_MPS2:
        return True
    moved = np.sqrt(parts.mean(axis=1).var(axis=0, ddof=1).mean())
    return bool(moved > max(_NOISE_RATIO * of_noise, _LEAST_MPS2))
