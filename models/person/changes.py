"""Which cells of a camera's pictures have changed.

Pictures are compared by the mean luma of cells, a grid of at most 16 by 16 that the
chain computes anyway. Noise averages out within a cell.
"""

import numpy as np
from jaxtyping import Bool, Float32

Luma = Float32[np.ndarray, "row column"]
"""Mean luma of each cell, 0 to 255."""

Cells = Bool[np.ndarray, "row column"]
"""A choice of cells."""

LEAST_CHANGE_LUMA = 1.0
"""Least difference of a cell's luma that counts as a change."""


def changed_cells(
    luma: Luma, before: Float32[np.ndarray, "row_before column_before"] | None
) -> Cells:
    """Return the cells that differ between two pictures.

    Args:
        luma: The later picture.
        before: The earlier one. All cells have changed if there is none, or if it has
            another grid.
    """
    if before is None or before.shape != luma.shape:
        return np.ones(luma.shape, bool)
    changed: Cells = np.abs(luma - before) >= LEAST_CHANGE_LUMA
    return changed


def cells_about(
    box: Float32[np.ndarray, " 4"], grid: tuple[int, int], aspect: float
) -> Cells:
    """Return the cells of a box, and one more on each side.

    Args:
        box: Left, top, right and bottom, in picture heights.
        grid: Rows and columns.
        aspect: Width of the picture relative to its height.
    """
    rows, columns = grid
    across, down = columns / aspect, rows
    left, right = int(box[0] * across) - 1, int(box[2] * across) + 2
    top, bottom = int(box[1] * down) - 1, int(box[3] * down) + 2
    cells = np.zeros(grid, bool)
    cells[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
    return cells
