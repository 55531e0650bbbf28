"""From base to novel labels: does SC-CLIP's training on some labels help with others?

    rooms ─┬─▶ 16 clips of each base label ─▶ SC-CLIP is trained
           └─▶ other rooms ─┬─▶ clips of base labels  ─▶ base  ─┐
                            └─▶ clips of novel labels ─▶ novel ─┴─▶ harmonic mean

Candidates are the base labels alone or the novel ones alone, as in the paper, and then
all labels. The published figures in the report are those of ViT-B/16 (Quan et al. 2025,
doi:10.1016/j.patcog.2025.111402, table 2); ``base_to_novel_ablations`` has the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from models.sc_clip.model import ScClip
from models.sc_clip.settings import ScSettings
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.models.base_to_novel_ablations import ablation_tables
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize, accuracy
from pipelines.lab.studies.models.plots import plot_bars
from pipelines.lab.studies.models.result import (
    Cell,
    StudyResult,
    Table,
    compare,
    harmonic_mean,
    mean,
)
from pipelines.lab.studies.models.sc_clip_heads import MODELS, logits_by_head
from pipelines.lab.studies.models.sides import Sides, half_novel
from pipelines.lab.training.sc_clip import (
    ScTraining,
    encode_trunk,
    score_clips,
    train_sc_clip,
)

SHOTS = 16


_TRAIN_SHARE = 0.5  # share of the rooms
_TEST_CLIPS = 16  # most clips of each label, so that common labels do not dominate
_DELTA = 0.85  # as for HMDB51 and SSv2; finds 2 to 8 clusters in a ward's clip
_ABLATION_EFFORT = 1 / 3  # share of the epochs, for some twenty runs

_PUBLISHED: Mapping[str, tuple[float, ...]] = {
    "frozen CLIP": (0.533, 0.468, 0.498, 0.785, 0.636, 0.703, 0.049, 0.053, 0.051),
    "ActionCLIP": (0.691, 0.373, 0.485, 0.901, 0.581, 0.707, 0.133, 0.101, 0.115),
    "X-CLIP": (0.694, 0.455, 0.550, 0.899, 0.589, 0.712, 0.085, 0.066, 0.074),
    "AIM": (0.640, 0.516, 0.571, 0.898, 0.764, 0.826, 0.085, 0.079, 0.082),
    "ST-Adapter": (0.653, 0.489, 0.559, 0.855, 0.768, 0.809, 0.093, 0.084, 0.088),
    "ViFi-CLIP": (0.738, 0.533, 0.619, 0.929, 0.677, 0.783, 0.162, 0.121, 0.139),
    "SC-CLIP": (0.722, 0.572, 0.638, 0.935, 0.770, 0.845, 0.158, 0.126, 0.140),
}
"""Base, novel and HM of HMDB51, UCF101 and SSv2."""

_UCF = slice(3, 6)
_OURS = {"frozen": "frozen CLIP", "sc-clip": "SC-CLIP"}


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracies on base and on novel labels."""

    base: float
    novel: float

    @property
    def hm(self) -> float:
        """Their harmonic mean."""
        return harmonic_mean(self.base, self.novel)

    @classmethod
    def averaged(cls, scores: Sequence["Score"]) -> "Score":
        """Average over seeds; the harmonic mean is that of the averages."""
        return cls(
            mean([score.base for score in scores]),
            mean([score.novel for score in scores]),
        )


def sides_of(names: Sequence[str]) -> tuple[Sides, Sides]:
    """Split labels into halves, once with falls on the novel side and once reversed."""
    falls = half_novel("falls_novel", names)
    return falls, Sides("falls_base", falls.novel, falls.base)


def closed_and_general(
    logits: Float32[Tensor, "clip label"], clips: ClipSet, sides: Sides
) -> tuple[Score, Score]:
    """Measure with a side's labels as candidates, and with all labels."""
    closed, general = [], []
    for side in (sides.base, sides.novel):
        chosen = np.isin(clips.labels, side)
        true, own = clips.labels[chosen], logits.numpy()[chosen]
        closed.append(accuracy(np.array(side)[own[:, side].argmax(axis=1)], true))
        general.append(accuracy(own.argmax(axis=1), true))
    return Score(*closed), Score(*general)


