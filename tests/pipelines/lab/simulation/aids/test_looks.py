"""Aids change pictures, and nothing that moves, collides or is drawn at random."""

from dataclasses import replace
from fractions import Fraction

import mujoco
import numpy as np
import pytest

from pipelines.lab.simulation.aids.looks import WalkingAidKind, side_stream
from pipelines.lab.simulation.aids.wheelchair import WHEEL_RADIUS_M
from pipelines.lab.simulation.body import random_body
from pipelines.lab.simulation.footage import shots
from pipelines.lab.simulation.life import live
from pipelines.lab.simulation.motion import Motion, Qpos, Track
from pipelines.lab.simulation.picture import Photographer, Sensor
from pipelines.lab.simulation.poses import standing
from pipelines.lab.simulation.room import random_room
from pipelines.lab.simulation.world import PARTS, World, random_world

PLAIN = Sensor(exposure=128, tint=(1, 1, 1), gamma=1, noise=0, night=False)


def same_world(
    *, walking_aid: WalkingAidKind = "none", wheelchair: bool = False, seed: int = 2
) -> World:
    """The world of a seed, with and without aids."""
    drawn = random_world(np.random.default_rng(seed))
    body = replace(drawn.body, walking_aid=walking_aid)
    room = replace(drawn.room, wheelchair=wheelchair)
    return World(body, room, drawn.view, np.random.default_rng(seed))


def somebody_standing(world: World) -> Qpos:
    motion = Motion(world, np.random.default_rng(0))
    return motion.on_feet(standing(motion.rng), -1.0, np.zeros(2))


def geoms(world: World) -> dict[str, tuple[float, ...]]:
    """What physics and colours know of each thing, by its name."""
    model = world.model
    return {
        model.geom(i).name: (
            *(*model.geom_pos[i], *model.geom_size[i], *model.geom_rgba[i]),
            *(model.geom_contype[i], model.geom_conaffinity[i]),
        )
        for i in range(model.ngeom)
    }


def test_a_side_stream_leaves_the_draws_of_its_source_as_they_are() -> None:
    rng, other = (np.random.default_rng(4) for _ in range(2))
    first, second = side_stream(rng), side_stream(rng)
    assert first.random() != second.random()
    assert rng.bytes(32) == other.bytes(32)


def test_a_world_draws_as_much_at_random_as_before_it_had_aids() -> None:
    """The number is what a checkout of simulator version 3 draws here."""
    rng = np.random.default_rng(7)
    random_world(rng)
    assert rng.integers(10**9) == 297_684_182


def test_a_quarter_of_people_and_rooms_have_an_aid() -> None:
    rng = np.random.default_rng(1)
    kinds = [random_body(rng).walking_aid for _ in range(400)]
    chairs = [random_room(rng).wheelchair for _ in range(400)]
    assert set(kinds) == {"none", "frame", "rollator"}
    assert np.mean([kind != "none" for kind in kinds]) == pytest.approx(0.25, abs=0.06)
    assert np.mean(chairs) == pytest.approx(0.25, abs=0.06)


@pytest.mark.slow
def test_a_seed_s_life_world_and_camera_are_the_same_with_aids() -> None:
    """A life with a fall near the chair, where contacts show the least difference."""
    plain, aided = same_world(), same_world(walking_aid="rollator", wheelchair=True)
    lives = [live(world, np.random.default_rng(1), 20.0) for world in (plain, aided)]
    assert "falling" in lives[0].labels
    np.testing.assert_array_equal(lives[0].qpos, lives[1].qpos)
    assert lives[0].labels == lives[1].labels
    assert lives[0].covered == lives[1].covered
    for name in ("cam_pos", "cam_quat", "light_diffuse", "tex_data", "body_mass"):
        one, other = (getattr(world.model, name) for world in (plain, aided))
        np.testing.assert_array_equal(one, other[: len(one)])
    known, now = geoms(plain), geoms(aided)
    assert {name: now[name] for name in known} == known
    added = [facts[-2:] for name, facts in now.items() if name not in known]
    assert len(added) > 50
    assert set(added) == {(0, 0)}


def test_the_wheels_of_a_wheelchair_stand_on_the_floor_beside_its_seat() -> None:
    world = same_world(wheelchair=True)
    model = world.model
    mujoco.mj_kinematics(model, world.data)
    chair_y = world.room.chair_xy[1]
    for sign in (-1, 1):
        rim = [model.geom(f"chair_rim_{sign}_{i}").id for i in range(18)]
        places = world.data.geom_xpos[rim]
        assert np.ptp(places[:, 2]) == pytest.approx(2 * WHEEL_RADIUS_M, abs=0.05)
        assert places[:, 2].min() == pytest.approx(0.015, abs=0.01)
        assert (sign * (places[:, 1] - chair_y) > model.geom("seat").size[1]).all()
    assert model.geom("chair_base").group == 3
    parts = world.part_of_geom()
    assert parts[model.geom("chair_rim_1_0").id] == PARTS.index("chair")


@pytest.mark.slow
def test_a_picture_shows_the_walking_aid_and_nothing_else_changes() -> None:
    plain, aided = same_world(), same_world(walking_aid="frame")
    gone = Motion(plain, np.random.default_rng(0)).absent()
    qpos = somebody_standing(plain)
    pictures = []
    for world in (plain, aided):
        with Photographer(world, PLAIN, np.random.default_rng(0)) as photographer:
            pictures.append(
                [photographer.render(each, covered=False) for each in (gone, qpos)]
            )
            shown = photographer.segment(qpos, covered=False)
    (empty, without), (still_empty, with_aid) = pictures
    np.testing.assert_array_equal(empty, still_empty)
    changed = (without != with_aid).any(axis=2)
    assert changed.sum() > 200
    assert set(shown[changed]) == {PARTS.index("other")}


@pytest.mark.slow
def test_a_film_shows_the_aid_where_its_person_will_first_stand() -> None:
    world = same_world(walking_aid="frame")
    standing_qpos = somebody_standing(world)
    low = standing_qpos - np.eye(len(standing_qpos))[2] * 0.5
    first = []
    for last in (low, standing_qpos):
        track = Track(
            qpos=np.array([low] * 9 + [last]),
            labels=("sitting",) * 10,
            notes=("",) * 10,
            covered=(False,) * 10,
        )
        with Photographer(world, PLAIN, np.random.default_rng(0)) as photographer:
            (picture,) = shots(photographer, track, Fraction(5))
        first.append(picture)
    assert (first[0] != first[1]).any(axis=2).sum() > 200


@pytest.mark.slow
def test_of_two_people_only_the_first_has_an_aid() -> None:
    world, beside = same_world(walking_aid="frame"), same_world(walking_aid="rollator")
    motion = Motion(world, np.random.default_rng(0))
    qpos, gone = somebody_standing(world), motion.absent()
    beside.pose(gone)
    model = world.with_another(beside.body)
    assert model.nmocap == world.model.nmocap == 2
    with Photographer(world, PLAIN, np.random.default_rng(0)) as photographer:
        alone = photographer.render(qpos, covered=False)
    with Photographer(world, PLAIN, np.random.default_rng(0), beside) as photographer:
        both = photographer.render(qpos, covered=False)
    np.testing.assert_array_equal(alone, both)
