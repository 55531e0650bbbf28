"""Plots of the studies of models, as PNG files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_SEED = 42
_PERPLEXITY = 30.0


def plot_map(
    vectors: Float32[np.ndarray, "clip dim"],
    labels: Int64[np.ndarray, " clip"],
    names: Sequence[str],
    path: Path,
) -> None:
    """Draw unit vectors in a plane by t-SNE, a colour for each label."""
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, max(1.0, len(vectors) / 4))
    places = TSNE(perplexity=perplexity, init="pca", random_state=_SEED).fit_transform(
        vectors
    )
    figure = new_figure(9, 7)
    axes = figure.add_subplot()
    colours = colormaps["tab20"](np.linspace(0, 1, max(2, len(names))))
    for label, name in enumerate(names):
        chosen = labels == label
        if chosen.any():
            across, up = places[chosen].T
            axes.scatter(across, up, s=14, color=colours[label], label=name)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(f"t-SNE of {len(vectors)} clips, perplexity {perplexity:g}")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def plot_cosines(
    names: Sequence[str], cosines: Float32[np.ndarray, "label label"], path: Path
) -> None:
    """Draw how alike the prompts of two labels are."""
    side = 2.4 + 0.5 * len(names)
    figure = new_figure(side, side - 1)
    axes = figure.add_subplot()
    image = axes.imshow(cosines, cmap="viridis", vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(names)), names)
    dark = (cosines.min() + 1) / 2
    for row, column in np.ndindex(*cosines.shape):
        value = float(cosines[row, column])
        colour = "white" if value < dark else "black"
        axes.text(
            column, row, f"{value:.2f}", ha="center", va="center", size=7, color=colour
        )
    axes.set_title("cosines of the labels' text vectors")
    figure.colorbar(image, fraction=0.04, pad=0.02)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def plot_bars(
    title: str,
    quantity: str,
    groups: Sequence[str],
    series: Mapping[str, Sequence[float]],
    path: Path,
) -> None:
    """Draw bars side by side: one colour for each series, one place for each group."""
    figure = new_figure(max(6.0, 1.0 + 0.35 * len(groups) * (1 + len(series))), 4.5)
    axes = figure.add_subplot()
    width = 0.8 / max(1, len(series))
    for number, (name, values) in enumerate(series.items()):
        shift = (number - (len(series) - 1) / 2) * width
        axes.bar(np.arange(len(groups)) + shift, values, width, label=name)
    axes.set_xticks(range(len(groups)), groups, rotation=30, ha="right")
    axes.set_ylabel(quantity)
    axes.set_title(title)
    if len(series) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def new_figure(width_in: float, height_in: float) -> Figure:
    """Make a figure that needs no screen."""
    figure = Figure(figsize=(width_in, height_in))
    FigureCanvasAgg(figure)
    return figure
