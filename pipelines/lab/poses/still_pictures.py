"""Poses that an unchanged picture reuses, as the chain in use does.

The chain compares the mean luma of cells, and searches anew when one has changed or
after ``ReuseSettings.longest_s``. A life of joints has no pixels. So a picture counts
as unchanged while no joint has moved by more than ``LEAST_MOVE``: a limb before a
background of another shade then changes a cell's luma by about 1 of 255.
"""

import numpy as np
from jaxtyping import Float32, Int64

from models.person.pose_picture import STEP_S
from pipelines.lab.poses.finder_errors import SeenBody
from pipelines.live.inference import ReuseSettings

LEAST_MOVE = 0.001
"""Least move of a joint that changes a picture, in lengths of the picture's side."""


def reuse_poses(
    seen: SeenBody,
    places: Float32[np.ndarray, "step 13 2"],
    reuse: ReuseSettings | None = None,
) -> SeenBody:
    """Return what is seen if unchanged pictures reuse the last answer.

    Args:
        seen: Answers of a search at each step.
        places: True places of the joints in the picture; NaN where nobody is.
        reuse: Longest time without a search.
    """
    longest = round((reuse or ReuseSettings()).longest_s / STEP_S)
    searched = _searched(places, longest)
    return SeenBody(seen.joints[searched], seen.found[searched])


def _searched(
    places: Float32[np.ndarray, "step 13 2"], longest: int
) -> Int64[np.ndarray, " step"]:
    """Return the step whose search answers for each step."""
    is_there = np.isfinite(places[:, 0, 0])
    searched = np.arange(len(places))
    last = 0
    for i in range(1, len(places)):
        is_same = is_there[i] == is_there[last] and i - last <= longest
        if is_same and is_there[i]:
            is_same = bool(np.abs(places[i] - places[last]).max() < LEAST_MOVE)
        if is_same:
            searched[i] = last
        else:
            last = i
    return searched
