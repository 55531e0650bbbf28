"""Lives of somebody who stands still before the camera, with chosen errors."""

import numpy as np
from jaxtyping import Float32

from models.person.pose_picture import body_sizes
from pipelines.lab.poses.finder_errors import SeenBody
from pipelines.lab.studies.finder.counts import GROUPS, QUANTITIES, Counts
from pipelines.lab.studies.finder.truth import TrueLife

STEPS = 40
_DOWN = [0.1, 0.25, 0.25, 0.4, 0.4, 0.5, 0.5, 0.5, 0.5, 0.7, 0.7, 0.9, 0.9]
_ACROSS = [0.5, 0.6, 0.4, 0.62, 0.38, 0.62, 0.38, 0.57, 0.43, 0.57, 0.43, 0.57, 0.43]
POSE = np.stack((_ACROSS, _DOWN), axis=1).astype(np.float32)
SIZE = float(body_sizes(POSE[None])[0])


def life(label: str = "standing", steps: int = STEPS) -> TrueLife:
    return TrueLife(
        np.repeat(POSE[None], steps, axis=0),
        np.ones((steps, 13), bool),
        (label,) * steps,
    )


def seen(places: Float32[np.ndarray, "step 13 2"]) -> SeenBody:
    """Return a body that is found at every step, at these places."""
    visibility = np.ones((*places.shape[:2], 1), np.float32)
    joints = np.concatenate((places, visibility), axis=-1)
    return SeenBody(joints, np.ones(len(places), bool))


def total(counts: Counts, name: str, group: str | None = None) -> float:
    of_groups = counts.sums[..., QUANTITIES.index(name)]
    if group is None:
        return float(of_groups.sum())
    return float(of_groups[..., GROUPS.index(group)].sum())
