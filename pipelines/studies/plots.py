"""Plots of the studies, as PNG files."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipelines.studies.confusion import Confusion

_CELL_IN = 0.62
_MARGIN_IN = 2.4
_DARK_RATIO = 0.5
"""Cells above it are so dark that black text would not be read."""


def plot_confusion(confusion: Confusion, title: str, path: Path) -> None:
    """Draw which label was taken for which.

    Each cell holds its share of the true label's windows and, below, their count;
    its colour is the share. Labels that no window truly has are rows of dashes.
    """
    counts = confusion.total
    of_label = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(of_label, 1)
    side = len(confusion.labels)
    width_in = max(7.0, _MARGIN_IN + 1.2 + _CELL_IN * side)
    figure = Figure(figsize=(width_in, _MARGIN_IN + _CELL_IN * side))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    totals = of_label[:, 0].tolist()
    names = [f"{n} ({k})" for n, k in zip(confusion.labels, totals, strict=True)]
    axes.set_yticks(range(side), names)
    axes.set_xticks(
        range(side), confusion.labels, rotation=40, ha="right", rotation_mode="anchor"
    )
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (windows)")
    axes.set_title(title)
    axes.set_xticks(np.arange(side + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(side + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for row, column in np.ndindex(side, side):
        share, count = float(shares[row, column]), int(counts[row, column])
        text = f"{share:.2f}\n{count}" if count else "·" if totals[row] else "–"  # noqa: RUF001 a dash is meant
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color="white" if share > _DARK_RATIO else "0.25",
        )
    figure.colorbar(image, label="share of the true label", fraction=0.04, pad=0.02)
    figure.savefig(path, dpi=150, bbox_inches="tight")
