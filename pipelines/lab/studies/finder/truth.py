"""Where a life's joints are in the pictures of the ward's camera."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float32

from pipelines.lab.poses.body_joints import RATE_HZ, joint_places, sample_at
from pipelines.lab.poses.cameras import ward_camera
from pipelines.lab.poses.finder_errors import SeenBody, see
from pipelines.lab.poses.pose_lives import STEP_RATE_HZ
from pipelines.lab.simulation.footage import RecordingPlan, simulate_motion
from pipelines.lab.simulation.wide_life import wide_choices

_STRIDE = RATE_HZ // STEP_RATE_HZ


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrueLife:
    """A life as it was, at each step of 1/8 s.

    Attributes:
        places: Places of the joints in the picture's square; NaN where the person is
            absent.
        inside: Whether each is in the picture.
        labels: The activity.
    """

    places: Float32[np.ndarray, "step 13 2"]
    inside: Bool[np.ndarray, "step 13"]
    labels: tuple[str, ...]

    def first(self, steps: int) -> "TrueLife":
        """Return the life without its steps after these."""
        return TrueLife(self.places[:steps], self.inside[:steps], self.labels[:steps])


def true_life(plan: RecordingPlan) -> TrueLife:
    """Live a plan as ``rendered_runs`` does, without taking pictures."""
    _, world, track = simulate_motion(plan, wide_choices)
    places = joint_places(track, world)[::_STRIDE]
    projected, inside = ward_camera(world.view).project(places)
    labels = (track.labels[sample_at(i * _STRIDE)] for i in range(len(places)))
    return TrueLife(projected, inside, tuple(labels))


def draw_errors(life: TrueLife, rng: np.random.Generator) -> SeenBody:
    """Draw the errors of the finder, in joints as coarse as those of training."""
    seen = see(rng, life.places, life.inside, mirrors=False)
    return SeenBody(seen.joints.astype(np.float16).astype(np.float32), seen.found)
