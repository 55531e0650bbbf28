"""Frames are picked on the grid; times in the pictures are in steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.camera.grid import FrameGrid, GridPicker, Pick

ORIGIN_NS = 1_000_000

grids = st.builds(
    FrameGrid,
    step_ns=st.integers(1, 500),
    origin_ns=st.integers(-10_000, 10_000),
)
# Variable frame rates, pauses, and a first frame anywhere.
timelines = st.builds(
    lambda first, gaps: [first + sum(gaps[:n]) for n in range(len(gaps) + 1)],
    first=st.integers(-5_000, 5_000),
    gaps=st.lists(st.integers(1, 700), max_size=40),
)


def picks_of(grid: FrameGrid, times_ns: list[int]) -> list[Pick[int]]:
    picker = GridPicker[int](grid)
    picks = [picker.offer(time_ns, n) for n, time_ns in enumerate(times_ns)]
    return [pick for pick in [*picks, picker.flush()] if pick is not None]


def test_the_example_of_the_module() -> None:
    #  0         1         2         3         4
    #  a   b   c |      d  |         |    e  f |
    times = [0, 4, 8, 17, 35, 38]

    picks = picks_of(FrameGrid(10), times)

    assert [(pick.tick, "abcdef"[pick.item]) for pick in picks] == [
        (0, "a"),
        (1, "c"),
        (2, "d"),
        (4, "f"),
    ]


def test_a_frame_at_a_tick_is_of_that_tick_and_one_behind_of_the_next() -> None:
    grid = FrameGrid(10, ORIGIN_NS)
    assert [grid.tick_of(ORIGIN_NS + d) for d in (-10, -9, 0, 1, 10, 11)] == [
        -1,
        0,
        0,
        1,
        1,
        2,
    ]


@given(grids, timelines)
def test_each_tick_takes_the_newest_frame_of_its_step_or_none(
    grid: FrameGrid, times_ns: list[int]
) -> None:
    picks = picks_of(grid, times_ns)

    for tick in range(grid.tick_of(times_ns[0]) - 1, grid.tick_of(times_ns[-1]) + 2):
        end_ns = grid.origin_ns + tick * grid.step_ns
        in_step = [t for t in times_ns if end_ns - grid.step_ns < t <= end_ns]
        taken = [pick.timestamp_ns for pick in picks if pick.tick == tick]
        assert taken == in_step[-1:]


@given(grids, timelines)
def test_no_frame_is_picked_twice_and_times_are_its_own(
    grid: FrameGrid, times_ns: list[int]
) -> None:
    picks = picks_of(grid, times_ns)

    items = [pick.item for pick in picks]
    assert items == sorted(set(items))
    assert all(pick.timestamp_ns == times_ns[pick.item] for pick in picks)


@given(grids, st.lists(st.none() | st.integers(-3_000, 3_000), max_size=60))
def test_ticks_rise_whatever_comes(grid: FrameGrid, offers: list[int | None]) -> None:
    """Times out of order, and flushes (None) in between."""
    picker = GridPicker[None](grid)
    picks = [
        picker.flush() if time_ns is None else picker.offer(time_ns, None)
        for time_ns in offers
    ]
    ticks = [pick.tick for pick in picks if pick is not None]
    assert ticks == sorted(set(ticks))


def test_a_frame_that_is_not_newer_is_ignored() -> None:
    picker = GridPicker[str](FrameGrid(10))
    for time_ns, name in ((3, "a"), (7, "b"), (7, "c"), (5, "d")):
        assert picker.offer(time_ns, name) is None
    assert picker.offer(12, "e") == Pick(1, 7, "b")


def test_a_step_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"^step_ns must be positive, got 0$"):
        FrameGrid(0)
