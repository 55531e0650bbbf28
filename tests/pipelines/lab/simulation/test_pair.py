"""Two people in one room: what they do, and that they keep apart."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from jaxtyping import UInt8

from pipelines.lab.simulation.body import random_body
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Motion
from pipelines.lab.simulation.pair import (
    CARE_APART_M,
    FALL_APART_M,
    WAYS,
    Pair,
    PairPlan,
    live_pair,
    nearest_m,
)
from pipelines.lab.simulation.picture import Photographer, Sensor
from pipelines.lab.simulation.poses import standing
from pipelines.lab.simulation.world import World, random_world

PLAIN = Sensor(exposure=128, tint=(1, 1, 1), gamma=1, noise=0, night=False)
OUT_OF_BED = tuple(WAYS).index("out of bed")
KNEELING, BENDING = "kneeling", "bending"


@cache
def falls() -> list[Pair]:
    """Falls of one who was there first, and of one who came in."""
    pairs = [live_pair(PairPlan("fall", 1, number)) for number in (OUT_OF_BED, 3)]
    assert [pair.came_second for pair in pairs] == [False, True]
    return pairs


@cache
def carers() -> list[Pair]:
    """Carers beside the bed, beside the chair, and beside nobody."""
    return [live_pair(PairPlan("carer", 1, number)) for number in (0, 1, 4)]


@pytest.mark.no_cover
def test_equal_plans_give_equal_pairs_and_other_seeds_others() -> None:
    again, other = (live_pair(PairPlan("carer", seed, 0)) for seed in (1, 2))
    for mine, same in (
        (carers()[0].watched, again.watched),
        (carers()[0].companion, again.companion),
    ):
        np.testing.assert_array_equal(mine.track.qpos, same.track.qpos)
        np.testing.assert_array_equal(
            mine.world.model.geom_rgba, same.world.model.geom_rgba
        )
    assert other.watched.world.room != again.watched.world.room


def test_plans_go_through_every_way_to_fall_and_every_place_of_care() -> None:
    ways = [PairPlan("fall", 1, number).way for number in range(len(WAYS))]
    assert set(ways) == set(WAYS)
    places = [PairPlan("carer", 1, number).way for number in range(5)]
    assert set(places) == {"bed", "chair", "nobody"}


@pytest.mark.no_cover
def test_one_falls_once_and_stays_down_while_the_other_does_not() -> None:
    for pair in falls():
        assert 25 <= pair.duration_s <= 30
        labels = pair.watched.track.labels
        onset = labels.index("falling")
        assert 8 <= onset / SAMPLE_RATE_HZ <= pair.duration_s - 11
        assert set(labels[onset:]) == {"falling", "fallen"}
        assert labels[-1] == "fallen"
        assert not {"falling", "fallen"} & set(pair.companion.track.labels)
        assert pair.companion.is_seen_at(onset)


@pytest.mark.no_cover
def test_nobody_lies_inside_furniture() -> None:
    for pair in falls():
        assert pair.watched.deepest_m(pair.watched.first("fallen")) <= 0.1
    in_bed = live_pair(PairPlan("carer", 1, 0)).watched
    sunk = in_bed.track.qpos.copy()
    sunk[:, 2] -= 0.3
    lower = replace(in_bed, track=replace(in_bed.track, qpos=sunk))
    assert lower.deepest_m(0) > 0.1
    assert in_bed.deepest_m(0) < 0.1


@pytest.mark.no_cover
def test_who_came_second_was_not_there_at_first() -> None:
    for pair in falls():
        second = pair.watched if pair.came_second else pair.companion
        first = pair.companion if pair.came_second else pair.watched
        assert second.track.labels[0] == "empty room"
        assert first.track.labels[0] != "empty room"


@pytest.mark.no_cover
def test_two_people_keep_apart() -> None:
    for pairs, least_m in ((falls(), FALL_APART_M), (carers(), CARE_APART_M)):
        for pair in pairs:
            apart_m = nearest_m(pair.watched.places(), pair.companion.places())
            assert apart_m >= least_m


@pytest.mark.no_cover
def test_a_carer_goes_down_near_the_person_in_bed_or_on_the_chair() -> None:
    for pair in carers():
        labels = pair.companion.track.labels
        assert {KNEELING, BENDING} & set(labels)
        assert not {"falling", "fallen"} & {*labels, *pair.watched.track.labels}
    for pair in carers()[:2]:
        assert nearest_m(pair.watched.places(), pair.companion.places()) < 0.9
    nobody = carers()[2].watched
    assert set(nobody.track.labels) == {"empty room"}
    assert np.isnan(nobody.places()).all()


def test_the_way_to_somebody_who_is_not_there_is_endless() -> None:
    here = np.zeros((2, 3, 3))
    gone = np.full((2, 3, 3), np.nan)
    assert nearest_m(here, gone) == np.inf
    one_moment = gone.copy()
    one_moment[1] = [[5, 0, 0], [0, 3, 4], [0, 0, 6]]
    assert nearest_m(here, one_moment) == 5


Picture = UInt8[np.ndarray, "height width 3"]


def differs(picture: Picture, empty: Picture) -> np.ndarray:
    return np.asarray((picture != empty).any(axis=2))


def test_the_nearer_of_two_bodies_hides_the_other_whichever_world_is_shown() -> None:
    """Along the camera's line of sight: camera, near place, far place."""
    rng = np.random.default_rng(6)
    room = random_world(rng)
    beside = World(random_body(rng), room.room, room.view, rng)
    far_xy = np.zeros(2)
    near_xy = far_xy + 0.35 * (np.array(room.view.position_m[:2]) - far_xy)
    motions = [Motion(world, rng) for world in (room, beside)]
    here, there = (
        [motion.on_feet(standing(rng), 0.3, xy) for xy in (near_xy, far_xy)]
        for motion in motions
    )
    gone = [motion.absent() for motion in motions]
    with Photographer(room, PLAIN, rng, beside) as photographer:

        def shot(one: np.ndarray, other: np.ndarray) -> Picture:
            beside.pose(other)
            return photographer.render(one, covered=False)

        empty = shot(gone[0], gone[1])
        for one, other in ((here[0], there[1]), (here[1], there[0])):
            alone, second = shot(one, gone[1]), shot(gone[0], other)
            both = shot(one, other)
            in_one, in_other = differs(alone, empty), differs(second, empty)
            common = in_one & in_other
            assert common.sum() > 100
            nearer = alone if one is here[0] else second
            np.testing.assert_array_equal(both[common], nearer[common])
            np.testing.assert_array_equal(
                both[in_one & ~common], alone[in_one & ~common]
            )
            np.testing.assert_array_equal(
                both[in_other & ~common], second[in_other & ~common]
            )
            np.testing.assert_array_equal(
                both[~(in_one | in_other)], empty[~(in_one | in_other)]
            )


def test_a_room_with_two_has_one_blanket_and_nobody_who_is_away() -> None:
    rng = np.random.default_rng(6)
    room = random_world(rng)
    beside = World(random_body(rng), room.room, room.view, rng)
    gone = [Motion(world, rng).absent() for world in (room, beside)]
    beside.pose(gone[1])
    for covered in (True, False):
        with Photographer(room, PLAIN, rng) as photographer:
            alone = photographer.render(gone[0], covered=covered)
        with Photographer(room, PLAIN, rng, beside) as photographer:
            both = photographer.render(gone[0], covered=covered)
        np.testing.assert_array_equal(both, alone)
