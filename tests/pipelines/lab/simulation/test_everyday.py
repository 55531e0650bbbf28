"""An ordinary hour: mostly quiet, and with a fall only if one is planned."""

from collections import Counter

import numpy as np
import pytest

from pipelines.lab.simulation.everyday import Activities, Hour, live_hour
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.world import random_world

DURATION_S = 900.0


def hour(seed: int, hour_of_day: int, fall_at_s: float | None = None) -> Hour:
    rng = np.random.default_rng(seed)
    world = random_world(rng)
    return live_hour(world, rng, hour_of_day, fall_at_s, duration_s=DURATION_S)


def shares(lived: Hour) -> dict[str, float]:
    counts = Counter(lived.track.labels)
    return {label: n / len(lived.track.labels) for label, n in counts.items()}


def test_a_night_is_spent_in_bed_and_hardly_moves() -> None:
    lived = hour(3, 2)
    assert shares(lived)["lying in bed"] > 0.8
    moves = np.abs(np.diff(lived.track.qpos, axis=0)).max(axis=1)
    assert (moves == 0).mean() > 0.8


@pytest.mark.no_cover
def test_a_waking_hour_without_a_planned_fall_has_none() -> None:
    for seed in range(4):
        lived = hour(seed, 10)
        assert not {"falling", "fallen"} & set(lived.track.labels)


@pytest.mark.no_cover
@pytest.mark.parametrize("hour_of_day", [2, 10])
def test_a_planned_fall_happens_once_about_its_time(hour_of_day: int) -> None:
    lived = hour(4, hour_of_day, 300.0)
    falling = np.flatnonzero(np.array(lived.track.labels) == "falling")
    first_s, last_s = falling[[0, -1]] / SAMPLE_RATE_HZ
    assert 300.0 <= first_s < 400.0
    assert last_s - first_s < 10.0
    assert shares(lived)["fallen"] * DURATION_S > 5.0


def test_an_hour_has_its_whole_length_and_names_its_activities() -> None:
    lived = hour(5, 15)
    assert len(lived.track.labels) == DURATION_S * SAMPLE_RATE_HZ
    assert list(lived.activities.begins_s) == sorted(lived.activities.begins_s)
    assert len(set(lived.activities.names)) > 3


def test_the_activity_at_a_time_is_the_last_begun() -> None:
    activities = Activities((0.0, 2.0, 5.0), ("walk", "sit", "stand"))
    named = [activities.at(time_s) for time_s in (-1.0, 0.0, 4.9, 5.0, 99.0)]
    assert named == ["walk", "walk", "sit", "stand", "stand"]


@pytest.mark.no_cover
def test_equal_seeds_give_equal_hours() -> None:
    one, other = hour(6, 12), hour(6, 12)
    assert one.activities == other.activities
    assert np.array_equal(one.track.qpos, other.track.qpos)
