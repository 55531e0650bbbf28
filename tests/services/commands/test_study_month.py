"""``wardwatch study month`` and ``wordings``; what people do is not judged here."""

import json
from pathlib import Path

import pytest

from models.bundled import PICTURE_CHECKPOINT_FOLDER
from models.clip.card import Card, write_card
from pipelines.lab.studies.month.results import RESULTS_NAME, HourResult, open_results
from pipelines.lab.studies.wordings import NEW_LABELS
from services.command_line import app, run
from tests.tiny_checkpoint import save_tiny_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint that looks at poses."""
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny-pose")
    write_card(folder, Card("pose", 0.7))
    return folder


def study(*arguments: str | Path) -> int:
    return run(app, ["study", *map(str, arguments)])


@pytest.mark.slow
def test_an_hour_gives_a_table_then_json_without_living_it_again(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = "month", "--model", checkpoint, "--hours", "1", "--out", out
    assert study(*given) == 0
    text = capsys.readouterr().out
    for word in ("1.0 hours, 0 falls", "model", "rule", "false falls per camera day"):
        assert word in text
    lived = (out / RESULTS_NAME).read_text()

    assert study(*given, "--json") == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (facts["hours"], facts["falls"]) == (1.0, 0)
    assert set(facts["methods"]) == {"model", "rule"}
    rate = facts["methods"]["rule"]["false_falls_per_camera_day"]
    assert rate["counts"]["camera_days"] == pytest.approx(1 / 24)
    assert json.loads((out / "month.json").read_text()) == facts
    assert (out / RESULTS_NAME).read_text() == lived


def test_results_of_another_checkpoint_are_one_line(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_results(tmp_path / RESULTS_NAME, {"checkpoint": "other"}).add(
        [HourResult(0, 3600.0, 0, {}, {})]
    )
    assert study("month", "--model", checkpoint, "--out", tmp_path) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.endswith("month.jsonl: holds another study; choose another folder")


@pytest.mark.parametrize("name", ["month", "wordings"])
def test_a_checkpoint_of_pictures_is_one_line(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(name, "--model", PICTURE_CHECKPOINT_FOLDER) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "looks at pictures" in error


def test_a_file_that_is_no_vector_net_is_one_line(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "month", "--model", checkpoint, "--yardstick", tmp_path / "absent"
    assert study(*given) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "absent: cannot be read" in error


@pytest.mark.slow
def test_wordings_lists_each_prompt_set_and_each_new_label(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "wordings", "--model", checkpoint, "--minutes", "2"
    assert study(*given, "--json") == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(facts["recall"]) == {"ward", "everyday", "nurse", "terse"}
    assert facts["recall"]["ward"]["counts"]["falls"] == 2
    assert set(facts["labels"]) == set(NEW_LABELS)
    assert facts["labels"]["dancing"]["ranking"] is None