@final
class Trial:
    """One seed's rooms for training and testing."""

    def __init__(self, lab: Laboratory, seed: int, training: ScTraining) -> None:
        training_rooms, test_rooms = lab.clips.split(_TRAIN_SHARE, seed)
        self.shots = training_rooms.few(SHOTS, seed)
        self.test = test_rooms.few(_TEST_CLIPS, seed)
        self.lab = lab
        self.text = torch.tensor(lab.text_bank)
        self._seed, self._training = seed, training
        self._trunks: dict[int, tuple[Tensor, Tensor]] = {}

    @cached_property
    def frozen(self) -> Float32[Tensor, "clip label"]:
        """Logits of unchanged CLIP: the mean of the frames' logits."""
        features = torch.from_numpy(self.lab.encode(self.test))
        return self.lab.scale * (features @ self.text.T).mean(dim=1)

    def train(
        self, sides: Sides, settings: ScSettings, note: str
    ) -> dict[str, Float32[Tensor, "clip label"]]:
        """Train on the base labels' shots, and score the test clips with every head."""
        clip = self.lab.recognizer.clip
        model = ScClip(clip.model, replace(settings, seed=self._seed))
        trunk, test = self._trunk_of(model)
        base = torch.tensor(sides.base)
        known = np.isin(self.shots.labels, sides.base)
        labels = torch.tensor(self.shots.labels[known])

        def show(stage: str, done: int, total: int, text: str) -> None:
            self.lab.on_progress(f"{note}: {stage}", done, total, text)

        train_sc_clip(
            model,
            trunk[torch.tensor(known)],
            torch.searchsorted(base, labels),  # base rises: the row of each label
            self.text[base],
            self._training,
            seed=self._seed,
            on_progress=show,
        )
        return logits_by_head(score_clips(model, test, self.text, show))

    def _trunk_of(self, model: ScClip) -> tuple[Tensor, Tensor]:
        """Return the trunk's output for shots and test clips."""
        if model.shared_blocks not in self._trunks:
            clip, show = self.lab.recognizer.clip, self.lab.on_progress
            self._trunks[model.shared_blocks] = (
                encode_trunk(model, clip, self.shots.frames, show),
                encode_trunk(model, clip, self.test.frames, show),
            )
        return self._trunks[model.shared_blocks]


def study_base_to_novel(
    lab: Laboratory, size: StudySize, recipe: ScTraining | None = None
) -> StudyResult:
    """Train on half of the labels, in both directions, and measure both halves.

    With an effort of 1 or more, ablations are measured. ``recipe`` is the training at
    an effort of 1.
    """
    recipe = recipe or ScTraining()
    training = replace(recipe, epochs=recipe.epochs * size.effort)
    settings = ScSettings(delta=_DELTA, scale=lab.scale)
    directions = sides_of(lab.names)
    runs: dict[str, list[dict[str, tuple[Score, Score]]]] = {
        sides.key: [] for sides in directions
    }
    for seed in size.seeds:
        trial = Trial(lab, seed, training)
        for sides in directions:
            note = f"{sides.title}, seed {seed}"
            logits = {"frozen": trial.frozen, **trial.train(sides, settings, note)}
            runs[sides.key].append(
                {
                    model: closed_and_general(scores, trial.test, sides)
                    for model, scores in logits.items()
                }
            )
    outcomes = [Outcome(sides, runs[sides.key]) for sides in directions]
    tables: tuple[Table, ...] = ()
    if size.effort >= 1:
        short = replace(recipe, epochs=recipe.epochs * _ABLATION_EFFORT * size.effort)
        trial = Trial(lab, size.seeds[0], short)

        def measure(changed: ScSettings, note: str) -> tuple[float, float, float]:
            logits = trial.train(directions[0], changed, note)["sc-clip"]
            score, _ = closed_and_general(logits, trial.test, directions[0])
            return score.base, score.novel, score.hm

        layers = lab.recognizer.clip.model.vision_model.config.num_hidden_layers
        tables = ablation_tables(settings, layers, measure)
    return _report(lab, size, outcomes, tables)


