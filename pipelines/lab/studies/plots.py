"""Plots of the studies as PNG files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.calibration import Reliability
from pipelines.lab.studies.confusion import Confusion
from pipelines.lab.studies.models.plots import new_figure

_CELL_IN = 0.62
_MARGIN_IN = 2.4
_DARK_RATIO = 0.5
"""Above this share a cell is so dark that its text is white."""


def plot_confusion(confusion: Confusion, title: str, path: Path) -> None:
    """Draw a confusion matrix.

    Each cell holds its share of the true label's windows and, below, their count; its
    colour is the share. Labels without windows have rows of dashes.
    """
    counts = confusion.total
    of_label = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(of_label, 1)
    side = len(confusion.labels)
    width_in = max(7.0, _MARGIN_IN + 1.2 + _CELL_IN * side)
    figure = new_figure(width_in, _MARGIN_IN + _CELL_IN * side)
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


def plot_reliability(
    panels: Mapping[str, tuple[Reliability, Reliability]], title: str, path: Path
) -> None:
    """Draw accuracy against confidence, before and after calibration.

    There is a panel for each name. The dashed line is perfect calibration, and the area
    of a dot shows its share of the panel's clips.
    """
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(3.2 * columns, 3.3 * rows + 0.5)
    figure.set_layout_engine("constrained")
    figure.suptitle(title)
    for place, (name, changes) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.plot((0, 1), (0, 1), "--", color="0.6", linewidth=1)
        looks = (("before", "tab:orange"), ("after", "tab:blue"))
        for (when, colour), reliability in zip(looks, changes, strict=True):
            clips = sum(each.clips for each in reliability.bins)
            confidence = [each.confidence for each in reliability.bins]
            accuracy = [each.accuracy for each in reliability.bins]
            areas = [12 + 300 * each.clips / clips for each in reliability.bins]
            label = f"{when}: ECE {reliability.ece:.3f}"
            axes.plot(confidence, accuracy, color=colour, linewidth=1)
            axes.scatter(
                confidence, accuracy, areas, color=colour, alpha=0.6, label=label
            )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share right")
        axes.set_title(f"{name} ({clips} clips)", fontsize=10)
        axes.legend(loc="upper left", fontsize=7, markerscale=0.5)
    figure.savefig(path, dpi=130)
