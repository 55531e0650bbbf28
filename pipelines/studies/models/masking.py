"""Covered pictures: how far predictions scatter, and what they hang on.

The measures are those of HAR-CLIP's frequency histograms: for the pictures of one true
label, how often which label is said. Its published figure beside ours is of whole
pictures of UCF101, 300 of each of 101 classes.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from models.masking import SHARES
from pipelines.studies.models.disturbed import (
    SCATTER_HEADER,
    WHOLE,
    Pictures,
    Scatter,
    covered_at_random,
    covered_by_part,
    measure_scatter,
    scatter_rows,
)
from pipelines.studies.models.laboratory import Laboratory, StudySize
from pipelines.studies.models.plots import new_figure, plot_bars
from pipelines.studies.models.result import StudyResult, Table

_PUBLISHED_TOP1 = 0.666


def study_masking(lab: Laboratory, size: StudySize) -> StudyResult:
    """Cover pictures at random and part by part, and measure what is said of them."""
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
    whole = at_random[WHOLE]
    findings = [
        f"Covering half of the pixels takes top-1 from {whole.top1:.3f} to"
        f" {found['pixels 50%'].top1:.3f}; half in shapes to"
        f" {found['shapes 50%'].top1:.3f}.",
        _collapse(lab.names, found["pixels 50%"]),
    ]
    if by_part:
        alone, without = by_part["the person alone"], by_part["no person"]
        control = by_part["as much as the person, elsewhere"]
        worst = "person" if without.top1 < control.top1 else "room"
        findings.append(
            f"Without the person top-1 is {without.top1:.3f}, with as much covered"
            f" elsewhere {control.top1:.3f}, with the person alone {alone.top1:.3f}:"
            f" what is said hangs more on the {worst}."
        )
    by_parts: tuple[Table, ...] = ()
    plots: dict[str, Callable[[Path], None]] = {}
    if by_part:  # else nobody knows what the pixels show
        by_parts = (
            Table("Covered part by part", SCATTER_HEADER, scatter_rows(by_part)),
        )
        plots["parts.png"] = partial(
            plot_bars,
            "covered part by part",
            "top-1",
            [WHOLE, *by_part],
            {"top-1": [found[name].top1 for name in (WHOLE, *by_part)]},
        )
    return StudyResult(
        name="masking",
        basis=lab.basis,
        figures={
            "clips": len(lab.clips),
            "top1": {name: it.top1 for name, it in found.items()},
            "top_share": {name: it.top_share for name, it in found.items()},
            "labels": {name: it.labels for name, it in found.items()},
            "entropy_nats": {name: it.entropy_nats for name, it in found.items()},
            "covered": {name: it.covered for name, it in found.items()},
        },
        tables=(
            Table("Covered at random", SCATTER_HEADER, scatter_rows(at_random)),
            *by_parts,
            Table(
                "Published",
                ("pictures", "top-1"),
                (("whole, 101 classes of UCF101", _PUBLISHED_TOP1),),
            ),
        ),
        findings=tuple(findings),
        plots={
            "histograms.png": partial(plot_histograms, lab.names, whole),
            "histograms-half.png": partial(
                plot_histograms, lab.names, found["shapes 50%"]
            ),
            "confidence.png": partial(_plot_confidence, at_random),
            **plots,
        },
    )


def _scatter(lab: Laboratory, name: str, pictures: Pictures, covered: float) -> Scatter:
    lab.on_progress("pictures", 1, 1, name)
    features = lab.recognizer.encode(pictures)
    logits = np.asarray(lab.scale * features @ lab.text_bank.T)
    return measure_scatter(logits, lab.clips.labels, covered)


def _collapse(names: tuple[str, ...], found: Scatter) -> str:
    """Tell what half of the pixels black looks like; few labels are no robustness."""
    said = found.counts.sum(axis=0)
    share = float(said.max() / said.sum())
    return (
        f"With half of the pixels black {share:.0%} of all pictures are taken for"
        f" '{names[int(said.argmax())]}': where predictions scatter least, they need"
        " not be right."
    )


def plot_histograms(names: tuple[str, ...], found: Scatter, path: Path) -> None:
    """Draw for each true label how often which label is said, and how surely."""
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
    figure.suptitle("what is said of each true label (above: mean confidence)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _plot_confidence(found: dict[str, Scatter], path: Path) -> None:
    figure = new_figure(7, 4.5)
    axes = figure.add_subplot()
    for kind, style in (("pixels", "o-"), ("shapes", "s-")):
        chosen = [found[WHOLE], *(found[f"{kind} {share:.0%}"] for share in SHARES)]
        covered = [it.covered for it in chosen]
        axes.plot(
            covered,
            [it.confidence for it in chosen],
            style,
            label=f"{kind}: confidence",
        )
        axes.plot(
            covered,
            [it.top1 for it in chosen],
            style,
            alpha=0.4,
            label=f"{kind}: top-1",
        )
    axes.set_xlabel("share of the picture that is covered")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False)
    axes.set_title("confidence against what is covered")
    figure.savefig(path, dpi=120, bbox_inches="tight")
