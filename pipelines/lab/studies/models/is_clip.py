"""IS-CLIP compared with the same model without samples, on untrained labels.

    labels ─▶ base, novel ─┐
    groups ─▶ train, test ─┴─▶ train on base ─┬─▶ test base, among base labels alone
                                              └─▶ test novel, among novel labels alone

``pipelines.lab.studies.models.is_clip_report`` makes the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64

from models.clip.averaging import average_clip
from models.is_clip.model import IsClip, IsClipSettings, Sensors
from models.is_clip.spectrogram import ImuFormat, fit_scale
from pipelines.errors import TrainingError
from pipelines.lab.studies.models.is_clip_report import (
    FALL,
    HALF,
    THREE_QUARTERS,
    NovelVectors,
    Score,
    report_is_clip,
)
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize, accuracy
from pipelines.lab.studies.models.result import StudyResult
from pipelines.lab.studies.models.sides import (
    WARD_FALLS,
    Sides,
    half_novel,
    quarter_novel,
)
from pipelines.lab.training.is_clip import (
    PUBLISHED,
    SMALL_TOWER,
    KeptFrames,
    WindowSpectrograms,
    all_spectrograms,
    encode_windows,
    keep_frames,
    train_is_clip,
)

_TRAIN_SHARE = 0.6
_WIDE_TOWER = 512

_WAYS: dict[str, tuple[bool, bool, Sensors]] = {
    "video": (False, False, "both"),
    "sirm": (True, False, "both"),
    "sgam": (False, True, "both"),
    "both": (True, True, "both"),
    "acc": (True, True, "acc"),
    "gyro": (True, True, "gyro"),
}
"""For each variant: whether it has SIRM and SGAM, and its sensors."""

_QUICK = ("video", "sirm", "sgam", "both")
_OTHER_SETTINGS = ("video", "both")


def study_is_clip(lab: Laboratory, size: StudySize) -> StudyResult:
    """Train every variant for every seed, and compare them on novel labels.

    A quick study has the first setting alone, without single sensors.

    Raises:
        TrainingError: If the clips have no wearable's samples, or a setting has no
            clips to train on.
    """
    bench = _Bench(lab, size)
    quick = size.effort < 1
    plan = {HALF: _QUICK if quick else tuple(_WAYS)}
    if not quick:
        plan |= {THREE_QUARTERS: _OTHER_SETTINGS, FALL: _OTHER_SETTINGS}
    divisions = divide_labels(lab.names)
    plan = {name: ways for name, ways in plan.items() if name in divisions}
    bench.planned = len(size.seeds) * sum(len(ways) for ways in plan.values())
    runs = {
        name: [bench.run(divisions[name], ways, seed) for seed in size.seeds]
        for name, ways in plan.items()
    }
    return report_is_clip(
        lab,
        {name: divisions[name] for name in plan},
        {name: [scores for scores, _ in found] for name, found in runs.items()},
        [vectors for _, vectors in runs[HALF]],
        bench.training,
    )


def divide_labels(names: Sequence[str]) -> dict[str, Sides]:
    """Divide labels in every setting, equally for every seed.

    The setting of falls is left out if the ward's falls are missing, or there are no
    other labels.
    """
    found = {
        HALF: half_novel(HALF, names),
        THREE_QUARTERS: quarter_novel(THREE_QUARTERS, names),
    }
    falls = Sides.of(FALL, names, WARD_FALLS)
    if len(falls.novel) == len(WARD_FALLS) and falls.base:
        found[FALL] = falls
    return found


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Split:
    """Windows of one division and seed; no group is in both training and test set."""

    division: Sides
    train: tuple[KeptFrames, WindowSpectrograms]
    train_labels: Int64[np.ndarray, " clip"]
    test: tuple[KeptFrames, WindowSpectrograms]
    test_labels: Int64[np.ndarray, " tested"]


@final
class _Bench:
    """The parts that all runs share: outputs of frozen parts, and settings."""

    def __init__(self, lab: Laboratory, size: StudySize) -> None:
        if lab.clips.imu is None:
            where, problem = "IS-CLIP", "the clips have no samples of a wearable"
            raise TrainingError(where, problem)
        self._lab = lab
        self._imu: Float32[np.ndarray, "clip sample 6"] = lab.clips.imu
        self._form = ImuFormat(lab.clips.imu_rate_hz, "mps2", "radps")
        clip = lab.recognizer.clip
        self._kept = keep_frames(
            clip,
            lab.clips.frames,
            np.arange(lab.clips.frames[..., 0, 0, 0].size).reshape(len(lab.clips), -1),
            lambda done: lab.on_progress("encoding", done, len(lab.clips), "clips"),
        )
        wide = clip.model.visual_projection.in_features >= _WIDE_TOWER
        recipe = SMALL_TOWER
        if wide:  # the published rate, because higher ones destroy a wide tower
            recipe = replace(recipe, student_rate=PUBLISHED.student_rate)
        steps = max(1, round(recipe.steps * size.effort))
        self.training = replace(recipe, steps=steps)
        self.planned = 0
        self._done = 0

    def run(
        self, division: Sides, ways: Sequence[str], seed: int
    ) -> tuple[dict[str, Score], NovelVectors]:
        """Train and test some variants for one division and seed."""
        split = self._split(division, seed)
        kept = split.test[0]
        known = kept.known.numpy()[kept.places.numpy()]
        frozen = np.stack([average_clip(window) for window in known])
        scores = {"frozen": self._score(split, frozen)}
        vectors = {}
        for way in ways:
            model = self._train(split, way, seed)
            vectors[way], worn = encode_windows(model, *split.test)
            scores[way] = self._score(split, vectors[way])
            if way == "both":
                scores["imu_only"] = self._score(split, worn)
            self._done += 1
            note = f"{way}, seed {seed}"
            self._lab.on_progress("training", self._done, self.planned, note)
        novel = np.isin(split.test_labels, division.novel)
        return scores, NovelVectors(
            split.test_labels[novel], vectors["video"][novel], vectors["both"][novel]
        )

    def _split(self, division: Sides, seed: int) -> _Split:
        clips = self._lab.clips
        groups = np.random.default_rng(seed).permutation(np.unique(clips.groups))
        trained = np.isin(clips.groups, groups[: round(_TRAIN_SHARE * len(groups))])
        train = np.flatnonzero(trained & np.isin(clips.labels, division.base))
        test = np.flatnonzero(~trained)
        novel = np.isin(clips.labels[test], division.novel)
        if not len(train) or not novel.any() or novel.all():
            where, problem = "IS-CLIP", "too few clips to train and test on"
            raise TrainingError(where, problem)
        scale = fit_scale(self._imu[train], self._form)  # fitted without novel labels
        return _Split(
            division,
            (
                self._kept.select(train),
                all_spectrograms(self._imu[train], self._form, scale),
            ),
            clips.labels[train],
            (
                self._kept.select(test),
                all_spectrograms(self._imu[test], self._form, scale),
            ),
            clips.labels[test],
        )

    def _train(self, split: _Split, way: str, seed: int) -> IsClip:
        sirm, sgam, sensors = _WAYS[way]
        clip = self._lab.recognizer.clip
        settings = IsClipSettings(sirm=sirm, sgam=sgam, sensors=sensors)
        frames = split.train[0].places.shape[1]
        model = IsClip(
            clip.model, settings.for_space(clip.dim), frames=frames, seed=seed
        )
        base = np.array(split.division.base)
        train_is_clip(
            model,
            *split.train,
            torch.tensor(self._lab.text_bank[base]),
            np.searchsorted(base, split.train_labels),
            replace(self.training, seed=seed),
            lambda *_: None,
        )
        return model

    def _score(self, split: _Split, vectors: Float32[np.ndarray, "clip dim"]) -> Score:
        """Score both sides, each with its own labels as the only candidates."""
        found, tested = [], 0
        for side in (split.division.base, split.division.novel):
            candidates = np.array(side)
            chosen = np.isin(split.test_labels, candidates)
            cosines = vectors[chosen] @ self._lab.text_bank[candidates].T
            predicted = candidates[cosines.argmax(axis=1)]
            found.append(accuracy(predicted, split.test_labels[chosen]))
            tested = int(chosen.sum())
        return Score(base=found[0], novel=found[1], clips=tested)
