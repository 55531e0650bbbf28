"""Lives that are rendered, looked at, and drawn."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from models.person.pose_picture import STEP_S
from pipelines.lab.poses.finder_errors import SeenBody
from pipelines.lab.poses.pose_lives import STEP_RATE_HZ, PoseRuns
from pipelines.lab.poses.rendered import rendered_runs
from pipelines.lab.simulation.footage import RECORDING_S, RecordingPlan, Stream
from pipelines.lab.studies.finder.comparison import compare
from pipelines.lab.studies.finder.counts import Counts, count_errors
from pipelines.lab.studies.finder.report import FinderReport
from pipelines.lab.studies.finder.truth import TrueLife, draw_errors, true_life
from pipelines.progress import Progress

DRAWS = 8
"""How often the errors of each life are drawn, so that chance adds little to them."""


def plan_lives(minutes: int, seed: int) -> list[RecordingPlan]:
    """Return lives of a minute each, which no training and no footage has."""
    return [
        RecordingPlan(Stream.VALIDATION, seed, i, RECORDING_S, Fraction(STEP_RATE_HZ))
        for i in range(minutes)
    ]


def study_finder(
    plans: Sequence[RecordingPlan], folder: Path, on_progress: Progress
) -> FinderReport:
    """Render lives, find the person, and compare the errors with drawn ones.

    Args:
        plans: The lives, of one seed and of equal length.
        folder: Existing folder that keeps what the finder saw, so that it can be
            compared again once the errors are drawn differently.
        on_progress: Called after each life.

    Raises:
        TrainingError: If there is no plan.
        PipelineError: If this machine cannot render.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    on_progress("rendering", 0, len(plans), "")
    runs = rendered_runs(
        plans, lambda done: on_progress("rendering", done, len(plans), ""), folder
    )
    lives = [true_life(plan) for plan in plans]
    pictures, drawn, seconds = [], [], 0.0
    for i, (plan, life) in enumerate(zip(plans, lives, strict=True)):
        body, life = _both(runs, i, life)
        seconds += len(body.found) * STEP_S
        pictures.append(count_errors(life, body))
        rng = np.random.default_rng((plan.seed, plan.index))
        drawn.append(
            _joined([count_errors(life, draw_errors(life, rng)) for _ in range(DRAWS)])
        )
    times = _joined(drawn)  # life, time
    compared = compare(
        _joined(pictures),
        Counts(times.sums.swapaxes(0, 1), times.errors.swapaxes(0, 1)),
        plans[0].seed,
    )
    return FinderReport(len(plans), seconds, DRAWS, compared)


def _both(runs: PoseRuns, i: int, life: TrueLife) -> tuple[SeenBody, TrueLife]:
    """Return what the finder saw of a life, and the life, for their common steps."""
    steps = min(runs.found.shape[1], len(life.labels))
    joints = runs.joints[i, :steps].astype(np.float32)
    return SeenBody(joints, runs.found[i, :steps]), life.first(steps)


def _joined(counts: Sequence[Counts]) -> Counts:
    return Counts(
        np.stack([each.sums for each in counts]),
        np.stack([each.errors for each in counts]),
    )
