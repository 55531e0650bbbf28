"""A square picture with nine tiles; a picture comes each 1/8 s."""

import pytest

from models.person.region import Region
from models.person.search_parts import SearchParts

STEP_NS = 125_000_000
WHOLE = Region.of_picture(640, 640)
TILES = Region.tiles(0, 0, 640, 640)
EVERYTHING = (WHOLE, *TILES)


def choose(
    parts: SearchParts,
    step: int,
    *,
    followed: bool = False,
    lost: bool = False,
    changed: bool = True,
) -> tuple[Region, ...]:
    return parts.choose(
        WHOLE,
        TILES,
        step * STEP_NS,
        is_anybody_followed=followed,
        is_one_lost=lost,
        is_changed=changed,
    )


def test_everything_is_searched_at_first_and_then_once_a_second() -> None:
    parts = SearchParts(1.0)
    chosen = [choose(parts, step) for step in range(25)]
    assert [step for step, each in enumerate(chosen) if each == EVERYTHING] == [
        *(0, 8),
        *(16, 24),
    ]
    assert all(each[0] == WHOLE for each in chosen)
    assert max(len(each) for each in chosen if each != EVERYTHING) == 3


def test_everything_is_searched_again_after_time_went_back() -> None:
    parts = SearchParts(1.0)
    assert choose(parts, 80) == EVERYTHING
    assert choose(parts, 79) == EVERYTHING


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize("changed", [False, True])
def test_who_was_lost_is_searched_everywhere(followed: bool, changed: bool) -> None:
    parts = SearchParts(1.0)
    for step in range(3):
        chosen = choose(parts, step, followed=followed, lost=True, changed=changed)
        assert chosen == EVERYTHING


def test_beside_somebody_each_tile_has_its_turn_and_the_whole_picture_each_time() -> (
    None
):
    parts = SearchParts(1.0)
    chosen = [choose(parts, step, followed=True) for step in range(len(TILES))]
    assert all(len(each) == 2 and each[0] == WHOLE for each in chosen)
    assert {each[1] for each in chosen} == set(TILES)


def test_an_unchanged_picture_is_searched_part_by_part() -> None:
    parts = SearchParts(1.0)
    chosen = [choose(parts, step, changed=False) for step in range(len(EVERYTHING))]
    assert all(len(each) == 1 for each in chosen)
    assert {part for (part,) in chosen} == set(EVERYTHING)
