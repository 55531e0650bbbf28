"""Where a walking aid is, as its person walks, falls, leaves and comes back."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.lab.simulation.aids.walking_aid import AHEAD_M, REACH_M, WalkingAid
from pipelines.lab.simulation.body import JOINTS, random_body
from pipelines.lab.simulation.motion import Qpos
from pipelines.lab.simulation.room import Room, random_room

STANDING_M, ON_FLOOR_M = 0.9, 0.15


def wide_room() -> Room:
    """The middle is free: the chair is in a corner, the bed at the back wall."""
    room = random_room(np.random.default_rng(0))
    return replace(room, width_m=6.0, depth_m=6.0, chair_xy=(-2.5, -2.5))


def somebody_s_aid(room: Room) -> WalkingAid:
    body = replace(random_body(np.random.default_rng(0)), height_m=1.7)
    return WalkingAid(body, room)


def at(
    x: float, y: float, *, heading: float = 0.0, z: float = STANDING_M, pitch: float = 0
) -> Qpos:
    """A person's coordinates: turned to the left by the heading, then forwards."""
    qpos = np.zeros(7 + len(JOINTS))
    qpos[:3] = x, y, z
    a, b = heading / 2, pitch / 2
    qpos[3:7] = (
        np.cos(a) * np.cos(b),
        -np.sin(a) * np.sin(b),
        np.cos(a) * np.sin(b),
        np.sin(a) * np.cos(b),
    )
    return qpos


def test_it_is_in_front_of_a_person_on_their_feet_and_turned_with_them() -> None:
    aid = somebody_s_aid(wide_room())
    assert aid.follow(at(0, 0)) == pytest.approx((AHEAD_M, 0, 0))
    expected = (0.3, 0.2 + AHEAD_M, np.pi / 2)
    assert aid.follow(at(0.3, 0.2, heading=np.pi / 2)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "down", [{"z": ON_FLOOR_M}, {"pitch": 1.2}], ids=["low", "tilted"]
)
def test_it_stays_where_it_was_left_when_the_person_goes_down(
    down: dict[str, float],
) -> None:
    aid = somebody_s_aid(wide_room())
    left = aid.follow(at(0, 0))
    assert aid.follow(at(0.2, 0.1, heading=1.0, **down)) == left
    assert aid.follow(at(0.2, 0.1)) == pytest.approx((0.2 + AHEAD_M, 0.1, 0))


def test_who_is_too_far_from_it_walks_without_it_until_it_is_in_reach() -> None:
    aid = somebody_s_aid(wide_room())
    left = aid.follow(at(0, 0))
    aid.follow(at(0, 0, z=ON_FLOOR_M))
    away = AHEAD_M - REACH_M
    assert aid.follow(at(away - 0.05, 0)) == left
    assert aid.follow(at(away + 0.05, 0)) != left


def test_it_is_nowhere_before_the_person_first_stands() -> None:
    aid = somebody_s_aid(wide_room())
    assert aid.follow(at(0, 0, z=ON_FLOOR_M)) is None
    assert aid.follow(at(0, 0)) is not None


def test_it_is_parked_where_its_person_first_stands() -> None:
    aid = somebody_s_aid(wide_room())
    sitting, later = at(0, 0, z=ON_FLOOR_M), at(0.1, 0)
    aid.park(np.array([sitting, sitting, later, at(1, 1)]))
    assert aid.follow(sitting) == pytest.approx((0.1 + AHEAD_M, 0, 0))


def test_who_enters_later_brings_it() -> None:
    aid, gone = somebody_s_aid(wide_room()), at(0, 0, z=-40)
    aid.park(np.array([gone, at(0, 0)]))
    assert aid.follow(gone) is None
    assert aid.follow(at(0, 0)) is not None


def test_what_is_parked_stays_when_its_person_is_taken_away() -> None:
    aid = somebody_s_aid(wide_room())
    aid.park(np.array([at(0, 0)]))
    assert aid.follow(at(0, 0, z=-40)) is not None


def test_who_leaves_with_it_returns_with_it_and_what_is_left_stays() -> None:
    aid, gone = somebody_s_aid(wide_room()), at(0, 0, z=-40)
    aid.follow(at(0, 0))
    assert aid.follow(gone) is None
    assert aid.follow(gone) is None
    left = aid.follow(at(1.5, -1.5))
    assert left == pytest.approx((1.5 + AHEAD_M, -1.5, 0))
    aid.follow(at(-1, -1.5))
    assert aid.follow(gone) == left


def test_it_enters_neither_walls_nor_bed_nor_chair() -> None:
    room = wide_room()
    free = (0.0, 0.0)
    chair_x, chair_y = room.chair_xy
    for x, y, heading in (
        (room.width_m / 2 - 0.5, 0.0, 0.0),
        (room.bed_x_m, room.bed_edge_y_m - 0.5, np.pi / 2),
        (chair_x + 0.8, chair_y, np.pi),
    ):
        aid = somebody_s_aid(room)
        assert aid.follow(at(x, y, heading=heading)) is None
        assert aid.follow(at(*free)) is not None
