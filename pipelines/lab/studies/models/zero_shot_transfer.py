"""Transfer: does what SC-CLIP learns on one set help on another?

    home ─┬─▶ groups to train on ─▶ SC-CLIP learns all labels of home ─┐
          └─▶ other groups ─────────▶ measured at home ◀───────────────┤
    away ─▶ other videos, with their own labels ─▶ measured away ◀─────┘

Nothing of away is trained on; its labels are known by their texts alone. The published
figures are of ViT-B/16 trained on Kinetics-400 (Quan et al. 2025,
doi:10.1016/j.patcog.2025.111402, table 3). Those of unchanged CLIP, which that table
lacks, are from Huang et al. (2024, arXiv:2402.03241), measured in the same way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import stdev
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from models.prompts.prompt_set import plain_name
from models.sc_clip.model import ScClip
from models.sc_clip.settings import PUBLISHED
from pipelines.lab.studies.intervals import Interval, cluster_interval
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize, accuracy
from pipelines.lab.studies.models.plots import plot_bars
from pipelines.lab.studies.models.result import Cell, StudyResult, Table, compare, mean
from pipelines.lab.studies.models.sc_clip_heads import MODELS, logits_by_head
from pipelines.lab.training.sc_clip import (
    ScTraining,
    encode_trunk,
    score_clips,
    train_sc_clip,
)
from pipelines.progress import Progress

_TRAIN_SHARE = 0.7  # share of home's groups
_DELTA = 0.85  # as in the study from base to novel; the paper has 0.8
_OURS = {"frozen": "frozen CLIP", "sc-clip": "SC-CLIP"}

_Figure = tuple[float, float | None] | None
_COLUMNS = ("UCF101 whole", "UCF101", "HMDB51 whole", "HMDB51", "Kinetics-600")
_PUBLISHED: Mapping[str, Sequence[_Figure]] = {
    "frozen CLIP": (
        (0.742, None),
        (0.738, 0.006),
        (0.463, None),
        (0.479, 0.005),
        (0.681, 0.011),
    ),
    "ER-ZASR": (None, (0.518, 0.029), None, (0.353, 0.046), (0.421, 0.014)),
    "ActionCLIP": (
        (0.774, None),
        (0.775, 0.008),
        (0.480, None),
        (0.482, 0.015),
        (0.625, 0.012),
    ),
    "X-CLIP": (None, (0.720, 0.023), None, (0.446, 0.052), (0.652, 0.004)),
    "ST-Adapter": (
        (0.779, None),
        (0.776, 0.007),
        (0.503, None),
        (0.511, 0.006),
        (0.602, 0.018),
    ),
    "Vita-CLIP": (None, (0.750, 0.006), None, (0.486, 0.006), (0.674, 0.005)),
    "M2-CLIP": (None, (0.787, 0.012), None, (0.471, 0.004), None),
    "GBC": (None, (0.777, 0.013), None, (0.496, 0.014), (0.674, 0.007)),
    "SC-CLIP": (
        (0.799, None),
        (0.799, 0.008),
        (0.516, None),
        (0.520, 0.003),
        (0.653, 0.010),
    ),
}
"""Top-1 and its standard deviation over splits; "whole" is a set with both splits."""

Predictions = dict[str, Int64[np.ndarray, " clip"]]
"""Each model's predicted labels of all clips."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One seed's results.

    ``away`` are predictions for every clip there, ``home`` the top-1 on home's other
    groups.
    """

    away: Predictions
    home: Mapping[str, float]


def study_zero_shot_transfer(
    home: Laboratory,
    away: Laboratory,
    size: StudySize,
    *,
    home_title: str,
    away_title: str,
) -> StudyResult:
    """Train at home, once for each seed, and measure away.

    Both sets have the same checkpoint, and labels of their own. The published figures
    of a public set are shown if ``away_title`` begins with its name.
    """
    bench = _Bench(home, away, size)
    runs = [bench.run(seed) for seed in size.seeds]
    return _report(home, away, size, runs, (home_title, away_title))


@final
class _Bench:
    """The parts that all seeds share: outputs of frozen parts, and settings."""

    def __init__(self, home: Laboratory, away: Laboratory, size: StudySize) -> None:
        self._home, self._away = home, away
        recipe = ScTraining()
        self._training = replace(
            recipe,
            epochs=recipe.epochs * size.effort,
            warmup_epochs=recipe.warmup_epochs * size.effort,
        )
        self._settings = replace(PUBLISHED["k400"], delta=_DELTA, scale=home.scale)
        self._trunks: tuple[Tensor, Tensor] | None = None
        self._frozen = tuple(_frozen_predictions(lab) for lab in (home, away))

    def run(self, seed: int) -> Run:
        """Train on a seed's groups, and measure on its other groups and away."""
        home, away = self._home, self._away
        model = ScClip(home.recognizer.clip.model, replace(self._settings, seed=seed))
        at_home, there = self._encoded(model)
        trained = home.clips.share_of_groups(_TRAIN_SHARE, seed)
        known, other = (
            torch.tensor(np.flatnonzero(mask)) for mask in (trained, ~trained)
        )

        def show(stage: str, done: int, total: int, note: str) -> None:
            home.on_progress(f"seed {seed}: {stage}", done, total, note)

        train_sc_clip(
            model,
            at_home[known],
            torch.tensor(home.clips.labels)[known],
            torch.tensor(home.text_bank),
            self._training,
            seed=seed,
            on_progress=show,
        )
        own = _predictions(model, at_home[other], home, show)
        own["frozen"] = self._frozen[0][~trained]
        true = home.clips.labels[~trained]
        elsewhere = _predictions(model, there, away, show)
        elsewhere["frozen"] = self._frozen[1]
        return Run(elsewhere, {name: accuracy(own[name], true) for name in MODELS})

    def _encoded(self, model: ScClip) -> tuple[Tensor, Tensor]:
        """Return the trunk's output for both sets, computed once for all seeds."""
        if self._trunks is None:
            clip, show = self._home.recognizer.clip, self._home.on_progress
            self._trunks = (
                encode_trunk(model, clip, self._home.clips.frames, show),
                encode_trunk(model, clip, self._away.clips.frames, show),
            )
        return self._trunks


