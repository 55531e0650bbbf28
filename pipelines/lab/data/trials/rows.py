"""Rows of numbers in the text files of public sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pipelines.errors import DatasetError


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file; bytes that are no UTF-8 are replaced."""
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def rows_of(
    path: Path, lines: Sequence[str], columns: int, separator: str, *, header: int = 0
) -> Float64[np.ndarray, "row column"]:
    """Return the numbers of each line, without comments and empty lines.

    Args:
        path: The file, for errors.
        lines: All of its lines. A comment begins with ``%``; a line may end in ``;``.
        columns: Numbers in a line.
        separator: What divides them.
        header: Lines at the beginning that hold no numbers.

    Raises:
        DatasetError: If a line holds anything but so many finite numbers.
    """
    rows = []
    for number, line in enumerate(lines[header:], start=header + 1):
        text = line.strip().rstrip("; ")
        if not text or text.startswith("%"):
            continue
        try:
            values = [float(cell) for cell in text.split(separator)]
        except ValueError:
            values = []
        if len(values) != columns or not np.isfinite(values).all():
            where = f"{path}:{number}"
            problem = (
                f"expected {columns} numbers divided by {separator!r}, got {line!r}"
            )
            raise DatasetError(where, problem)
        rows.append(values)
    return np.array(rows, np.float64).reshape(-1, columns)
