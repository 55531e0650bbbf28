"""The picture by which zones are written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from services.command_line import app, run
from tests.camera_rig import write_timed

BED = (
    "{name: left, kind: bed, points: [[0.1, 0.2], [0.9, 0.2], [0.9, 0.6], [0.1, 0.6]]}"
)
EDGE_PX = 36


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A grey picture, twice as wide as high."""
    pixels = np.full((80, 160, 3), 100, np.uint8)
    return write_timed(tmp_path / "film.mp4", [(0, pixels)])


def colour_at(picture: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at shares of the camera's picture."""
    width_px, height_px = (side - 2 * EDGE_PX for side in picture.size)
    place = (EDGE_PX + x * (width_px - 1), EDGE_PX + y * (height_px - 1))
    colour = picture.getpixel((round(place[0]), round(place[1])))
    assert isinstance(colour, tuple)
    return colour


def is_grey(colour: tuple[int, ...]) -> bool:
    return max(colour) - min(colour) < 12


@pytest.mark.gst
def test_zones_are_drawn_where_their_points_are(film: Path, tmp_path: Path) -> None:
    zones = tmp_path / "zones.yaml"
    zones.write_text(f"zones:\n- {BED}\n")
    out = tmp_path / "zones.png"
    result = CliRunner().invoke(
        app, ["zones", str(film), "--zones", str(zones), "--out", str(out)]
    )
    assert (result.exit_code, result.output) == (0, f"{out}: zones: left\n")
    with Image.open(out) as drawn:
        picture = drawn.convert("RGB")
    assert picture.size == (1024 + 2 * EDGE_PX, 512 + 2 * EDGE_PX)
    for inside in ((0.15, 0.25), (0.85, 0.25), (0.85, 0.55), (0.15, 0.55)):
        assert not is_grey(colour_at(picture, *inside))
    for outside in ((0.05, 0.4), (0.95, 0.4), (0.45, 0.15), (0.45, 0.65)):
        assert is_grey(colour_at(picture, *outside))
    edge = colour_at(picture, 0.45, 0.2)
    assert edge[0] > 200
    assert edge[2] < 80


@pytest.mark.gst
def test_camera_and_zones_come_from_a_site_although_it_crops(
    film: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        f"site: ward-3\nsubjects:\n  - id: bed-4\n    camera: {film}\n"
        f"    crop: left\n    zones: [{BED}]\n"
    )
    out = tmp_path / "zones.png"
    arguments = ["zones", "--site", str(site), "--subject", "bed-4", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    with Image.open(out) as picture:
        assert picture.size == (1024 + 2 * EDGE_PX, 512 + 2 * EDGE_PX)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "name a camera, or a subject that has one"),
        (["test", "--site", "SITE"], "--site and --subject go together"),
        (["--site", "SITE", "--subject", "bed-5"], "no subject bed-5"),
        (["--site", "SITE", "--subject", "wrist"], "name a camera, or a subject that"),
        (["/nowhere.mp4"], "/nowhere.mp4"),
        (["test", "--zones", "SITE"], "zones: is missing"),
    ],
)
def test_what_is_missing_is_named(
    arguments: list[str],
    problem: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "site: ward-3\nsubjects: [{id: bed-4, camera: test}, {id: wrist, imu: w}]\n"
    )
    given = [str(site) if each == "SITE" else each for each in arguments]
    code = run(app, ["zones", *given, "--out", str(tmp_path / "zones.png")])
    assert code == 2
    assert problem in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "zones.png").exists()
