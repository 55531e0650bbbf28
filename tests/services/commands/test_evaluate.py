import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipelines.lab.data.footage import LabelledSpan, write_labels
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from services.command_line import app, run

pytestmark = pytest.mark.gst


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    rows = []
    for file in ("a.mp4", "b.mp4"):
        with VideoFileWriter(folder / file, 64, 48, Fraction(8)) as writer:
            for shade in range(40):
                writer.write(np.full((48, 64, 3), 5 * shade, np.uint8))
        rows += [
            LabelledSpan(file, "fall", "drawn", 1.0, 2.0),
            LabelledSpan(file, "juggling", "drawn", 3.0, 5.0),
        ]
    write_labels(folder / "labels.csv", rows)
    return folder


def evaluate(*arguments: str | Path) -> int:
    return run(app, ["evaluate", "events", *map(str, arguments)])


@pytest.mark.slow
def test_json_is_one_object_on_the_last_line(
    footage: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(footage, "--model", checkpoint, "--json") == 0

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["falls"] == 2
    assert facts["recordings"] == 2
    assert facts["hours"] == pytest.approx(2 * 39 / 8 / 3600)
    assert facts["unknown_labels"] == ["juggling"]
    assert {"recall", "precision", "top1"} <= facts["intervals"].keys()


@pytest.mark.slow
def test_a_person_sees_a_table_and_where_the_files_are(
    footage: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "[bold]out"

    assert evaluate(footage, "--model", checkpoint, "--out", out) == 0

    text = capsys.readouterr().out
    assert "false falls per hour" in text
    assert "juggling" in text
    assert f"written: {out}/confusion.png\n" in text
    assert (out / "confusion.png").stat().st_size > 0
    assert json.loads((out / "events.json").read_text())["falls"] == 2


@pytest.mark.slow
def test_every_option_is_taken(
    footage: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--temporal", "single", "--crop", "left", "--quick", "--seed", "3")

    assert evaluate(footage, "--model", checkpoint, *options, "--json") == 0

    assert json.loads(capsys.readouterr().out)["recordings"] == 2


@pytest.mark.slow
def test_what_the_answers_rest_on_is_chosen_and_told(
    footage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = "t_s,ax_mps2,ay_mps2,az_mps2,gx_radps,gy_radps,gz_radps"
    rows = [f"{i / 50},0,0,9.8,0,0,0" for i in range(250)]
    for file in ("a", "b"):
        path = footage / f"{file}.waist.imu.csv"
        path.write_text("\n".join([columns, *rows]))
    counts = {}
    for wearable in ("waist", "none"):
        assert evaluate(footage, "--wearable", wearable, "--json") == 0
        counts[wearable] = json.loads(capsys.readouterr().out)["counts"]
    assert counts["none"]["video_windows"] == counts["none"]["windows"]
    assert counts["waist"]["fused_windows"] > counts["waist"]["windows"] / 2
    silent = "--wearable", "waist", "--disturb", "silent", "--json"
    assert evaluate(footage, *silent) == 0
    silenced = json.loads(capsys.readouterr().out)["counts"]
    assert silenced["fused_windows"] < counts["waist"]["fused_windows"] / 2
    assert evaluate(footage, "--wearable", "hip") == 2
    assert "no wearable at 'hip'; it has: waist\n" in capsys.readouterr().err


def test_a_view_that_the_checkpoint_cannot_use_is_one_line(
    footage: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(footage, "--model", checkpoint, "--view", "pose") == 2
    error = capsys.readouterr().err
    assert "the view pose is of no use" in error
    assert error.count("\n") == 1


def test_strict_refuses_a_label_that_nobody_knows(
    footage: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(footage, "--model", checkpoint, "--strict") == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"wardwatch: {footage}/labels.csv:3: label: 'juggling' is")


def test_a_folder_without_labels_is_one_line_and_exit_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(tmp_path) == 2

    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"wardwatch: {tmp_path}/labels.csv: cannot be read: ")


def test_a_pane_that_is_none_is_exit_code_two(
    footage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(footage, "--crop", "middle") == 2

    assert "'middle' is not left, right or" in capsys.readouterr().err


def test_a_file_in_the_folders_place_is_refused_before_anything_is_watched(
    footage: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    out.write_text("words")

    assert evaluate(footage, "--model", checkpoint, "--out", out) == 2

    assert capsys.readouterr().err == f"wardwatch: {out}: is a file; choose a folder\n"
