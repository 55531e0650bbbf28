"""Plots of the studies of models, as PNG files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_SEED = 42
_PERPLEXITY = 30.0


def project(
    vectors: Float32[np.ndarray, "clip dim"],
) -> tuple[Float32[np.ndarray, "clip 2"], float]:
    """Project vectors to a plane by t-SNE; return the places and the perplexity."""
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, max(1.0, len(vectors) / 4))
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=_SEED)
    return tsne.fit_transform(vectors), perplexity


def draw_points(
    axes: Axes,
    places: Float32[np.ndarray, "clip 2"],
    labels: Int64[np.ndarray, " clip"],
    names: Sequence[str],
    *,
    size: float,
) -> None:
    """Draw points in a plane, a colour for each label."""
    colours = colormaps["tab20"](np.linspace(0, 1, max(2, len(names))))
    for label in np.unique(labels):
        across, up = places[labels == label].T
        axes.scatter(across, up, s=size, color=colours[label], label=names[label])
    axes.set_xticks([])
    axes.set_yticks([])


def show_legend(axes: Axes) -> None:
    """Put the legend to the right of a plot."""
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def plot_map(
    vectors: Float32[np.ndarray, "clip dim"],
    labels: Int64[np.ndarray, " clip"],
    names: Sequence[str],
    path: Path,
) -> None:
    """Draw unit vectors in a plane by t-SNE, a colour for each label."""
    places, perplexity = project(vectors)
    figure = new_figure(9, 7)
    axes = figure.add_subplot()
    draw_points(axes, places, labels, names, size=14)
    axes.set_title(f"t-SNE of {len(vectors)} clips, perplexity {perplexity:g}")
    show_legend(axes)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def plot_cosines(
    names: Sequence[str], cosines: Float32[np.ndarray, "label label"], path: Path
) -> None:
    """Draw the similarity of the prompts of all pairs of labels."""
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
    """Draw groups of bars: one colour for each series, one place for each group."""
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
        show_legend(axes)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return a figure that needs no display."""
    figure = Figure(figsize=(width_in, height_in))
    FigureCanvasAgg(figure)
    return figure
