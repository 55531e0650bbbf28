"""``wardwatch study pairs``; what people do is not judged here."""

import json
from pathlib import Path

import pytest

from models.bundled import PICTURE_CHECKPOINT_FOLDER
from models.clip.card import Card, write_card
from pipelines.lab.studies.pairs.results import RESULTS_NAME, open_cases
from services.command_line import app, run
from tests.tiny_checkpoint import save_tiny_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint that looks at poses."""
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny-pose")
    write_card(folder, Card("pose", 0.7))
    return folder


def study(*arguments: str | Path) -> int:
    return run(app, ["study", "pairs", *map(str, arguments)])


@pytest.mark.gst
@pytest.mark.timeout(300)
def test_two_cases_give_a_table_then_json_without_watching_them_again(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint that was never trained misses the fall, and raises none."""
    out = tmp_path / "out"
    given = "--model", checkpoint, "--cases", "1", "--carers", "1", "--out", out
    assert study(*given) == 0
    text = capsys.readouterr().out
    for words in ("found 0, falls 1", "raised 0, cases 1", "fall-1-000", "missed at"):
        assert words in text
    watched = (out / RESULTS_NAME).read_text()
    assert len(watched.splitlines()) == 3
    assert (out / "fall-1-000.png").exists()

    assert study(*given, "--json") == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["fall"]["recall"]["counts"] == {"found": 0, "falls": 1}
    assert facts["carer"]["raised"]["counts"] == {"raised": 0, "cases": 1}
    assert [each["name"] for each in facts["wrong"]] == ["fall-1-000"]
    assert json.loads((out / "pairs.json").read_text()) == facts
    assert "| fall-1-000 |" in (out / "pairs.md").read_text()
    assert (out / RESULTS_NAME).read_text() == watched


def test_results_of_another_checkpoint_are_one_line(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_cases(tmp_path / RESULTS_NAME, {"checkpoint": "other"})
    assert study("--model", checkpoint, "--out", tmp_path) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.endswith("pairs.jsonl: holds another study; choose another folder")


def test_a_checkpoint_of_pictures_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert study("--model", PICTURE_CHECKPOINT_FOLDER) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "looks at pictures" in error
