"""The hours of a month, as a camera and the person finder see them."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import final

import numpy as np

from models.person.pose_picture import STEP_S
from pipelines.lab.data.footage import LabelledSpan
from pipelines.lab.data.truth import Truth, read_truth
from pipelines.lab.poses.body_joints import joint_places
from pipelines.lab.poses.pose_lives import (
    STEP_RATE_HZ,
    PoseRun,
    PoseRuns,
    join_runs,
    view_of,
)
from pipelines.lab.poses.rendered import found_in_film
from pipelines.lab.simulation.everyday import (
    HOUR_S,
    HOURS_A_DAY,
    Activities,
    Hour,
    live_hour,
)
from pipelines.lab.simulation.footage import SIMULATOR_VERSION, RecordingPlan, Stream
from pipelines.lab.simulation.world import World, random_world

_FALL_FROM, _FALL_UNTIL = 0.1, 0.6  # share of the hour


@final
@dataclass(frozen=True, slots=True)
class MonthPlan:
    """Everything that determines the hours of a month.

    Attributes:
        seed: Seed of every hour.
        hours_a_fall: Hours of which one has a fall.
        hour_s: Time of each hour that is lived, in seconds.
    """

    seed: int = 1
    hours_a_fall: int = 50
    hour_s: float = HOUR_S

    def hour(self, index: int) -> "HourPlan":
        """Return an hour; the first begins at midnight."""
        block, place = divmod(index, self.hours_a_fall)
        drawn = np.random.default_rng((int(Stream.MONTH), self.seed, block))
        falls = int(drawn.integers(self.hours_a_fall)) == place
        return HourPlan(self.seed, index, falls, self.hour_s)


@final
@dataclass(frozen=True, slots=True)
class HourPlan:
    """One hour, with a person, a room and a camera of its own."""

    seed: int
    index: int
    falls: bool
    duration_s: float

    @property
    def hour_of_day(self) -> int:
        """0 to 23."""
        return self.index % HOURS_A_DAY

    @property
    def name(self) -> str:
        """Name of the hour as a subject."""
        return f"hour-{self.index}"


@final
@dataclass(frozen=True, slots=True, eq=False)
class SeenHour:
    """An hour as the finder sees it, at each step of 1/8 s, and what it really was."""

    plan: HourPlan
    run: PoseRun
    truth: Truth
    activities: Activities

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.run.labels)


def see_hour(plan: HourPlan) -> SeenHour:
    """Simulate an hour, and see it by one camera; equal plans give equal hours."""
    rng, world, hour = _live(_recorded(plan), plan)
    places = joint_places(hour.track, world)
    run = view_of(rng, world, hour.track, places, first=0, reuses=True)
    return SeenHour(plan, run, _truth(plan, run), hour.activities)


def see_filmed_hour(plan: HourPlan, cache: Path) -> SeenHour:
    """Simulate an hour, film it, and find the person in the pictures.

    Args:
        plan: The hour.
        cache: Existing folder that keeps what the finder saw, for another run.

    Raises:
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    recorded = _recorded(plan)
    rng, world, hour = _live(recorded, plan)
    fall = "-fall" if plan.falls else ""
    name = f"hour-{plan.seed}-{plan.index}-{plan.duration_s:g}s{fall}"
    path = cache / f"{name}-v{SIMULATOR_VERSION}.npz"
    if not path.exists():
        join_runs([found_in_film(recorded, world, hour.track, rng)]).save(path)
    run = PoseRuns.load(path)[0]
    return SeenHour(plan, run, _truth(plan, run), hour.activities)


def _recorded(plan: HourPlan) -> RecordingPlan:
    rate_hz = Fraction(STEP_RATE_HZ)
    return RecordingPlan(Stream.MONTH, plan.seed, plan.index, plan.duration_s, rate_hz)


def _live(
    recorded: RecordingPlan, plan: HourPlan
) -> tuple[np.random.Generator, World, Hour]:
    """Simulate what happens in an hour."""
    rng = recorded.generator()
    world = random_world(rng)
    share = rng.uniform(_FALL_FROM, _FALL_UNTIL)
    fall_at_s = share * plan.duration_s if plan.falls else None
    hour = live_hour(
        world, rng, plan.hour_of_day, fall_at_s, duration_s=plan.duration_s
    )
    return rng, world, hour


def _truth(plan: HourPlan, run: PoseRun) -> Truth:
    """Return the falls; every other label is none of the recogniser's concern."""
    rows, step = [], 0
    for label, same in groupby(run.labels):
        end = step + len(list(same))
        rows.append(
            LabelledSpan(plan.name, label, "", step * STEP_S, end / STEP_RATE_HZ)
        )
        step = end
    return read_truth(rows, lambda _: None)
