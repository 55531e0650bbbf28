"""Covered pictures: how far predictions scatter, and which parts they depend on.

The measures follow HAR-CLIP's frequency histograms: for the pictures of one true label,
the frequency of each predicted label. The published figure is that of whole pictures of
UCF101, 300 of each of 101 classes.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from models.masking.masks import SHARES
from pipelines.lab.studies.models.disturbed import (
    SCATTER_HEADER,
    WHOLE,
    Pictures,
    Scatter,
    covered_at_random,
    covered_by_part,
    measure_scatter,
    scatter_figures,
    scatter_rows,
)
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize
from pipelines.lab.studies.models.plots import new_figure, plot_bars
from pipelines.lab.studies.models.result import StudyResult, Table

_PUBLISHED_TOP1 = 0.666


def study_masking(lab: Laboratory, size: StudySize) -> StudyResult:
    """Cover pictures at random and part by part, and measure the predictions."""
    seed = size.seeds[0]
    at_random = {
        name: _scatter(lab, name, pictures, covered)
        for name, pictures, covered in covered_at_random(lab.clips, seed)
    }
    by_part = {
        name: _scatter(lab, name, pictures, covered)
        for name, pictures, covered in covered_by_part(lab.clips, seed)
    }
    found = at_random | by_part
    tables = [Table("Covered at random", SCATTER_HEADER, scatter_rows(at_random))]
    if by_part:  # else the content of the pixels is unknown
        rows = scatter_rows(by_part)
        tables.append(Table("Covered part by part", SCATTER_HEADER, rows))
    published = (("whole, 101 classes of UCF101", _PUBLISHED_TOP1),)
    tables.append(Table("Published", ("pictures", "top-1"), published))
    return StudyResult(
        name="masking",
        basis=lab.basis,
        figures={
            "clips": len(lab.clips),
            **scatter_figures(found),
            "covered": {name: scatter.covered for name, scatter in found.items()},
        },
        tables=tuple(tables),
        findings=tuple(_findings(lab.names, at_random, by_part)),
        plots=_plots(lab.names, at_random, by_part),
    )


def _findings(
    names: tuple[str, ...],
    at_random: Mapping[str, Scatter],
    by_part: Mapping[str, Scatter],
) -> Iterator[str]:
    yield (
        f"Covering half of the pixels takes top-1 from {at_random[WHOLE].top1:.3f} to"
        f" {at_random['pixels 50%'].top1:.3f}; half in shapes to"
        f" {at_random['shapes 50%'].top1:.3f}."
    )
    yield _collapse(names, at_random["pixels 50%"])
    if by_part:
        alone, without = by_part["the person alone"], by_part["no person"]
        control = by_part["as much as the person, elsewhere"]
        part = "person" if without.top1 < control.top1 else "room"
        yield (
            f"Without the person top-1 is {without.top1:.3f}, with as much covered"
            f" elsewhere {control.top1:.3f}, with the person alone {alone.top1:.3f}:"
            f" predictions depend more on the {part}."
        )


def _plots(
    names: tuple[str, ...],
    at_random: Mapping[str, Scatter],
    by_part: Mapping[str, Scatter],
) -> dict[str, Callable[[Path], None]]:
    half = at_random["shapes 50%"]
    plots: dict[str, Callable[[Path], None]] = {
        "histograms.png": partial(plot_histograms, names, at_random[WHOLE]),
        "histograms-half.png": partial(plot_histograms, names, half),
        "confidence.png": partial(_plot_confidence, at_random),
    }
    if by_part:
        shown = {WHOLE: at_random[WHOLE], **by_part}
        top1 = {"top-1": [scatter.top1 for scatter in shown.values()]}
        plots["parts.png"] = partial(
            plot_bars, "covered part by part", "top-1", list(shown), top1
        )
    return plots


def _scatter(lab: Laboratory, name: str, pictures: Pictures, covered: float) -> Scatter:
    lab.on_progress("pictures", 1, 1, name)
    features = lab.recognizer.encode(pictures)
    logits = np.asarray(lab.scale * features @ lab.text_bank.T)
    return measure_scatter(logits, lab.clips.labels, covered)


def _collapse(names: tuple[str, ...], found: Scatter) -> str:
    """Describe the most common prediction when half of the pixels are black."""
    counts = found.counts.sum(axis=0)
    share = float(counts.max() / counts.sum())
    return (
        f"With half of the pixels black {share:.0%} of all pictures are predicted as"
        f" '{names[int(counts.argmax())]}': predictions that scatter little are not"
        " always right."
    )


def plot_histograms(names: tuple[str, ...], found: Scatter, path: Path) -> None:
    """Draw the predictions for each true label with their mean confidence."""
    shown = [label for label in range(len(names)) if found.counts[label].sum()]
    columns = 3
    rows = -(-len(shown) // columns)
    figure = new_figure(5 * columns, 2.6 * rows + 1.2)
    for place, label in enumerate(shown):
        axes = figure.add_subplot(rows, columns, place + 1)
        counts = found.counts[label]
        colours = [
            "tab:blue" if i == label else "tab:orange" for i in range(len(names))
        ]
        bars = axes.bar(range(len(names)), counts, color=colours)
        sure = [
            f"{t:.2f}" if n else ""
            for n, t in zip(counts, found.trust[label], strict=True)
        ]
        axes.bar_label(bars, sure, fontsize=6)
        axes.set_title(names[label], fontsize=9)
        last_row = place >= len(shown) - columns
        axes.set_xticks(range(len(names)), names if last_row else [""] * len(names))
        axes.tick_params(axis="x", rotation=75, labelsize=7)
    figure.suptitle("predictions for each true label (above: mean confidence)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _plot_confidence(found: Mapping[str, Scatter], path: Path) -> None:
    figure = new_figure(7, 4.5)
    axes = figure.add_subplot()
    for kind, style in (("pixels", "o-"), ("shapes", "s-")):
        chosen = [found[WHOLE], *(found[f"{kind} {share:.0%}"] for share in SHARES)]
        covered = [scatter.covered for scatter in chosen]
        axes.plot(
            covered,
            [scatter.confidence for scatter in chosen],
            style,
            label=f"{kind}: confidence",
        )
        axes.plot(
            covered,
            [scatter.top1 for scatter in chosen],
            style,
            alpha=0.4,
            label=f"{kind}: top-1",
        )
    axes.set_xlabel("share of the picture that is covered")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False)
    axes.set_title("confidence against what is covered")
    figure.savefig(path, dpi=120, bbox_inches="tight")
