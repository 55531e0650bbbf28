"""Heat maps refine the landmarks: a cell is 4 pixels of the network's picture."""

import numpy as np
import pytest

from models.person.landmarks import refine

CELLS = 64
COLD, WARM = -9.0, 3.0


def heat_at(*cells: tuple[int, int]) -> np.ndarray:
    """Heat maps of one landmark, with warm cells of these columns and rows."""
    heat = np.full((CELLS, CELLS, 1), COLD, np.float32)
    for column, row in cells:
        heat[row, column, 0] = WARM
    return heat


def refined(x: float, y: float, heat: np.ndarray) -> list[float]:
    place: list[float] = (refine(np.array([[x, y]]) / CELLS, heat)[0] * CELLS).tolist()
    return place


def test_a_landmark_moves_to_the_centre_of_the_heat_near_it() -> None:
    heat = heat_at((20, 10), (22, 10))
    assert refined(20.5, 11.5, heat) == pytest.approx([21, 10], abs=0.02)


def test_heat_more_than_three_cells_away_does_not_count() -> None:
    heat = heat_at((20, 10), (24, 10))
    assert refined(20.5, 10.5, heat) == pytest.approx([20, 10], abs=0.02)


def test_a_landmark_without_clear_heat_stays() -> None:
    heat = np.full((CELLS, CELLS, 1), -0.1, np.float32)  # below one half
    assert refined(20.5, 10.5, heat) == [20.5, 10.5]


def test_at_the_edge_only_the_cells_that_exist_count() -> None:
    heat = heat_at((0, 63), (1, 63))
    assert refined(0.5, 63.5, heat) == pytest.approx([0.5, 63], abs=0.02)


@pytest.mark.parametrize("outside", [(-0.5, 10.5), (10.5, 64.5), (-90.0, 900.0)])
def test_a_landmark_outside_the_region_stays(outside: tuple[float, float]) -> None:
    assert refined(*outside, np.full((CELLS, CELLS, 1), WARM, np.float32)) == [*outside]