def _frozen_predictions(lab: Laboratory) -> Int64[np.ndarray, " clip"]:
    return np.asarray((lab.vectors @ lab.text_bank.T).argmax(axis=1))


def _predictions(
    model: ScClip,
    trunk: Float[Tensor, "clip frame token hidden"],
    lab: Laboratory,
    on_progress: Progress,
) -> Predictions:
    """Return each head's predictions among a set's labels."""
    answer = score_clips(model, trunk, torch.tensor(lab.text_bank), on_progress)
    heads = logits_by_head(answer)
    return {name: logits.argmax(dim=1).numpy() for name, logits in heads.items()}


def _report(
    home: Laboratory,
    away: Laboratory,
    size: StudySize,
    runs: Sequence[Run],
    titles: tuple[str, str],
) -> StudyResult:
    home_title, away_title = titles
    top1 = {name: [_top1(run, away, name) for run in runs] for name in MODELS}
    at_home = {name: mean([run.home[name] for run in runs]) for name in MODELS}
    means = {name: mean(values) for name, values in top1.items()}
    deviations = {name: _deviation(values) for name, values in top1.items()}
    rows = _label_rows(home, away, runs)
    trained = [str(row[0]) for row in rows if row[1] == "yes"]
    return StudyResult(
        name="zero-shot-transfer",
        basis=away.basis,
        figures={
            "home": home_title,
            "away": away_title,
            "home_clips": len(home.clips),
            "clips": len(away.clips),
            "seeds": list(size.seeds),
            "top1": means,
            "deviation": deviations,
            "interval": {
                name: interval_of(runs, away, name) for name in ("frozen", "sc-clip")
            },
            "top1_home": at_home,
            "labels_trained": trained,
            "recall": {
                str(row[0]): dict(zip(MODELS, row[3:], strict=True)) for row in rows
            },
        },
        tables=_tables(means, deviations, at_home, rows, titles),
        findings=(
            verdict(top1, titles),
            _verdict_at_home(at_home, home_title),
            _chance(away),
            _overlap(trained, len(rows)),
        ),
        plots={
            "zero-shot-transfer.png": partial(
                plot_bars,
                f"SC-CLIP trained on {home_title}",
                "top-1",
                MODELS,
                {home_title: list(at_home.values()), away_title: list(means.values())},
            )
        },
    )


