"""The latest poses of one body, and the picture of its motion."""

from collections import deque
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from models.person.pose_picture import JOINTS, MOMENTS, body_sizes, draw_poses

SIZE_STEPS = 24
"""Steps over which the size of a body is estimated: 3 s."""

SIZE_SHARE = 0.8
"""Quantile of the sizes of these steps; a bent or foreshortened body looks smaller."""

LEAST_SIZE = 0.02
_FIRST_SIZE = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class _Pose:
    step: int
    joints: Float32[np.ndarray, "13 3"]
    size: float


@final
class PoseHistory:
    """The poses of one body during the last 3 s, one a step of ``STEP_S``.

    Attributes:
        size: Size of the body, in the unit of its landmarks' x and y.
    """

    def __init__(self) -> None:
        self._poses: deque[_Pose] = deque()
        self.size: float = _FIRST_SIZE

    def add(self, step: int, landmarks: Float32[np.ndarray, "33 3"]) -> None:
        """Add the pose of a step; steps increase.

        Args:
            step: Number of the step.
            landmarks: x, y and visibility; x and y in lengths of the camera picture's
                longer side.
        """
        joints = landmarks[list(JOINTS)].astype(np.float32)
        size = float(body_sizes(joints[None])[0])
        self._poses.append(_Pose(step, joints, size))
        while self._poses[0].step < step - SIZE_STEPS:
            self._poses.popleft()
        sizes = [pose.size for pose in self._poses]
        self.size = max(LEAST_SIZE, float(np.quantile(sizes, SIZE_SHARE)))

    def picture(self, step: int) -> UInt8[np.ndarray, "32 32 3"]:
        """Draw the poses up to a step; black if there is none near it."""
        by_step = {pose.step: pose.joints for pose in self._poses}
        joints = np.zeros((1, len(MOMENTS), len(JOINTS), 3), np.float32)
        found = np.zeros((1, len(MOMENTS)), bool)
        for place, age in enumerate(MOMENTS):
            if step - age in by_step:
                joints[0, place], found[0, place] = by_step[step - age], True
        sizes = np.array([self.size], np.float32)
        picture: UInt8[np.ndarray, "32 32 3"] = draw_poses(joints, found, sizes)[0]
        return picture
