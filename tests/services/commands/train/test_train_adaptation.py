"""What the commands that adapt a checkpoint refuse before minutes of work."""

from pathlib import Path

import pytest

from services.command_line import app, run

pytestmark = pytest.mark.gst


def train(kind: str, *arguments: str | Path) -> int:
    return run(app, ["train", kind, *map(str, arguments)])


@pytest.mark.parametrize("kind", ["csn", "is-clip", "sc-clip"])
def test_a_folder_to_write_to_is_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(kind, "--out", tmp_path) == 2
    error = capsys.readouterr().err  # a long path breaks the line anywhere
    assert "is a folder" in " ".join(error.replace("│", " ").split())


@pytest.mark.parametrize("kind", ["csn", "sc-clip"])
def test_a_file_to_keep_clips_in_is_refused(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    work.touch()
    assert train(kind, "--out", tmp_path / "x.safetensors", "--work", work) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"wardwatch: {work}: is a file")
