"""Panes and what is cut off around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.camera.framing import Margins, Pane

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
