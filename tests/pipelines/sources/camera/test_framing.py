"""Panes and what is cut off around them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.records import NO_BARS, Frame
from pipelines.sources.camera.framing import PAD, Framing, Margins, Pane, crop
from tests.camera_rig import camera, frames_of, read, run, write_timed

fractions = st.floats(0, 1)
sizes = st.integers(1, 4000)


def test_a_pane_in_pixels_stands_where_it_says() -> None:
    assert Pane(10, 20, 100, 50).margins(640, 480) == Margins(10, 20, 530, 410)


def test_a_pane_in_fractions_follows_the_size() -> None:
    pane = Pane(0.5, 0, 0.5, 1)
    assert pane.margins(640, 480) == Margins(320, 0, 0, 0)
    assert pane.margins(1280, 720) == Margins(640, 0, 0, 0)


def test_a_pane_that_reaches_beyond_the_picture_is_cut() -> None:
    assert Pane(600, 0, 100, 480).margins(640, 480) == Margins(600, 0, 0, 0)


def test_a_pane_outside_of_the_picture_leaves_all_of_it() -> None:
    assert Pane(853, 0, 427, 640).margins(640, 480) == Margins(0, 0, 0, 0)


@given(
    st.builds(Pane, fractions, fractions, st.floats(0.001, 1), st.floats(0.001, 1)),
    sizes,
    sizes,
)
def test_something_is_always_left(pane: Pane, width_px: int, height_px: int) -> None:
    left, top, right, bottom = margins = pane.margins(width_px, height_px)
    assert min(margins) >= 0
    assert left + right < width_px
    assert top + bottom < height_px


@pytest.mark.parametrize("values", [(-1, 0, 10, 10), (0, 0, 0, 10), (0, 0, 10, 0)])
def test_an_empty_pane_is_refused(values: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"^expected x, y >= 0"):
        Pane(*values)


def test_bars_above_and_below_make_the_picture_smaller_than_the_square() -> None:
    assert PAD.placement(640, 480) == pytest.approx((0, 0.125, 1, 0.75))
    assert PAD.placement(480, 480) == NO_BARS


def test_wide_pixels_make_the_picture_wider() -> None:
    """Anamorphic video: 720x576 pixels that are shown as 16:9."""
    placement = PAD.placement(720, 576, 64 / 45)
    assert placement.width == 1
    assert placement.height == pytest.approx(9 / 16)


def test_the_picture_extends_beyond_the_square_that_shows_a_part_of_it() -> None:
    right_half = crop(0.5, 0, 0.5, 1)
    assert right_half.placement(640, 480) == pytest.approx((-0.5, 0, 4 / 3, 1))


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (0, (0, 0.25, 1, 0.5)),
        (1, (0.25, 0, 0.5, 1)),
        (2, (0, 0.25, 1, 0.5)),
        (3, (0.25, 0, 0.5, 1)),
    ],
)
def test_a_turned_picture_lies_on_its_side(
    turns: int, expected: tuple[float, ...]
) -> None:
    assert PAD.placement(200, 100, turns=turns) == expected


def test_a_quarter_turn_moves_the_left_half_of_a_picture_to_the_top() -> None:
    """The square shows the left half; the other one is right of it, then below it."""
    left_half = crop(0, 0, 0.5, 1)
    assert left_half.placement(200, 100) == (0, 0, 2, 1)
    assert left_half.placement(200, 100, turns=1) == (0, 0, 1, 2)
    assert left_half.placement(200, 100, turns=2) == (-1, 0, 2, 1)
    assert left_half.placement(200, 100, turns=3) == (0, -1, 1, 2)


def seen_at(frame: Frame) -> tuple[float, float]:
    """Where a frame shows something bright, in shares of the whole picture."""
    rows, columns = np.nonzero(frame.pixels.min(axis=2) > 128)
    side = len(frame.pixels)
    left, top, width, height = frame.placement
    return (
        ((columns.mean() + 0.5) / side - left) / width,
        ((rows.mean() + 0.5) / side - top) / height,
    )


@pytest.mark.gst
@pytest.mark.parametrize(
    "framing", [PAD, crop(0.5, 0, 0.5, 1), crop(50, 20, 60, 60), crop(0.4, 0, 0.4, 0.6)]
)
@pytest.mark.parametrize(("width_px", "height_px"), [(160, 96), (96, 160)])
def test_a_source_says_where_its_squares_show_the_whole_picture(
    tmp_path: Path, framing: Framing, width_px: int, height_px: int
) -> None:
    """A bright patch about a point at 0.65 of the width and 0.35 of the height."""
    pixels = np.zeros((height_px, width_px, 3), np.uint8)
    column, row = round(0.65 * width_px), round(0.35 * height_px)
    pixels[row - 4 : row + 4, column - 4 : column + 4] = 255
    path = write_timed(tmp_path / "film.mp4", [(0, pixels)])
    source = camera(path, framing=framing, image_size_px=320)
    (frame,) = frames_of(run(read(source)))
    assert seen_at(frame) == pytest.approx((0.65, 0.35), abs=0.02)


def write_held(path: Path, film: Path, matrix: tuple[int, ...]) -> Path:
    """Copy a film as a phone writes it that was held in another direction.

    The matrix of a track's header is nine numbers, four of which turn the picture.
    Source: ISO/IEC 14496-12, "tkhd".
    """
    content = bytearray(film.read_bytes())
    begin = content.index(b"tkhd") + 4
    begin += 52 if content[begin] == 1 else 40  # version 1 has longer times
    a, b, c, d = (value << 16 for value in matrix)
    content[begin : begin + 20] = struct.pack(">5i", a, b, 0, c, d)
    path.write_bytes(content)
    return path


@pytest.mark.gst
@pytest.mark.parametrize(
    ("matrix", "expected"),
    [((0, 1, -1, 0), (0.65, 0.65)), ((0, -1, 1, 0), (0.35, 0.35))],
)
def test_shares_are_those_of_the_upright_picture(
    tmp_path: Path, matrix: tuple[int, ...], expected: tuple[float, float]
) -> None:
    """A quarter turn clockwise moves the point 0.65, 0.35 to 0.65, 0.65."""
    pixels = np.zeros((96, 160, 3), np.uint8)
    pixels[30:38, 100:108] = 255
    film = write_timed(tmp_path / "film.mp4", [(0, pixels)])
    held = write_held(tmp_path / "held.mp4", film, matrix)
    (frame,) = frames_of(run(read(camera(held, image_size_px=320))))
    assert frame.placement == pytest.approx((0.2, 0.0, 0.6, 1.0))
    assert seen_at(frame) == pytest.approx(expected, abs=0.02)
