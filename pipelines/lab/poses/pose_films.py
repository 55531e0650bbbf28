"""Pose pictures of simulated lives, at the steps of the frame grid.

They stand in for rendered pictures where a life's wearables are needed as well: the
life is that of the plan, as the ward's footage has it.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np
from jaxtyping import Int64, UInt8

from models.person.pose_picture import draw_poses
from pipelines.lab.poses.body_joints import joint_places
from pipelines.lab.poses.pose_lives import (
    STEP_RATE_HZ,
    join_runs,
    poses_at,
    view_of,
)
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    in_render_processes,
    simulate_motion,
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class PoseFilm:
    """The pose pictures of one life in time order.

    Attributes:
        labels: Activity at each picture's time.
        drawn: The pictures.
    """

    labels: tuple[str, ...]
    drawn: UInt8[np.ndarray, "time 32 32 3"]

    def pictures(
        self, places: Int64[np.ndarray, " time"]
    ) -> UInt8[np.ndarray, "time 32 32 3"]:
        """Return the pictures at some indices."""
        picked: UInt8[np.ndarray, "time 32 32 3"] = self.drawn[places]
        return picked


def pose_films(
    plans: Sequence[RecordingPlan], on_done: Callable[[int], None]
) -> list[PoseFilm]:
    """Draw lives, with one picture for each step of their plan's rate.

    Args:
        plans: The lives.
        on_done: Called with the number of finished lives.

    Raises:
        PipelineError: If this machine cannot simulate.
    """
    done = itertools.count(1)
    films = in_render_processes(_film, plans, on_done=lambda _: on_done(next(done)))
    return [films[plan] for plan in plans]


def _film(plan: RecordingPlan) -> PoseFilm:
    rng, world, track = simulate_motion(plan)
    run = view_of(rng, world, track, joint_places(track, world), first=0)
    stride = Fraction(STEP_RATE_HZ) / plan.rate_hz
    count = int(len(run.labels) / stride)
    steps = np.array([round(i * stride) for i in range(count)])
    drawn = draw_poses(*poses_at(join_runs([run]), np.zeros_like(steps), steps))
    labels = tuple(run.labels[step] for step in steps)
    return PoseFilm(labels, drawn)
