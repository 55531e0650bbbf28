"""What ``wardwatch train`` refuses; how it trains is tested where it is done."""

from pathlib import Path

import pytest

from models.bundled import PICTURE_CHECKPOINT_FOLDER
from services.command_line import app, run


def train(*arguments: str | Path) -> int:
    return run(app, ["train", "pictures", *map(str, arguments)])


@pytest.mark.parametrize(
    "option", [("--steps", "0"), ("--recordings", "0"), ("--seed", "-1")]
)
def test_numbers_out_of_range_are_refused(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("--out", tmp_path / "run", *option) == 2
    assert option[0] in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_file_in_the_folders_place_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run"
    path.write_text("words")
    assert train("--out", path) == 2
    assert capsys.readouterr().err == f"wardwatch: {path}: is a file; choose a folder\n"


def test_a_folder_of_another_recipe_is_one_line_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text("{}\n")

    assert train("--out", tmp_path) == 2

    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"wardwatch: {recipe}: ")
    assert recipe.read_text() == "{}\n"


def test_a_label_that_cannot_be_left_out_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("--out", tmp_path / "new", "--without", "flying") == 2
    assert "has no label 'flying'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "option", [("--steps", "0"), ("--lives", "1"), ("--seed", "-1")]
)
def test_a_pose_training_refuses_numbers_out_of_range(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(app, ["train", "default", "--out", str(out), *option]) == 2
    assert option[0] in capsys.readouterr().err
    assert not out.exists()


def test_a_pose_training_starts_from_a_checkpoint_on_poses_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, pixels = tmp_path / "run", PICTURE_CHECKPOINT_FOLDER
    given = ["--out", str(out), "--start-from", str(pixels)]
    assert run(app, ["train", "default", *given]) == 2
    message = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "has the view picture, not pose" in message
    assert not out.exists()
