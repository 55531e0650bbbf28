"""Simulated lives as sequences of poses, for training and for measuring.

One life can be seen by several cameras, each with errors of its own. Half of the views
are those of the ward's camera, half those of any camera.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar, final

import numpy as np
from jaxtyping import Bool, Float16, Float32, Int16, Int64
from numpy.lib.stride_tricks import sliding_window_view

from models.person.pose_history import LEAST_SIZE, SIZE_SHARE, SIZE_STEPS
from models.person.pose_picture import JOINTS, MOMENTS, body_sizes
from pipelines.errors import TrainingError
from pipelines.lab.poses.body_joints import RATE_HZ, joint_places, sample_at
from pipelines.lab.poses.cameras import free_camera, ward_camera
from pipelines.lab.poses.finder_errors import see
from pipelines.lab.poses.still_pictures import reuse_poses
from pipelines.lab.simulation.everyday import HOURS_A_DAY, live_hour
from pipelines.lab.simulation.footage import (
    SIMULATOR_VERSION,
    RecordingPlan,
    in_render_processes,
    simulate_motion,
)
from pipelines.lab.simulation.motion import Track
from pipelines.lab.simulation.pair import PairPlan
from pipelines.lab.simulation.wide_life import wide_choices
from pipelines.lab.simulation.world import World, random_world

STEP_RATE_HZ = 8
_STRIDE = RATE_HZ // STEP_RATE_HZ
_LEAST_STEPS = 20
_FREE_SHARE = 0.5
_FIRST_SIZE = 0.4

_AnyPlan = TypeVar("_AnyPlan", RecordingPlan, PairPlan)


@final
@dataclass(frozen=True, slots=True, eq=False)
class PoseRuns:
    """Sequences of poses, each of one life seen by one camera.

    Attributes:
        joints: x, y and visibility of each joint at each step of 1/8 s.
        found: Whether the body was found.
        sizes: Size of the body.
        labels: Index into ``names``; -1 after the end of a shorter run.
        names: The activities.
    """

    joints: Float16[np.ndarray, "run step 13 3"]
    found: Bool[np.ndarray, "run step"]
    sizes: Float32[np.ndarray, "run step"]
    labels: Int16[np.ndarray, "run step"]
    names: tuple[str, ...]

    def save(self, path: Path) -> None:
        """Write the sequences, replacing the old file whole."""
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            joints=self.joints,
            found=self.found,
            sizes=self.sizes,
            labels=self.labels,
            names=np.array(self.names),
        )
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "PoseRuns":
        """Read sequences that ``save`` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            names = tuple(str(name) for name in kept["names"])
            arrays = {name: kept[name] for name in kept.files if name != "names"}
        return cls(**arrays, names=names)

    def __getitem__(self, run: int) -> "PoseRun":
        """Return one of the sequences, without the steps after its end."""
        labels = self.labels[run][self.labels[run] >= 0]
        steps = len(labels)
        return PoseRun(
            self.joints[run, :steps],
            self.found[run, :steps],
            self.sizes[run, :steps],
            tuple(self.names[label] for label in labels),
        )


def simulate_pose_runs(
    plans: Sequence[RecordingPlan],
    views: int,
    on_done: Callable[[int], None],
    cache: Path | None = None,
) -> PoseRuns:
    """Simulate lives and look at each from several cameras.

    Args:
        plans: The lives, of equal length.
        views: Cameras for each.
        on_done: Called with the number of finished lives.
        cache: Folder that keeps the result for another run of the same plans.

    Raises:
        TrainingError: If there is no plan.
        PipelineError: If this machine cannot simulate.
    """
    return runs_of(
        plans, partial(_views_of_life, views=views), f"{views}", on_done, cache
    )


def simulate_hours(
    plans: Sequence[RecordingPlan],
    on_done: Callable[[int], None],
    cache: Path | None = None,
) -> PoseRuns:
    """Simulate hours of ordinary days without a fall, each seen by one camera.

    Args:
        plans: The hours, of equal length; the first begins at midnight.
        on_done: Called with the number of finished hours.
        cache: Folder that keeps the result for another run of the same plans.

    Raises:
        TrainingError: If there is no plan.
        PipelineError: If this machine cannot simulate.
    """
    return runs_of(plans, _view_of_hour, "hours", on_done, cache)


def runs_of(
    plans: Sequence[_AnyPlan],
    see_life: Callable[[_AnyPlan], "list[PoseRun]"],
    kind: str,
    on_done: Callable[[int], None],
    cache: Path | None,
) -> PoseRuns:
    """Look at lives in several processes.

    Args:
        plans: The lives; all are cut to the shortest of them.
        see_life: Lives and looks at a plan; it can be pickled.
        kind: What ``see_life`` does, in the name of the cache's file.
        on_done: Called with the number of finished lives.
        cache: Folder that keeps the result for another run of the same plans.

    Raises:
        TrainingError: If there is no plan.
        PipelineError: If this machine cannot simulate.
    """
    if not plans:
        where, problem = "pose lives", "none to simulate"
        raise TrainingError(where, problem)
    path = None
    if cache is not None:
        first = plans[0]
        name = f"{first.stream.name.lower()}-{first.seed}-{len(plans)}-{kind}"
        path = cache / f"poses-{name}-v{SIMULATOR_VERSION}.npz"
        if path.exists():
            return PoseRuns.load(path)
    done = itertools.count(1)
    lives = in_render_processes(see_life, plans, on_done=lambda _: on_done(next(done)))
    runs = join_runs([run for plan in plans for run in lives[plan]])
    if path is not None:
        runs.save(path)
    return runs


