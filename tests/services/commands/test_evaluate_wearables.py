"""``wardwatch evaluate wearables`` on two trials; what the model says is not judged."""

import json
from pathlib import Path

import numpy as np
import pytest

from services.command_line import app, run

HEADER = "%C4:BE:84:71:A5:02; 2; WAIST; SensorTag\n"
NAMES = {"Fall": "Fall_backwardFall", "ADL": "ADL_Walking"}


def write_trial(folder: Path, kind: str) -> None:
    """Ten seconds upright; in a fall an impact at 4 s and then lying still."""
    accel_g = np.tile([1.0, 0.0, 0.0], (200, 1))
    if kind == "Fall":
        accel_g[80] = (4.0, 0.0, 0.0)
        accel_g[81:] = (0.0, 1.0, 0.0)
    rows = [f"{50 * i};{i};{x};{y};{z};0;2;\n" for i, (x, y, z) in enumerate(accel_g)]
    name = f"UMAFall_Subject_01_{NAMES[kind]}_1_2016-06-13_13-16-18.csv"
    (folder / name).write_text(HEADER + "".join(rows))


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    write_trial(tmp_path, "Fall")
    write_trial(tmp_path, "ADL")
    return tmp_path


def evaluate(*arguments: str | Path) -> int:
    return run(app, ["evaluate", "wearables", *map(str, arguments)])


@pytest.mark.slow
def test_json_has_the_figures_of_model_and_rule(
    trials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(trials, "--rotate", "5", "--json") == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (facts["place"], facts["mounting"]) == ("waist", 5)
    assert set(facts["by_group"]) == {"age unknown"}
    for figures in (facts, facts["rule"], facts["by_group"]["age unknown"]):
        assert (figures["falls"], figures["activities"]) == (1, 1)
        assert figures["sensitivity"] in {0.0, 1.0}
        assert figures["specificity"] in {0.0, 1.0}
    rule = facts["rule"]
    assert (rule["sensitivity"], rule["specificity"]) == (1.0, 1.0)
    assert rule["false_falls_per_hour"] == 0.0


@pytest.mark.slow
def test_a_person_sees_model_and_rule_side_by_side(
    trials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(trials) == 0
    output = capsys.readouterr().out
    for words in ("sensitivity", "specificity", "model", "rule", "1.00 (0.21 to 1.00)"):
        assert words in output


def test_a_recogniser_that_needs_pictures_is_refused(
    trials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(trials, "--adaptation", "none") == 2
    assert "needs pictures" in capsys.readouterr().err


def test_a_set_needs_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--format", "weda") == 2
    assert "name the folder of the set" in capsys.readouterr().err


@pytest.mark.slow
def test_simulated_trials_go_through_a_lesser_device(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ("--format", "simulated", "--trials", "3", "--place", "wrist")
    lesser = ("--at-hz", "20", "--range-g", "2", "--no-gyro", "--json")
    assert evaluate(*given, *lesser) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["device"] == {"rate_hz": 20.0, "range_g": 2.0, "has_gyro": False}
    assert facts["falls"] + facts["activities"] == 3


@pytest.mark.slow
def test_impacts_are_drawn(trials: Path, tmp_path: Path) -> None:
    picture = tmp_path / "impacts.png"
    assert evaluate(trials, "--impacts", picture) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
