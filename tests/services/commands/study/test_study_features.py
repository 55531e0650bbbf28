import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from services.command_line import app, run
from tests.tiny_sam import save_tiny_sam

HEIGHT, WIDTH = 40, 50


def study(*arguments: str | Path) -> int:
    return run(app, ["study", "features", *map(str, arguments)])


@pytest.fixture(scope="module")
def sam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_sam(tmp_path_factory.mktemp("sam") / "tiny-sam")


@pytest.fixture
def points(tmp_path: Path) -> Path:
    """A picture in a folder beside the file, with three features."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3))
    (tmp_path / "frames").mkdir()
    Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "frames/ward.png")
    features = {
        "door": ([[10, 20]], [1]),
        "floor": ([[30.5, 7.25], [44, 39]], [1, 0]),
        "person": ([[12, 12], [20, 30]], [1, 1]),
    }
    entries = [
        {"frame": "frames/ward.png", "feature_name": name, "points": at, "labels": of}
        for name, (at, of) in features.items()
    ]
    path = tmp_path / "points.json"
    path.write_text(json.dumps(entries))
    return path


@pytest.mark.slow
def test_study_goes_from_points_by_sam_to_labels_masks_and_panels(
    points: Path,
    sam_folder: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    given = (points, "--model", checkpoint, "--out", out, "--json")
    assert study(*given, "--sam", sam_folder) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["masks_by"] == [str(sam_folder)]
    (frame,) = facts["frames"]
    assert [row["covered"] for row in frame["pictures"]] == [
        "nothing",
        "door",
        "floor",
        "person",
        "all features",
        "all features but person",
        "everything but person",
    ]
    assert all(0 < row["confidence"] <= 1 for row in frame["pictures"])
    masks = sorted((tmp_path / "points-masks").iterdir())
    assert [file.suffix for file in masks] == [".png"] * 3
    shares = [(np.array(Image.open(file)) == 255).mean() for file in masks]
    assert [row["share"] for row in frame["pictures"][1:4]] == pytest.approx(shares)
    assert (out / "features.png").stat().st_size > 10_000

    assert study(*given) == 0  # the masks are kept
    assert json.loads(capsys.readouterr().out) == facts


def test_tables_and_findings_are_printed(
    points: Path,
    sam_folder: Path,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert study(points, "--model", checkpoint, "--sam", sam_folder) == 0
    shown = capsys.readouterr().out
    assert "frames/ward.png" in shown
    assert "door" in shown
    assert "Covering a feature changes the prediction of" in shown


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_without_sam_a_mask_that_is_not_kept_is_one_line(
    points: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(points, "--model", checkpoint) == 2
    assert refused(capsys) == (
        f"wardwatch: {points}: entry 1: no mask of 'door' in frames/ward.png is stored"
        f" in {points.parent / 'points-masks'}: name a SAM to find it (--sam)"
    )


def test_malformed_entry_is_one_line_with_file_and_entry(
    points: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = json.loads(points.read_text())
    entries[1]["labels"] = [1]
    points.write_text(json.dumps(entries))
    assert study(points, "--model", checkpoint) == 2
    expected = "entry 2: labels: expected a list as long as points, 2"
    assert refused(capsys) == f"wardwatch: {points}: {expected}"


def test_sam_that_is_none_is_one_line(
    points: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study(points, "--model", checkpoint, "--sam", checkpoint) == 2
    assert refused(capsys).endswith("a model of type 'clip', expected 'sam'")
    official = points.parent / "sam_vit_b.pth"
    assert study(points, "--model", checkpoint, "--sam", official) == 2
    assert refused(capsys) == f"wardwatch: {official}: no such file"
