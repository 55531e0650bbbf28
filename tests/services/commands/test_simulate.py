"""What ``wardwatch simulate`` refuses; what it renders is tested where it is made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.lab.data.footage import COLUMNS
from services.command_line import app, run


def simulate(*arguments: str | Path) -> int:
    return run(app, ["simulate", *map(str, arguments)])


def test_a_folder_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate("--hours", "1") == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [("--hours", "0"), ("--hours", "nan-ish"), ("--seed", "-1")]
)
def test_numbers_out_of_range_are_refused(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate("--out", tmp_path / "ward", *option) == 2
    assert option[0] in capsys.readouterr().err
    assert not (tmp_path / "ward").exists()


def test_a_file_in_the_folders_place_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ward"
    path.write_text("words")
    assert simulate("--out", path) == 2
    assert capsys.readouterr().err == f"wardwatch: {path}: is a file; choose a folder\n"


def test_labels_of_other_footage_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.csv"
    text = f"{','.join(COLUMNS)}\nmine.mp4,falling,home,1,2,\n"
    labels.write_text(text)

    assert simulate("--out", tmp_path) == 2

    assert f"{labels}: labels other recordings" in capsys.readouterr().err
    assert labels.read_text() == text


@pytest.mark.slow
def test_a_machine_that_cannot_render_says_so_in_one_line(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "services", "simulate", "--out", str(tmp_path)],
        env=os.environ | {"MUJOCO_GL": "no-such-library"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1].startswith("wardwatch: no picture can be")
