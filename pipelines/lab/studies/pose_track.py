"""The poses of a recording, at each step of 1/8 s."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float32, Int64

from models.person.pose_picture import JOINTS, STEP_S
from pipelines.clock import Clock, seconds_to_ns
from pipelines.lab.data.footage import Recording
from pipelines.lab.poses.filmed import filmed_poses
from pipelines.sources.camera.framing import Framing


@final
@dataclass(frozen=True, slots=True, eq=False)
class PoseTrack:
    """The poses of one person.

    Attributes:
        times_ns: Time of each step.
        joints: x, y and visibility of each joint; zeros where nobody was found.
        found: Whether somebody was found.
    """

    times_ns: Int64[np.ndarray, " step"]
    joints: Float32[np.ndarray, "step 13 3"]
    found: Bool[np.ndarray, " step"]

    @property
    def duration_ns(self) -> int:
        """Time from the first step to the last."""
        return int(self.times_ns[-1] - self.times_ns[0]) if len(self.times_ns) else 0


async def track_poses(
    recording: Recording, clock: Clock, framing: Framing
) -> PoseTrack:
    """Find the person in a recording; a step without a picture has nobody.

    Raises:
        SourceError: If the video cannot be read.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    poses = [pose async for pose in filmed_poses(recording, clock, framing)]
    first = poses[0].step if poses else 0
    steps = poses[-1].step - first + 1 if poses else 0
    times = np.zeros(steps, np.int64)
    joints = np.zeros((steps, len(JOINTS), 3), np.float32)
    found = np.zeros(steps, bool)
    for pose in poses:
        i = pose.step - first
        times[i] = pose.time_ns
        if pose.joints is not None:
            joints[i], found[i] = pose.joints, True
    for late in np.flatnonzero(times[1:] == 0) + 1:  # no picture came at that step
        times[late] = times[late - 1] + seconds_to_ns(STEP_S)
    return PoseTrack(times, joints, found)
