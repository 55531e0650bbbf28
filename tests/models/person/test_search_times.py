"""A camera of 8 pictures a second; a cell is 40 pixels of 640.

The curtain hangs in the upper left corner; the door is at the right.
"""

from collections.abc import Mapping

import numpy as np
import pytest

from models.person.changes import Cells, Luma, cells_about, changed_cells
from models.person.search_times import SearchTimes

RATE_HZ = 8
STEP_NS = 10**9 // RATE_HZ
GRID = (16, 16)
ROOM = np.full(GRID, 90, np.float32)
CURTAIN = (slice(0, 6), slice(0, 4))
DOOR = (slice(6, 12), slice(14, 16))


def room(step: int, *, door: bool = False) -> Luma:
    """The cells of a picture in which a curtain moves, and perhaps someone enters."""
    luma = ROOM.copy()
    luma[CURTAIN] += 5 * (step % 2)
    luma[DOOR] -= 20 * door
    return luma


def searched_steps(
    times: SearchTimes,
    pictures: Mapping[int, Luma | None],
    followed: Cells | None = None,
    *,
    is_one_lost: bool = False,
) -> list[int]:
    """The steps whose pictures are searched, in vain."""
    steps = []
    for step, luma in pictures.items():
        now_ns = step * STEP_NS
        due = (
            times.is_due_for_anybody(now_ns, luma)
            if followed is None
            else times.is_due_for_more(now_ns, luma, followed, is_one_lost=is_one_lost)
        )
        if due:
            times.add(now_ns, luma, followed)
            steps.append(step)
    return steps


def test_a_curtain_is_searched_once_a_second() -> None:
    times = SearchTimes(1.0)
    steps = searched_steps(times, {i: room(i) for i in range(80)})
    assert steps[:2] == [0, 1]  # the curtain's first move may be somebody's
    assert len(steps) == 11


@pytest.mark.parametrize("step", range(80, 88))
def test_who_comes_in_beside_the_curtain_is_searched_at_once(step: int) -> None:
    times = SearchTimes(1.0)
    searched_steps(times, {i: room(i) for i in range(step)})
    assert times.is_due_for_anybody(step * STEP_NS, room(step, door=True))


def test_who_stays_in_the_curtain_is_searched_within_a_second() -> None:
    times = SearchTimes(1.0)
    steps = searched_steps(times, {i: room(i // 3) for i in range(160)})
    assert max(np.diff(steps)) <= RATE_HZ


def test_a_place_that_was_still_for_ten_seconds_is_searched_at_once() -> None:
    times = SearchTimes(1.0)
    searched_steps(times, {i: room(0, door=i == 1) for i in range(100)})
    assert times.is_due_for_anybody(100 * STEP_NS, room(0, door=True))


def test_without_cells_every_picture_is_searched_for_anybody() -> None:
    times = SearchTimes(1.0)
    assert searched_steps(times, dict.fromkeys(range(9))) == list(range(9))


def test_while_only_the_followed_move_a_search_comes_every_four_seconds() -> None:
    followed = np.zeros(GRID, bool)
    followed[CURTAIN] = True
    pictures = {i: room(i) for i in range(97)}
    steps = searched_steps(SearchTimes(1.0), pictures, followed)
    assert steps == [0, 32, 64, 96]


def test_who_was_lost_beside_the_followed_is_searched_every_second() -> None:
    """They may lie still at the feet of the followed."""
    followed = np.zeros(GRID, bool)
    followed[CURTAIN] = True
    pictures = {i: room(i) for i in range(25)}
    steps = searched_steps(SearchTimes(1.0), pictures, followed, is_one_lost=True)
    assert steps == [0, 8, 16, 24]


def test_while_something_moves_beside_the_followed_a_search_comes_every_second() -> (
    None
):
    followed = np.zeros(GRID, bool)
    followed[CURTAIN] = True
    pictures = {i: room(i, door=i % 3 == 0) for i in range(25)}
    steps = searched_steps(SearchTimes(1.0), pictures, followed)
    assert np.diff(steps).max() <= RATE_HZ + 2


def test_where_the_followed_were_at_the_latest_search_nobody_new_is_expected() -> None:
    """They have left the curtain for the door."""
    there, here = np.zeros(GRID, bool), np.zeros(GRID, bool)
    there[CURTAIN], here[DOOR] = True, True
    times = SearchTimes(1.0)
    times.add(0, room(1), there)
    assert not times.is_due_for_more(2 * 10**9, room(0, door=True), here)
    times.add(0, room(1), None)
    assert times.is_due_for_more(2 * 10**9, room(0, door=True), here)


def test_a_clock_that_goes_back_begins_a_search() -> None:
    times = SearchTimes(1.0)
    times.add(10**12, ROOM, None)
    assert times.is_due_for_anybody(0, ROOM)
    assert times.is_due_for_more(0, ROOM, np.ones(GRID, bool))


def test_another_grid_has_changed_everywhere() -> None:
    assert changed_cells(ROOM, ROOM[:8]).all()
    times = SearchTimes(1.0)
    searched_steps(times, {i: room(i) for i in range(8)})
    assert times.is_due_for_anybody(8 * STEP_NS, ROOM[:8])


def test_the_cells_about_a_box_have_a_margin_of_one() -> None:
    """In a picture of 32:16, a cell is 1/16 high and 1/8 wide, in picture heights."""
    box = np.array([0.5, 0.25, 0.99, 0.5], np.float32)
    cells = cells_about(box, GRID, 2.0)
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    assert (rows[0], rows[-1]) == (3, 9)
    assert (columns[0], columns[-1]) == (3, 8)


def test_a_box_outside_of_the_picture_has_no_cells() -> None:
    box = np.array([-3, -3, -2, -2], np.float32)
    assert not cells_about(box, GRID, 1.0).any()
