"""Contact sheets show what the model saw, and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.clip.card import View
from pipelines.clock import NS_PER_S
from pipelines.live.views import ViewedFrame
from pipelines.records import Frame, PersonPose
from services.contact_sheets import COLUMNS, ROWS, TILE_PX, ContactSheets, draw_view
from tests.services.test_record_lines import PREDICTION

CAMERA = Frame("bed-1", 0, 0, np.full((640, 640, 3), 200, np.uint8))
DRAWN = Frame("bed-1", 0, 0, np.full((32, 32, 3), 90, np.uint8))


def standing(x: float) -> PersonPose:
    landmarks = np.ones((33, 3), np.float32)
    landmarks[:, 0], landmarks[:, 1] = x, np.linspace(0.3, 0.7, 33)
    return PersonPose(1, landmarks)


def colours_in(picture: Image.Image) -> set[tuple[int, ...]]:
    return {tuple(pixel) for row in np.asarray(picture) for pixel in row.tolist()}


def seconds(ns: int) -> str:
    return f"{ns / NS_PER_S:.2f} s"


def write(folder: Path, windows: int, most: int = 100) -> list[str]:
    """Write sheets of that many windows, and return their names."""
    with ContactSheets(folder, seconds, "pose", most) as sheets:
        for number in range(windows):
            camera = replace(CAMERA, timestamp_ns=number)
            sheets.view(ViewedFrame(camera, (DRAWN,), (standing(0.5),)))
            sheets.add(replace(PREDICTION, end_ns=number))
    return sorted(path.name for path in folder.iterdir())


def test_a_pose_view_shows_no_pixel_of_the_camera() -> None:
    drawn = draw_view(
        ViewedFrame(CAMERA, (DRAWN,), (standing(0.2), standing(0.8))), "pose"
    )
    tile = np.asarray(drawn)
    background = tile[0, 0]
    busy = (tile != background).any(axis=(0, 2))
    assert set(np.flatnonzero(busy)) <= {*range(26, 39), *range(122, 135)}
    assert len(colours_in(drawn)) == 3  # background, and a colour for each person


def test_somebody_who_is_hardly_visible_is_not_drawn() -> None:
    hidden = standing(0.5)
    landmarks = hidden.landmarks.copy()
    landmarks[:, 2] = 0.05
    drawn = draw_view(
        ViewedFrame(CAMERA, (DRAWN,), (replace(hidden, landmarks=landmarks),)), "pose"
    )
    assert len(colours_in(drawn)) == 1


@pytest.mark.parametrize(
    ("view", "people"), [("picture", None), ("person", (standing(0.5),))]
)
def test_a_picture_that_the_model_got_is_shown_as_it_is(
    view: View, people: tuple[PersonPose, ...] | None
) -> None:
    drawn = draw_view(ViewedFrame(CAMERA, (DRAWN,), people), view)
    assert (drawn.size, colours_in(drawn)) == ((TILE_PX, TILE_PX), {(90, 90, 90)})


def test_the_pictures_of_several_people_are_shown_side_by_side() -> None:
    frames = tuple(
        replace(DRAWN, pixels=np.full((32, 32, 3), grey, np.uint8), person=person)
        for person, grey in enumerate((90, 120, 150), start=1)
    )
    tile = np.asarray(draw_view(ViewedFrame(CAMERA, frames, ()), "person"))
    half = TILE_PX // 2
    places = [(0, 0), (0, half), (half, 0)]
    assert [tile[place][0] for place in places] == [90, 120, 150]
    assert tile[half, half, 0] < 30  # no fourth person


def test_a_sheet_is_written_when_it_is_full_and_at_the_end(tmp_path: Path) -> None:
    a_sheet = COLUMNS * ROWS
    assert write(tmp_path, a_sheet + 1) == ["seen-001.png", "seen-002.png"]
    with Image.open(tmp_path / "seen-002.png") as second:
        tiles = np.asarray(second)
    assert len(np.unique(tiles[:, TILE_PX:].reshape(-1, 3), axis=0)) == 1  # one tile


def test_no_window_writes_no_sheet(tmp_path: Path) -> None:
    assert write(tmp_path, 0) == []


def test_the_caption_is_below_its_own_tile(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with Image.open(tmp_path / "seen-001.png") as sheet:
        caption = np.asarray(sheet)[TILE_PX : TILE_PX + 30, :TILE_PX]
    assert (caption > 200).any()


def test_the_newest_sheets_replace_the_oldest(tmp_path: Path) -> None:
    written = write(tmp_path, 5 * COLUMNS * ROWS, most=2)
    assert written == ["seen-001.png", "seen-002.png"]


def test_a_view_without_an_answer_is_left_out(tmp_path: Path) -> None:
    """The stride of the windows may be longer than a step of the grid."""
    with ContactSheets(tmp_path, str, "pose") as sheets:
        sheets.view(ViewedFrame(CAMERA, (DRAWN,), ()))
        sheets.add(replace(PREDICTION, end_ns=7))
    assert list(tmp_path.iterdir()) == []
