from dataclasses import replace

import numpy as np
import pytest

from pipelines.lab.data.trials.trial import WearableTrial
from pipelines.lab.studies.wearables.report import report_groups, report_trials
from pipelines.lab.studies.wearables.watching import MOUNTINGS, mounting

FALL = WearableTrial(
    "t",
    "p",
    "under 60",
    "fall",
    True,
    "waist",
    np.array([0.0, 1800.0]),
    np.zeros((2, 3), np.float32),
    None,
)
WALK = replace(FALL, activity="walking", is_fall=False, group="60 and over")
JUMP = replace(WALK, activity="jumping")
TRIALS = [FALL, FALL, WALK, JUMP, JUMP]
FALLS = [[3.0], [], [], [2.0, 9.0], []]


def test_falls_found_and_activities_without_one_are_counted() -> None:
    report = report_trials(TRIALS, FALLS)
    assert (report.falls, report.activities) == (2, 3)
    values = {name: figure.value for name, figure in report.figures.items()}
    assert values == {
        "sensitivity": 1 / 2,
        "specificity": pytest.approx(2 / 3),
        "false_falls_per_hour": pytest.approx(2 / 1.5),  # three times half an hour
    }


def test_activities_that_raised_a_fall_are_named() -> None:
    assert report_trials(TRIALS, FALLS).raised == {"jumping": (1, 2)}


def test_each_group_has_its_own_trials() -> None:
    groups = report_groups(TRIALS, FALLS)
    counts = {name: (each.falls, each.activities) for name, each in groups.items()}
    assert counts == {"under 60": (2, 0), "60 and over": (0, 3)}


def test_mountings_are_rotations_and_the_first_changes_nothing() -> None:
    turns = [mounting(number) for number in range(MOUNTINGS)]
    assert (turns[0] == np.eye(3)).all()
    assert len({turn.tobytes() for turn in turns}) == MOUNTINGS
    assert all(np.linalg.det(turn) == pytest.approx(1) for turn in turns)
    with pytest.raises(ValueError, match=r"^a mounting is 0 to 43, got 44$"):
        mounting(44)
