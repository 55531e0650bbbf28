from itertools import groupby, pairwise

import numpy as np
import pytest

from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Track
from pipelines.lab.simulation.world import World


def test_the_person_never_sinks_into_the_floor(
    lives: list[tuple[World, Track]],
) -> None:
    for world, track in lives:
        for qpos, label in zip(track.qpos[::10], track.labels[::10], strict=True):
            if label != "empty room":
                world.pose(qpos)
                assert world.lowest_m() > -0.06, label


def test_the_person_moves_without_jumps_while_in_the_room(
    lives: list[tuple[World, Track]],
) -> None:
    for _, track in lives:
        steps = np.linalg.norm(np.diff(track.qpos[:, :3], axis=0), axis=1)
        present = np.array([label != "empty room" for label in track.labels])
        within = present[1:] & present[:-1]
        assert steps[within].max() * SAMPLE_RATE_HZ < 8.0  # m/s; a fall reaches 5


def test_a_fall_ends_on_the_floor_and_is_followed_by_lying_there(
    lives: list[tuple[World, Track]],
) -> None:
    falls = 0
    for world, track in lives:
        sample = 0
        runs = [(label, len(list(run))) for label, run in groupby(track.labels)]
        for (label, length), (after, _) in pairwise(runs):
            sample += length
            if label == "falling":
                falls += 1
                world.pose(track.qpos[sample - 1])
                assert after == "fallen"
                assert world.data.geom("pelvis").xpos[2] < 0.35
                assert world.sees_trunk(track.qpos[sample - 1])
    assert falls == 7


def test_a_fall_is_as_fast_as_weight_makes_it(lives: list[tuple[World, Track]]) -> None:
    speeds = []
    for world, track in lives:
        places = []
        for qpos, label in zip(track.qpos, track.labels, strict=True):
            if label == "falling":
                world.pose(qpos)
                places.append(world.data.geom("chest").xpos[2])
        if places:
            speeds.append(-np.diff(places).min() * SAMPLE_RATE_HZ)
    assert 0.8 < np.median(speeds) < 6.0  # m/s; from 1 m of free fall: 4.4


def test_every_label_of_the_ward_occurs(lives: list[tuple[World, Track]]) -> None:
    seen = {label for _, track in lives for label in track.labels}
    assert seen >= {
        *("walking", "standing", "sitting down", "sitting", "lying down"),
        *("lying in bed", "standing up", "bending", "falling", "fallen"),
        *("empty room", "kneeling", "sitting on floor"),
    }


def test_a_drop_onto_the_bed_looks_like_a_fall_and_the_lying_after_it_does_not(
    lives: list[tuple[World, Track]],
) -> None:
    noted = {
        label
        for _, track in lives
        for label, note in zip(track.labels, track.notes, strict=True)
        if note == "hard negative: dropping onto the bed"
    }
    assert noted == {"lying down"}


@pytest.mark.no_cover
def test_equal_plans_give_equal_lives() -> None:
    plan = RecordingPlan(Stream.FOOTAGE, 3, 1, 24.0)
    (_, _, first), (_, _, second) = simulate_motion(plan), simulate_motion(plan)
    assert "falling" in first.labels  # physics, too, is the same each time
    np.testing.assert_array_equal(first.qpos, second.qpos)
    assert first.labels == second.labels


def test_streams_of_one_seed_never_meet() -> None:
    draws = {
        RecordingPlan(stream, seed, index).generator().integers(2**62)
        for stream in Stream
        for seed in range(4)
        for index in range(4)
    }
    assert len(draws) == len(Stream) * 16