@final
class Outcome:
    """The results in one direction, averaged over seeds."""

    def __init__(
        self, sides: Sides, runs: Sequence[Mapping[str, tuple[Score, Score]]]
    ) -> None:
        self.sides = sides
        self.closed = {
            model: Score.averaged([run[model][0] for run in runs]) for model in MODELS
        }
        self.general = {
            model: Score.averaged([run[model][1] for run in runs]) for model in MODELS
        }

    @property
    def figures(self) -> dict[str, dict[str, float]]:
        """Base, novel and HM of each model, with closed candidates."""
        return _figures(self.closed)

    def named(self, names: Sequence[str]) -> str:
        """Return the names of the labels on either side."""
        base, novel = (
            ", ".join(names[label] for label in side)
            for side in (self.sides.base, self.sides.novel)
        )
        return f"base: {base}; novel: {novel}"

    def verdicts(self) -> tuple[str, ...]:
        """Return whether SC-CLIP beats unchanged CLIP, in sentences."""
        frozen, tuned = self.closed["frozen"], self.closed["sc-clip"]
        where = f"With {self.sides.title}, SC-CLIP"
        best = max(MODELS[1:], key=lambda model: self.closed[model].hm)
        return (
            f"{where} {compare(tuned.novel, frozen.novel)} frozen CLIP on novel labels:"
            f" {tuned.novel:.3f}, {frozen.novel:.3f}.",
            f"{where} {compare(tuned.hm, frozen.hm)} frozen CLIP in the harmonic mean:"
            f" {tuned.hm:.3f}, {frozen.hm:.3f}; on base labels it has"
            f" {tuned.base:.3f} against {frozen.base:.3f}. Of its heads {best} has the"
            f" highest harmonic mean, {self.closed[best].hm:.3f}.",
            f"{where} {compare(self.general['sc-clip'].hm, self.general['frozen'].hm)}"
            " frozen CLIP in the harmonic mean with all labels as candidates:"
            f" {self.general['sc-clip'].hm:.3f}, {self.general['frozen'].hm:.3f}.",
        )


def _figures(scores: Mapping[str, Score]) -> dict[str, dict[str, float]]:
    return {
        "base": {model: score.base for model, score in scores.items()},
        "novel": {model: score.novel for model, score in scores.items()},
        "hm": {model: score.hm for model, score in scores.items()},
    }


def _report(
    lab: Laboratory,
    size: StudySize,
    outcomes: Sequence[Outcome],
    ablations: Sequence[Table],
) -> StudyResult:
    first, second = outcomes
    return StudyResult(
        name="base-to-novel",
        basis=lab.basis,
        figures={
            "clips": len(lab.clips),
            "seeds": list(size.seeds),
            "shots": SHOTS,
            "base_labels": [lab.names[label] for label in first.sides.base],
            "novel_labels": [lab.names[label] for label in first.sides.novel],
            **first.figures,
            "generalised": _figures(first.general),
            second.sides.key: {
                **second.figures,
                "generalised": _figures(second.general),
            },
        },
        tables=(*_tables(lab.names, outcomes), *ablations),
        findings=(
            *first.verdicts(),
            *second.verdicts(),
            lab.how_novel(first.sides.novel),
        ),
        plots={
            f"base-to-novel-{outcome.sides.key.replace('_', '-')}.png": partial(
                plot_bars,
                f"{SHOTS} shots of each base label, {outcome.sides.title}",
                "accuracy",
                MODELS,
                {
                    name: list(values.values())
                    for name, values in outcome.figures.items()
                },
            )
            for outcome in outcomes
        },
    )


def _tables(names: Sequence[str], outcomes: Sequence[Outcome]) -> list[Table]:
    measures = ("base", "novel", "HM")
    ucf = tuple(f"UCF101 {measure}" for measure in measures)
    tables: list[Table] = []
    for outcome in outcomes:
        closed: list[tuple[Cell, ...]] = []
        for model, score in outcome.closed.items():
            known = model in _OURS
            published = _PUBLISHED[_OURS[model]][_UCF] if known else (None, None, None)
            closed.append((model, score.base, score.novel, score.hm, *published))
        title = f"Closed candidates ({outcome.named(names)})"
        tables.append(Table(title, ("model", *measures, *ucf), tuple(closed)))
        general = tuple(
            (model, score.base, score.novel, score.hm)
            for model, score in outcome.general.items()
        )
        title = f"All labels as candidates ({outcome.sides.title})"
        tables.append(Table(title, ("model", *measures), general))
    sets = (f"{name} {m}" for name in ("HMDB51", "UCF101", "SSv2") for m in measures)
    published_rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *row) for name, row in _PUBLISHED.items()
    )
    return [*tables, Table("Published, ViT-B/16", ("model", *sets), published_rows)]
