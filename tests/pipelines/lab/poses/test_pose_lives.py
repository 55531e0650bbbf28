from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.person.pose_history import PoseHistory
from models.person.pose_picture import JOINTS
from pipelines.errors import TrainingError
from pipelines.lab.poses.pose_lives import (
    PoseRuns,
    latest_sizes,
    simulate_hours,
    simulate_pose_runs,
)
from pipelines.lab.simulation.footage import RecordingPlan, Stream

PLANS = [RecordingPlan(Stream.VALIDATION, 5, i, 20.0, Fraction(8)) for i in range(3)]


@pytest.fixture(scope="module")
def runs() -> PoseRuns:
    done: list[int] = []
    made = simulate_pose_runs(PLANS, 2, done.append)
    assert sorted(done) == [1, 2, 3]
    return made


def test_every_life_is_seen_by_every_camera(runs: PoseRuns) -> None:
    assert runs.joints.shape == (6, 160, 13, 3)
    assert runs.labels.shape == (6, 160)
    assert 0.5 < runs.found.mean() < 1.0
    assert (runs.labels[0] == runs.labels[1]).mean() > 0.95  # one life, two cameras
    assert (runs.joints[0] != runs.joints[1]).any()


def test_equal_plans_give_equal_lives(runs: PoseRuns) -> None:
    again = simulate_pose_runs(PLANS, 2, lambda _: None)
    assert np.array_equal(again.joints, runs.joints)
    assert again.names == runs.names


def test_a_kept_result_is_read_again(runs: PoseRuns, tmp_path: Path) -> None:
    simulate_pose_runs(PLANS, 2, lambda _: None, tmp_path)
    (file,) = tmp_path.iterdir()
    kept = PoseRuns.load(file)
    assert np.array_equal(kept.joints, runs.joints)
    kept.joints[:] = 0
    kept.save(file)
    assert not simulate_pose_runs(PLANS, 2, lambda _: None, tmp_path).joints.any()


@pytest.mark.no_cover
def test_an_ordinary_hour_has_no_fall() -> None:
    plans = [replace(PLANS[0], index=10, duration_s=600.0)]  # at ten in the morning
    hour = simulate_hours(plans, lambda _: None)
    assert hour.joints.shape == (1, 4800, 13, 3)
    assert {"walking", "standing"} <= set(hour.names)
    assert not {"falling", "fallen"} & set(hour.names)


def test_no_life_is_refused() -> None:
    with pytest.raises(TrainingError, match="none to simulate"):
        simulate_pose_runs([], 2, lambda _: None)


def test_sizes_are_those_that_a_live_history_estimates(runs: PoseRuns) -> None:
    joints = runs.joints[0].astype(np.float32)
    history, sizes = PoseHistory(), latest_sizes(joints, runs.found[0])
    for step in range(len(joints)):
        if runs.found[0, step]:
            landmarks = np.zeros((33, 3), np.float32)
            landmarks[list(JOINTS)] = joints[step]
            history.add(step, landmarks)
            assert history.size == pytest.approx(sizes[step], rel=1e-5)