@final
@dataclass(frozen=True, slots=True, eq=False)
class PoseRun:
    """One life seen by one camera, at each step of 1/8 s; see ``PoseRuns``."""

    joints: Float16[np.ndarray, "step 13 3"]
    found: Bool[np.ndarray, " step"]
    sizes: Float32[np.ndarray, " step"]
    labels: tuple[str, ...]


def _views_of_life(plan: RecordingPlan, views: int) -> list[PoseRun]:
    rng, world, track = simulate_motion(plan, wide_choices)
    places = joint_places(track, world)
    return [view_of(rng, world, track, places) for _ in range(views)]


def _view_of_hour(plan: RecordingPlan) -> list[PoseRun]:
    rng = plan.generator()
    world = random_world(rng)
    hour = live_hour(world, rng, plan.index % HOURS_A_DAY, duration_s=plan.duration_s)
    places = joint_places(hour.track, world)
    return [view_of(rng, world, hour.track, places, reuses=True)]


def view_of(
    rng: np.random.Generator,
    world: World,
    track: Track,
    places: Float32[np.ndarray, "time 13 3"],
    first: int | None = None,
    *,
    reuses: bool = False,
) -> PoseRun:
    """Look at a life from one camera, in the ward or anywhere.

    Args:
        rng: Source of the camera and of the finder's errors.
        world: Person, room and the ward's camera.
        track: The life.
        places: Its joints, from ``joint_places``.
        first: Place of the first pose, 0 to 2; drawn by default.
        reuses: Whether an unchanged picture reuses the last pose, as in use.
    """
    is_there = np.isfinite(places[:, 0, 0])
    camera = None
    if rng.random() < _FREE_SHARE and is_there.sum() > _LEAST_STEPS:
        camera = free_camera(rng, places[is_there])
    camera = camera or ward_camera(world.view)
    first = int(rng.integers(_STRIDE)) if first is None else first
    chosen = places[first::_STRIDE]
    projected, inside = camera.project(chosen)
    seen = see(rng, projected, inside)
    if reuses:
        sizes = latest_sizes(seen.joints, seen.found)
        seen = reuse_poses(rng, seen, projected, sizes)
    labels = (track.labels[sample_at(first + i * _STRIDE)] for i in range(len(chosen)))
    sizes = latest_sizes(seen.joints, seen.found)
    joints = seen.joints.astype(np.float16)
    return PoseRun(joints, seen.found, sizes, tuple(labels))


def join_runs(runs: Sequence[PoseRun], *, pad: bool = False) -> PoseRuns:
    """Join runs, cut to the shortest or padded to the longest of them.

    The label of a padded step is -1.
    """
    lengths = [len(run.labels) for run in runs]
    steps = max(lengths) if pad else min(lengths)
    names = sorted({name for run in runs for name in run.labels})
    place = {name: i for i, name in enumerate(names)}
    shape = len(runs), steps
    joined = PoseRuns(
        np.zeros((*shape, len(JOINTS), 3), np.float16),
        np.zeros(shape, bool),
        np.ones(shape, np.float32),
        np.full(shape, -1, np.int16),
        tuple(names),
    )
    for i, run in enumerate(runs):
        length = min(steps, len(run.labels))
        joined.joints[i, :length] = run.joints[:length]
        joined.found[i, :length] = run.found[:length]
        joined.sizes[i, :length] = run.sizes[:length]
        joined.labels[i, :length] = [place[name] for name in run.labels[:length]]
    return joined


def poses_at(
    runs: PoseRuns,
    run: Int64[np.ndarray, " picture"],
    step: Int64[np.ndarray, " picture"],
    *,
    is_whole: bool = True,
    pace: Float32[np.ndarray, " picture"] | None = None,
) -> tuple[
    Float32[np.ndarray, "picture moment 13 3"],
    Bool[np.ndarray, "picture moment"],
    Float32[np.ndarray, " picture"],
]:
    """Return what ``draw_poses`` draws for some steps of some runs.

    Args:
        runs: The runs.
        run: Index of each picture's run.
        step: Its step.
        is_whole: Whether nobody was in view before the first step. Otherwise the first
            pose had lasted, as in a clip cut from a longer film.
        pace: How many times faster than in the run everything happens; 1 by default.
    """
    ages = np.array(MOMENTS)
    if pace is not None:
        ages = np.round(pace[:, None] * ages).astype(np.int64)
    moments = step[:, None] - ages
    if not is_whole:
        moments = np.maximum(moments, 0)
    found = (moments >= 0) & runs.found[run[:, None], np.maximum(moments, 0)]
    joints = runs.joints[run[:, None], np.maximum(moments, 0)].astype(np.float32)
    joints[~found] = 0
    return joints, found, runs.sizes[run, step]


def latest_sizes(
    joints: Float32[np.ndarray, "step 13 3"], found: Bool[np.ndarray, " step"]
) -> Float32[np.ndarray, " step"]:
    """Return the size of the body at each step, as ``PoseHistory`` estimates it."""
    known = np.where(found, body_sizes(joints), np.inf).astype(np.float64)
    padded = np.concatenate((np.full(SIZE_STEPS, np.inf), known))
    recent = np.sort(sliding_window_view(padded, SIZE_STEPS + 1), axis=1)
    count = np.isfinite(recent).sum(axis=1)
    # The quantile of the finite values, which the sorting put first.
    place = SIZE_SHARE * np.maximum(0, count - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(0, count - 1))
    rows = np.arange(len(recent))
    low, high = recent[rows, below], recent[rows, above]
    with np.errstate(invalid="ignore"):  # infinite where nobody was found
        sizes = np.maximum(LEAST_SIZE, low + (place - below) * (high - low))
    latest = np.maximum.accumulate(np.where(count > 0, rows, -1))
    held: Float32[np.ndarray, " step"] = np.where(
        latest < 0, _FIRST_SIZE, sizes[latest]
    ).astype(np.float32)
    return held
