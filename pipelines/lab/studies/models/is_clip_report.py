"""The report of the study of IS-CLIP: tables, findings, a map and cosines.

The published figures are those of He et al. on UESTC-MMEA-CL, with 16 or 24 of 32
classes as base; *fall* is a base class there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float32, Int64

from pipelines.lab.studies.models.laboratory import Laboratory
from pipelines.lab.studies.models.plots import (
    draw_points,
    new_figure,
    plot_bars,
    project,
    show_legend,
)
from pipelines.lab.studies.models.result import (
    StudyResult,
    Table,
    compare,
    harmonic_mean,
    mean,
)
from pipelines.lab.studies.models.sides import Sides
from pipelines.lab.training.is_clip import IsClipTraining

HALF, THREE_QUARTERS, FALL = "half", "three_quarters", "fall_novel"
_VARIANTS = ("video", "sirm", "sgam", "both")
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

    ``clips`` is the number of test clips of novel labels.
    """

    base: float
    novel: float
    clips: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class NovelVectors:
    """Vectors of one seed's novel test clips, by two models."""

    labels: Int64[np.ndarray, " clip"]
    video: Float32[np.ndarray, "clip dim"]
    both: Float32[np.ndarray, "clip dim"]


Means = dict[str, dict[str, float]]
Runs = Mapping[str, Sequence[Mapping[str, Score]]]
"""For each setting and seed, the score of each variant."""


def report_is_clip(
    lab: Laboratory,
    divisions: Mapping[str, Sides],
    runs: Runs,
    vectors: Sequence[NovelVectors],
    training: IsClipTraining,
) -> StudyResult:
    """Build the result of the study.

    ``vectors`` are those of the first setting, one entry for each seed.
    """
    means = {name: average(found) for name, found in runs.items()}
    novel = divisions[HALF].novel
    kept = [label for label in novel if any(label in each.labels for each in vectors)]
    names = [lab.names[label] for label in kept]
    cosines = {way: own_cosines(lab, kept, vectors, way) for way in ("video", "both")}
    return StudyResult(
        name="is-clip",
        basis=lab.basis,
        figures={
            **_figures(lab, divisions, runs, means),
            "training": asdict(training),
            "own_text_cosine": {
                way: dict(zip(names, values, strict=True))
                for way, values in cosines.items()
            },
        },
        tables=tuple(_table(name, found) for name, found in means.items()),
        findings=(*_findings(means, runs), lab.how_novel(novel)),
        plots={
            "is-clip-map.png": partial(plot_joint_map, vectors[0], lab.names),
            "is-clip-cosines.png": partial(
                plot_bars,
                "novel labels: cosine of clips with their own text",
                "mean cosine",
                names,
                {_NAMES[way]: values for way, values in cosines.items()},
            ),
        },
    )


def _figures(
    lab: Laboratory,
    divisions: Mapping[str, Sides],
    runs: Runs,
    means: Mapping[str, Means],
) -> dict[str, Any]:
    first = means[HALF]
    return {
        **{
            kind: {way: first[way][kind] for way in _VARIANTS}
            for kind in ("base", "novel", "hm")
        },
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
    }


def average(runs: Sequence[Mapping[str, Score]]) -> Means:
    """Average every variant over seeds; the harmonic mean is of these averages."""
    found = {}
    for way in runs[0]:
        base = mean([run[way].base for run in runs])
        novel = mean([run[way].novel for run in runs])
        found[way] = {"base": base, "novel": novel, "hm": harmonic_mean(base, novel)}
    return found


def own_cosines(
    lab: Laboratory, labels: Sequence[int], vectors: Sequence[NovelVectors], way: str
) -> list[float]:
    """Return, for each label, the mean cosine of its clips with its own text."""
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
        *(f"published {kind}" for kind in ("base", "novel", "HM")),
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
    findings = []
    for setting, found in means.items():
        ours, plain = found["both"], found["video"]
        won = sum(run["both"].novel > run["video"].novel for run in runs[setting])
        clips = sum(run["both"].clips for run in runs[setting])
        findings.append(
            f"With {_TITLES[setting]}, IS-CLIP"
            f" {compare(ours['novel'], plain['novel'])} the same model without IMU on"
            f" novel labels: {ours['novel']:.3f}, {plain['novel']:.3f} (ahead with"
            f" {won} of {len(runs[setting])} seeds; {clips} clips tested)."
        )
        findings.append(
            f"There, training {compare(plain['novel'], found['frozen']['novel'])}"
            f" frozen CLIP on novel labels without IMU: {plain['novel']:.3f},"
            f" {found['frozen']['novel']:.3f}; on base labels {plain['base']:.3f},"
            f" {found['frozen']['base']:.3f}."
        )
    first = means[HALF]
    top = max(first[way]["novel"] for way in _VARIANTS)
    best = [_NAMES[way] for way in _VARIANTS if first[way]["novel"] == top]
    findings.append(f"Best on novel labels: {' and '.join(best)}, {top:.3f}.")
    if "acc" in first:
        listed = ", ".join(
            f"{name} {first[way]['novel']:.3f}"
            for name, way in (
                ("accelerometer", "acc"),
                ("gyroscope", "gyro"),
                ("both", "both"),
            )
        )
        findings.append(f"Sensors of IS-CLIP, novel labels: {listed}.")
    alone = first["imu_only"]
    findings.append(
        f"IMU alone, without pictures: {alone['base']:.3f} on base labels,"
        f" {alone['novel']:.3f} on novel ones."
    )
    return findings


def plot_joint_map(shown: NovelVectors, names: Sequence[str], path: Path) -> None:
    """Draw both models' vectors in one plane by t-SNE, a panel for each model."""
    places, _ = project(np.concatenate([shown.video, shown.both]))
    figure = new_figure(12, 5.5)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    halves = np.split(places, 2)
    for axes, half, way in zip(panels, halves, ("video", "both"), strict=True):
        draw_points(axes, half, shown.labels, names, size=16)
        axes.set_title(_NAMES[way])
    show_legend(panels[1])
    figure.suptitle(
        f"t-SNE of {len(shown.labels)} clips of novel labels, one plane for both"
    )
    figure.savefig(path, dpi=120, bbox_inches="tight")
