"""The commands ``wardwatch study …`` on sets of real videos."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.lab.data.footage import LabelledSpan, write_labels
from services.command_line import app, run
from tests.pipelines.lab.studies.set_rig import make_ucf101, write_film

pytestmark = pytest.mark.gst

MODELS = ["frozen", "sc-clip", "sc-clip query", "sc-clip average"]


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    videos, lists = make_ucf101(tmp_path_factory.mktemp("ucf101"))
    return ["--set", "ucf101", "--data", str(videos), "--lists", str(lists)]


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real room")
    spans = []
    for k, label in enumerate(("fall", "walk", "juggling", "sitting")):
        write_film(folder / f"{k}.mp4", k)
        spans.append(LabelledSpan(f"{k}.mp4", label, "drawn", 0.0, 2.0))
    write_labels(folder / "labels.csv", spans)
    return folder


def study(name: str, *arguments: str | Path) -> int:
    return run(app, ["study", name, *map(str, arguments)])


@pytest.mark.slow
def test_zero_shot_runs_on_the_test_split_of_a_set(
    ucf101: list[str],
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ("--model", checkpoint, "--out", tmp_path)

    assert study("zero-shot", *ucf101, *options, "--json") == 0

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["clips"] == 6
    assert list(facts["f1"]) == ["Apply Eye Makeup", "Archery", "Yo Yo"]
    assert facts["basis"].startswith(
        "Measured on 6 clips of 3 classes of UCF101 split 1, test, prompts ucf101@"
    )
    assert facts["basis"].endswith(" with the checkpoint tiny-clip.")
    report = (tmp_path / "zero-shot.md").read_text()
    assert "ward" not in report
    assert "| Archery |" in report


@pytest.mark.slow
def test_the_first_classes_of_the_alphabet_are_enough(
    ucf101: list[str], checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--classes", "2", "--model", checkpoint, "--json")

    assert study("zero-shot", *ucf101, *options) == 0

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(facts["f1"]) == ["Apply Eye Makeup", "Archery"]
    assert facts["clips"] == 4


@pytest.mark.slow
def test_a_study_that_trains_takes_both_splits(
    ucf101: list[str], checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--model", checkpoint, "--quick", "--json")

    assert study("base-to-novel", *ucf101, *options) == 0

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["clips"] == 12
    assert "split 1, train and test, prompts" in facts["basis"]


@pytest.mark.slow
def test_is_clip_without_a_wearable_is_one_line(
    ucf101: list[str], checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study("is-clip", *ucf101, "--model", checkpoint, "--quick") == 2

    error = capsys.readouterr().err.splitlines()[-1]
    problem = "the clips have no samples of a wearable"
    assert error == f"wardwatch: IS-CLIP: {problem}"


@pytest.mark.slow
def test_footage_has_the_labels_of_the_ward(
    footage: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", footage, "--model", checkpoint, "--json")

    assert study("zero-shot", "--set", "footage", *options) == 0

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["clips"] == 3
    assert facts["f1"]["falling"] is not None
    assert "of 3 recordings of the footage in real room" in facts["basis"]
    assert "(1 spans have other labels)" in facts["basis"]


@pytest.mark.slow
def test_what_was_trained_on_one_set_is_measured_on_another(
    ucf101: list[str],
    footage: Path,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = ("--to-set", "footage", "--to-data", footage)
    options = ("--model", checkpoint, "--quick", "--json")

    assert study("zero-shot-transfer", *ucf101, *there, *options) == 0

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(facts["top1"]) == MODELS
    assert (facts["home_clips"], facts["clips"]) == (12, 3)
    assert facts["home"] == "UCF101 split 1"
    assert facts["basis"].startswith("Trained on groups of 12 clips of 3 classes of")


def test_a_set_is_not_measured_on_itself(
    ucf101: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    itself = [option.replace("--", "--to-") for option in ucf101]

    assert study("zero-shot-transfer", *ucf101, *itself) == 2

    assert "are the same folder" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--set", "ucf101"), "name it with --data"),
        (("--data", "videos"), "name it with --set"),
        (("--classes", "15"), "name it with --set"),
        (("--set", "footage", "--data", "x", "--classes", "3"), "does not apply to"),
        (("--set", "ucf102", "--data", "x"), "ucf102"),
    ],
)
def test_options_that_say_nothing_alone_are_refused(
    options: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study("zero-shot", *options) == 2

    assert problem in " ".join(capsys.readouterr().err.split())


def test_a_set_that_is_not_there_is_one_line(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--set", "ucf101", "--data", tmp_path, "--model", checkpoint)

    assert study("zero-shot", *options) == 2

    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"wardwatch: {tmp_path}: lists are missing: 'classInd.txt'")


@pytest.mark.slow
def test_real_videos_need_nothing_that_renders(
    ucf101: list[str], checkpoint: Path
) -> None:
    arguments = ["study", "zero-shot", *ucf101, "--model", str(checkpoint), "--json"]
    script = (
        "import sys; sys.modules['mujoco'] = None\n"
        "from services.command_line import app, run\n"
        f"sys.exit(run(app, {arguments!r}))"
    )

    output = subprocess.check_output([sys.executable, "-c", script], text=True)

    assert json.loads(output.splitlines()[-1])["clips"] == 6
