"""Poses in pictures that do not change.

The chain compares the mean luma of cells. It searches again when one has changed, or
after ``ReuseSettings.longest_s``. A life of joints has no pixels. So a picture counts
as unchanged while no joint has moved by more than ``LEAST_MOVE``: a limb before a
background of another shade then changes a cell's luma by about 1 of 255.

What the finder answers for the same picture with other noise was measured on 56
pictures of people. Each was searched 24 times with fresh noise, JPEG artefacts and
slowly changing light. Found bodies were never lost, and sides of lying ones never
exchanged. Joints trembled by 0.4 to 0.7 % of the body size; in the worst tenth by 1.2 %
(in bed, standing) and 5 % (on the floor), which is more than is drawn here. So
the errors of ``finder_errors``, which belong to changing pictures, are held meanwhile.
"""

import numpy as np
from jaxtyping import Float32, Int64

from models.person.pose_picture import STEP_S
from pipelines.lab.poses.finder_errors import SeenBody
from pipelines.live.inference import ReuseSettings

LEAST_MOVE = 0.001
"""Least move of a joint that changes a picture, in lengths of the picture's side."""

_LEAST_TREMOR, _MOST_TREMOR = 0.003, 0.012  # of the body size


def reuse_poses(
    rng: np.random.Generator,
    seen: SeenBody,
    places: Float32[np.ndarray, "step 13 2"],
    sizes: Float32[np.ndarray, " step"],
    reuse: ReuseSettings | None = None,
) -> SeenBody:
    """Return what is seen if unchanged pictures reuse the last answer.

    Args:
        rng: Source of the tremor.
        seen: Answers of the finder at each step, as if every picture changed.
        places: True places of the joints in the picture; NaN where nobody is.
        sizes: Size of the body in the unit of the places.
        reuse: Longest time without a search.
    """
    longest = round((reuse or ReuseSettings()).longest_s / STEP_S)
    moved, searched = _searches(places, longest)
    strength = np.exp(rng.uniform(np.log(_LEAST_TREMOR), np.log(_MOST_TREMOR)))
    tremor = rng.normal(0, strength, places.shape) * sizes[:, None, None]
    joints, found = seen.joints[moved], seen.found[moved]
    trembles = found & (searched != moved)
    joints[trembles, :, :2] += tremor[searched[trembles]].astype(np.float32)
    return SeenBody(joints, found)


def _searches(
    places: Float32[np.ndarray, "step 13 2"], longest: int
) -> tuple[Int64[np.ndarray, " step"], Int64[np.ndarray, " step"]]:
    """Return the last step that moved, and the last that was searched, of each step."""
    is_there = np.isfinite(places[:, 0, 0])
    moved, searched = np.zeros((2, len(places)), np.int64)
    for i in range(1, len(places)):
        last = moved[i - 1]
        is_still = bool(is_there[i] == is_there[last])
        if is_still and is_there[i]:
            is_still = bool(np.abs(places[i] - places[last]).max() < LEAST_MOVE)
        moved[i] = last if is_still else i
        is_old = i - searched[i - 1] > longest
        searched[i] = searched[i - 1] if is_still and not is_old else i
    return moved, searched
