"""The activities that only lives of poses have."""

from collections.abc import Callable

import numpy as np
import pytest

from pipelines.lab.simulation import wide_falls, wide_life
from pipelines.lab.simulation.life import Life, Whereabouts, live
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.resting_places import chair_seat, in_bed
from pipelines.lab.simulation.world import World, random_world

Activity = Callable[[Life], None]
STANDING = (
    wide_life.reach,
    wide_life.turn,
    wide_life.squat,
    wide_life.jog,
    wide_life.jump,
    wide_life.crawl,
    wide_life.exercise,
    wide_life.sit_cross_legged,
    wide_life.sit_low,
)
FALLS = (
    wide_falls.fall_reacting,
    wide_falls.topple,
    wide_falls.collapse,
    wide_falls.fall_on_knees,
    wide_falls.crumple,
)


@pytest.fixture
def world() -> World:
    return random_world(np.random.default_rng(4))


def doing(world: World, activity: Activity, begin: Whereabouts) -> Life:
    """Return a life after an activity."""
    life = Life(world, np.random.default_rng(7), 60.0)
    if begin == "standing":
        middle = np.array([0.0, -0.3])
        life.motion.now = life.upright(middle)
        life.stand()
    elif begin == "chair":
        life.motion.now = chair_seat(life.motion)
        life.sit()
    else:
        life.motion.now = in_bed(life.motion)
        life.lie()
    life.whereabouts = begin
    activity(life)
    return life


def labels_of(life: Life) -> set[str]:
    return set(life.motion.track(life.motion.duration_s).labels)


@pytest.mark.parametrize("activity", STANDING, ids=lambda it: it.__name__)
def test_daily_activities_end_upright_and_hold_no_fall(
    world: World, activity: Activity
) -> None:
    life = doing(world, activity, "standing")
    assert life.whereabouts == "standing"
    assert not {"falling", "fallen"} & labels_of(life)
    world.pose(life.motion.now)
    assert world.data.geom("head").xpos[2] > 1.1


@pytest.mark.parametrize("activity", FALLS, ids=lambda it: it.__name__)
def test_falls_end_on_the_floor(world: World, activity: Activity) -> None:
    life = doing(world, activity, "standing")
    for _ in range(8):  # some ways down end outside the camera's view
        if life.whereabouts == "floor":
            break
        activity(life)
    assert life.whereabouts == "floor"
    assert {"falling", "fallen"} <= labels_of(life)
    world.pose(life.motion.now)
    assert world.data.geom("pelvis").xpos[2] < 0.5


def test_who_crumples_goes_down_where_the_feet_stood(world: World) -> None:
    life = doing(world, wide_falls.crumple, "standing")
    track = life.motion.track(life.motion.duration_s)
    falling = [i for i, label in enumerate(track.labels) if label == "falling"]
    down = track.qpos[falling]
    assert np.linalg.norm(down[-1, :2] - down[0, :2]) < 0.9
    sinks = np.diff(down[:, 2]) / (1 / SAMPLE_RATE_HZ)
    assert sinks.min() < -0.8  # metres a second: it is no sitting down


def test_sliding_off_the_chair_ends_on_the_floor(world: World) -> None:
    life = doing(world, wide_falls.slide_off, "chair")
    assert life.whereabouts == "floor"


@pytest.mark.parametrize(
    ("activity", "begin"),
    [
        (wide_life.tie_shoes, "chair"),
        (wide_life.lean_back, "chair"),
        (wide_life.raise_arms, "chair"),
        (wide_life.turn_over, "bed"),
        (wide_life.sit_up_in_bed, "bed"),
    ],
)
def test_activities_on_chair_and_bed_end_there(
    world: World, activity: Activity, begin: Whereabouts
) -> None:
    life = doing(world, activity, begin)
    assert life.whereabouts == begin
    assert not {"falling", "fallen"} & labels_of(life)


@pytest.mark.no_cover
def test_nobody_sinks_into_the_floor_or_jumps_through_the_room(world: World) -> None:
    rng = np.random.default_rng(2)
    track = live(world, rng, 60.0, wide_life.wide_choices)
    present = [label != "empty room" for label in track.labels]
    for qpos in track.qpos[present][::10]:
        world.pose(qpos)
        assert world.lowest_m() > -0.06
    moves = np.linalg.norm(np.diff(track.qpos[:, :3], axis=0), axis=1)
    together = np.array(present[1:]) & np.array(present[:-1])
    assert moves[together].max() * SAMPLE_RATE_HZ < 9.0


def test_falls_are_not_cut_off_by_beginning_or_end(world: World) -> None:
    life = Life(world, np.random.default_rng(7), 60.0)
    life.whereabouts = "standing"
    early = {weight for weight, _ in wide_life.wide_choices(life)[-len(FALLS) :]}
    assert early == {0.0}