def _tables(
    means: Mapping[str, float],
    deviations: Mapping[str, float | None],
    at_home: Mapping[str, float],
    rows: tuple[tuple[Cell, ...], ...],
    titles: tuple[str, str],
) -> tuple[Table, ...]:
    return (
        Table(
            f"Top-1, trained on {titles[0]}, measured on {titles[1]}",
            ("model", "top-1", "deviation", "at home", "published"),
            tuple(
                (
                    name,
                    means[name],
                    deviations[name],
                    at_home[name],
                    _beside(name, titles[1]),
                )
                for name in MODELS
            ),
        ),
        Table("Recall by label", ("label", "trained", "clips", *MODELS), rows),
        Table(
            "Published, ViT-B/16, trained on Kinetics-400 (± over splits)",
            ("model", *_COLUMNS),
            tuple((name, *map(_written, row)) for name, row in _PUBLISHED.items()),
        ),
    )


def _top1(run: Run, away: Laboratory, name: str) -> float:
    return accuracy(run.away[name], away.clips.labels)


def _deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation of a sample, or None for a single value."""
    return stdev(values) if len(values) > 1 else None


def interval_of(runs: Sequence[Run], away: Laboratory, name: str) -> Interval | None:
    """Return a model's interval away, by resampling groups; seeds are pooled."""
    right = np.sum([run.away[name] == away.clips.labels for run in runs], axis=0)
    groups = np.unique(away.clips.groups)
    hits = np.array([right[away.clips.groups == group].sum() for group in groups])
    trials = np.array([(away.clips.groups == group).sum() for group in groups]) * len(
        runs
    )
    return cluster_interval(hits, trials, seed=0)


def _label_rows(
    home: Laboratory, away: Laboratory, runs: Sequence[Run]
) -> tuple[tuple[Cell, ...], ...]:
    """Return rows of the labels that occur: whether trained, count, and recalls."""
    learnt = {plain_name(name) for name in home.names}
    rows: list[tuple[Cell, ...]] = []
    for label, name in enumerate(away.names):
        own = away.clips.labels == label
        if own.any():
            recalls = [
                mean([float((run.away[model][own] == label).mean()) for run in runs])
                for model in MODELS
            ]
            trained = "yes" if plain_name(name) in learnt else "no"
            rows.append((name, trained, int(own.sum()), *recalls))
    return tuple(rows)


def _beside(name: str, away_title: str) -> str | None:
    """Return the published figure of a model on a set, if there is one."""
    known = _PUBLISHED.get(_OURS.get(name, ""))
    if known is None or away_title.split()[0] not in _COLUMNS:
        return None
    return _written(known[_COLUMNS.index(away_title.split()[0])])


def _written(figure: _Figure) -> str | None:
    if figure is None:
        return None
    value, deviation = figure
    return f"{value:.3f}" if deviation is None else f"{value:.3f} ± {deviation:.3f}"


def verdict(top1: Mapping[str, Sequence[float]], titles: tuple[str, str]) -> str:
    """Return whether SC-CLIP beats unchanged CLIP away, as a sentence."""
    tuned, frozen = top1["sc-clip"], top1["frozen"]
    ahead = sum(one > other for one, other in zip(tuned, frozen, strict=True))
    best = max(MODELS[1:], key=lambda name: mean(top1[name]))
    return (
        f"Trained on {titles[0]}, SC-CLIP {compare(mean(tuned), mean(frozen))} frozen"
        f" CLIP on {titles[1]}: {mean(tuned):.3f}, {mean(frozen):.3f} (ahead with"
        f" {ahead} of {len(tuned)} seeds). Of its heads {best} is the highest there,"
        f" {mean(top1[best]):.3f}."
    )


def _verdict_at_home(at_home: Mapping[str, float], title: str) -> str:
    tuned, frozen = at_home["sc-clip"], at_home["frozen"]
    return (
        f"At home, on groups of {title} that were not trained on, it"
        f" {compare(tuned, frozen)} frozen CLIP: {tuned:.3f}, {frozen:.3f}."
    )


def _chance(away: Laboratory) -> str:
    counts = np.bincount(away.clips.labels, minlength=len(away.names))
    most = int(counts.argmax())
    return (
        f"Always predicting '{away.names[most]}' would be right in"
        f" {counts[most] / counts.sum():.3f} of these {counts.sum()} clips."
    )


def _overlap(trained: Sequence[str], labels: int) -> str:
    if not trained:
        return f"None of the {labels} labels measured was trained on."
    return (
        f"{len(trained)} of the {labels} labels measured were trained on, in other"
        f" videos: {', '.join(trained)}."
    )
