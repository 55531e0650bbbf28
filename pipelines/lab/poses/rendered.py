"""Simulated lives as the person finder sees them in pictures.

They take far longer than lives whose finder's errors are drawn (``pose_lives``), so
training has few of them. Each is filmed as footage is, compressed
as a camera does it, read again, and the film is deleted.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipelines.clock import SystemClock
from pipelines.lab.data.footage import Recording
from pipelines.lab.poses.filmed import filmed_run
from pipelines.lab.poses.pose_lives import PoseRun, PoseRuns, runs_of
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    film,
    labelled_spans,
    simulate_motion,
)
from pipelines.lab.simulation.motion import Track
from pipelines.lab.simulation.wide_life import wide_choices
from pipelines.lab.simulation.world import World


def rendered_runs(
    plans: Sequence[RecordingPlan],
    on_done: Callable[[int], None],
    cache: Path | None = None,
) -> PoseRuns:
    """Film lives with the ward's camera, and find the person in the pictures.

    Args:
        plans: The lives, of equal length.
        on_done: Called with the number of finished lives.
        cache: Folder that keeps the result for another run of the same plans.

    Raises:
        TrainingError: If there is no plan.
        PipelineError: If this machine cannot render.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    return runs_of(plans, _found_in_life, "rendered", on_done, cache)


def found_in_film(
    plan: RecordingPlan, world: World, track: Track, rng: np.random.Generator
) -> PoseRun:
    """Film a life with the ward's camera, and find the person in the pictures.

    Raises:
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / plan.name
        film(path, plan.rate_hz, world, track, rng)
        spans = tuple(labelled_spans(plan.name, track))
        recording = Recording(plan.name, path, spans, imu={})
        return asyncio.run(filmed_run(recording, SystemClock()))


def _found_in_life(plan: RecordingPlan) -> list[PoseRun]:
    rng, world, track = simulate_motion(plan, wide_choices)
    return [found_in_film(plan, world, track, rng)]
