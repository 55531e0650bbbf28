"""What the study of IS-CLIP tells: tables, findings, a joint map and cosines.

The published figures beside ours are those of He et al. on UESTC-MMEA-CL, 16 of whose
32 classes are base, or 24; *fall* is base there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float32, Int64
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipelines.studies.models.laboratory import Laboratory
from pipelines.studies.models.plots import plot_bars
from pipelines.studies.models.result import StudyResult, Table, harmonic_mean, mean
from pipelines.studies.models.sides import Sides
from pipelines.training.is_clip import IsClipTraining

HALF, THREE_QUARTERS, FALL = "half", "three_quarters", "fall_novel"
_VARIANTS = ("video", "sirm", "sgam", "both")
_TSNE_SEED = 42
_NAMES = {
    "frozen": "frozen CLIP",
    "video": "the same model without IMU",
    "sirm": "SIRM alone",
    "sgam": "SGAM alone",
    "both": "IS-CLIP: SIRM and SGAM",
    "acc": "IS-CLIP, accelerometer alone",
    "gyro": "IS-CLIP, gyroscope alone",
    "imu_only": "IMU alone, no pictures",
}
_TITLES = {
    HALF: "half of the labels novel",
    THREE_QUARTERS: "a quarter of the labels novel",
    FALL: "falling and fallen novel",
}
_PUBLISHED: Mapping[tuple[str, str], tuple[float, float, float]] = {
    (HALF, "frozen"): (0.552, 0.585, 0.568),
    (HALF, "video"): (0.976, 0.605, 0.747),
    (HALF, "sirm"): (0.971, 0.639, 0.770),
    (HALF, "sgam"): (0.986, 0.646, 0.781),
    (HALF, "both"): (0.977, 0.663, 0.790),
    (HALF, "acc"): (0.977, 0.641, 0.774),
    (HALF, "gyro"): (0.983, 0.653, 0.785),
    (THREE_QUARTERS, "frozen"): (0.445, 0.680, 0.538),
    (THREE_QUARTERS, "video"): (0.966, 0.742, 0.839),
    (THREE_QUARTERS, "both"): (0.972, 0.778, 0.864),
}
"""Base, novel and harmonic mean, as printed."""


@final
@dataclass(frozen=True, slots=True)
class Score:
    """Accuracies among base labels alone and among novel labels alone.

    Attributes:
        base: Of the test clips of base labels.
        novel: Of the test clips of novel labels.
        clips: How many these are.
    """

    base: float
    novel: float
    clips: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class NovelVectors:
    """Novel test clips of one seed, as two models see them."""

    labels: Int64[np.ndarray, " clip"]
    video: Float32[np.ndarray, "clip dim"]
    both: Float32[np.ndarray, "clip dim"]


Means = dict[str, dict[str, float]]
Runs = Mapping[str, Sequence[Mapping[str, Score]]]
"""Of each setting and seed, what each way scored."""


def report_is_clip(
    lab: Laboratory,
    divisions: Mapping[str, Sides],
    runs: Runs,
    vectors: Sequence[NovelVectors],
    training: IsClipTraining,
) -> StudyResult:
    """Put the study's result together.

    Args:
        lab: For names and texts.
        divisions: Of every setting; the first is ``HALF``.
        runs: Of the same settings.
        vectors: Of the first setting, one for each seed.
        training: What all runs share but the seed.
    """
    means = {name: average(found) for name, found in runs.items()}
    first = means[HALF]
    facts: dict[str, Any] = {
        kind: {way: first[way][kind] for way in _VARIANTS}
        for kind in ("base", "novel", "hm")
    }
    facts |= {
        "frozen": first["frozen"],
        "imu_only": first["imu_only"],
        "sensors": {way: first[way] for way in ("acc", "gyro", "both") if way in first},
        "settings": {name: found for name, found in means.items() if name != HALF},
        "labels": {
            name: {
                "base": [lab.names[label] for label in each.base],
                "novel": [lab.names[label] for label in each.novel],
                "novel_test_clips": [run["both"].clips for run in runs[name]],
            }
            for name, each in divisions.items()
        },
        "training": asdict(training),
    }
    novel = divisions[HALF].novel
    kept = [label for label in novel if any(label in it.labels for it in vectors)]
    names = [lab.names[label] for label in kept]
    cosines = {
        _NAMES[way]: own_cosines(lab, kept, vectors, way) for way in ("video", "both")
    }
    facts["own_text_cosine"] = {
        way: dict(zip(names, values, strict=True))
        for way, values in zip(("video", "both"), cosines.values(), strict=True)
    }
    return StudyResult(
        name="is-clip",
        basis=lab.basis,
        figures=facts,
        tables=tuple(_table(name, found) for name, found in means.items()),
        findings=(*_findings(means, runs), lab.how_novel(novel)),
        plots={
            "is-clip-map.png": partial(plot_joint_map, vectors[0], lab.names),
            "is-clip-cosines.png": partial(
                plot_bars,
                "novel labels: how near clips are to their own text",
                "mean cosine",
                names,
                cosines,
            ),
        },
    )


def average(runs: Sequence[Mapping[str, Score]]) -> Means:
    """Average every way over seeds; the harmonic mean is of these averages."""
    found = {}
    for way in runs[0]:
        base = mean([run[way].base for run in runs])
        novel = mean([run[way].novel for run in runs])
        found[way] = {"base": base, "novel": novel, "hm": harmonic_mean(base, novel)}
    return found


def own_cosines(
    lab: Laboratory, labels: Sequence[int], vectors: Sequence[NovelVectors], way: str
) -> list[float]:
    """Return, of each label, the mean cosine of its clips with its own text."""
    means = []
    for label in labels:
        rows = [getattr(each, way)[each.labels == label] for each in vectors]
        means.append(float((np.concatenate(rows) @ lab.text_bank[label]).mean()))
    return means


def _table(setting: str, means: Means) -> Table:
    header = (
        "",
        "base",
        "novel",
        "HM",
        *(f"published {it}" for it in ("base", "novel", "HM")),
    )
    rows = tuple(
        (
            _NAMES[way],
            *means[way].values(),
            *_PUBLISHED.get((setting, way), (None, None, None)),
        )
        for way in _NAMES
        if way in means
    )
    return Table(f"Accuracies, {_TITLES[setting]}", header, rows)


def _findings(means: Mapping[str, Means], runs: Runs) -> list[str]:
    said = []
    for setting, found in means.items():
        ours, plain = found["both"], found["video"]
        won = sum(run["both"].novel > run["video"].novel for run in runs[setting])
        clips = sum(run["both"].clips for run in runs[setting])
        said.append(
            f"With {_TITLES[setting]}, IS-CLIP"
            f" {_verdict(ours['novel'], plain['novel'])} the same model without IMU on"
            f" novel labels: {ours['novel']:.3f}, {plain['novel']:.3f} (ahead with"
            f" {won} of {len(runs[setting])} seeds; {clips} clips tested)."
        )
        said.append(
            f"There, training {_verdict(plain['novel'], found['frozen']['novel'])}"
            f" frozen CLIP on novel labels without IMU: {plain['novel']:.3f},"
            f" {found['frozen']['novel']:.3f}; on base labels {plain['base']:.3f},"
            f" {found['frozen']['base']:.3f}."
        )
    first = means[HALF]
    top = max(first[way]["novel"] for way in _VARIANTS)
    best = [_NAMES[way] for way in _VARIANTS if first[way]["novel"] == top]
    said.append(f"Best on novel labels: {' and '.join(best)}, {top:.3f}.")
    if "acc" in first:
        listed = ", ".join(
            f"{name} {first[way]['novel']:.3f}"
            for name, way in (
                ("accelerometer", "acc"),
                ("gyroscope", "gyro"),
                ("both", "both"),
            )
        )
        said.append(f"Sensors of IS-CLIP, novel labels: {listed}.")
    alone = first["imu_only"]
    said.append(
        f"IMU alone, without pictures: {alone['base']:.3f} on base labels,"
        f" {alone['novel']:.3f} on novel ones."
    )
    return said


def _verdict(one: float, other: float) -> str:
    if one == other:
        return "equals"
    return "beats" if one > other else "does not beat"


def plot_joint_map(shown: NovelVectors, names: Sequence[str], path: Path) -> None:
    """Draw both models' vectors in one plane by t-SNE, a panel for each model."""
    from sklearn.manifold import TSNE

    both = np.concatenate([shown.video, shown.both])
    perplexity = min(30.0, max(1.0, len(both) / 4))
    places = TSNE(
        perplexity=perplexity, init="pca", random_state=_TSNE_SEED
    ).fit_transform(both)
    figure = Figure(figsize=(12, 5.5))
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    colours = colormaps["tab20"](np.linspace(0, 1, max(2, len(names))))
    halves = np.split(places, 2)
    for axes, half, way in zip(panels, halves, ("video", "both"), strict=True):
        for label in np.unique(shown.labels):
            across, up = half[shown.labels == label].T
            axes.scatter(across, up, s=16, color=colours[label], label=names[label])
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(_NAMES[way])
    panels[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.suptitle(
        f"t-SNE of {len(shown.labels)} clips of novel labels, one plane for both"
    )
    figure.savefig(path, dpi=120, bbox_inches="tight")
