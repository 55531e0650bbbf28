"""The trials of UMAFall are read as published, and the plain rule finds their falls."""

import os
import subprocess
from pathlib import Path

import pytest

from pipelines.lab.data.trials.umafall import read_umafall
from pipelines.lab.studies.wearables.report import report_trials
from pipelines.lab.studies.wearables.rule import rule_falls

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    unpacked = tmp_path_factory.mktemp("umafall")
    packed = Path(os.environ["WARDWATCH_FOOTAGE"]) / "imu/umafall"
    archive = packed / "UMAFall_S04_S12_S17.tar.xz"
    subprocess.run(["tar", "-xJf", archive, "-C", unpacked], check=True)
    return unpacked


@pytest.mark.parametrize(
    ("place", "falls", "activities", "rate_hz"),
    [("waist", 22, 52, 20), ("wrist", 23, 73, 20), ("pocket", 23, 73, 200)],
)
def test_each_place_has_the_trials_that_the_set_has(
    folder: Path, place: str, falls: int, activities: int, rate_hz: float
) -> None:
    trials = read_umafall(folder, place)
    counts = [trial.is_fall for trial in trials].count
    assert (counts(True), counts(False)) == (falls, activities)
    rates = sorted(len(trial.times_s) / trial.seconds for trial in trials)
    assert rates[len(rates) // 2] == pytest.approx(rate_hz, rel=0.1)


def test_the_rule_finds_what_it_was_chosen_for(folder: Path) -> None:
    trials = read_umafall(folder, "waist")
    figures = report_trials(trials, [rule_falls(trial) for trial in trials]).figures
    assert (figures["sensitivity"].value, figures["specificity"].value) == (1.0, 1.0)
