"""Few-shot training on the worst labels: their gain, and the loss of other labels.

The five worst labels of the training rooms are trained, by methods with a frozen
picture tower and by one that trains all weights. Test rooms are never trained on. The
published figures are those of CLIP ViT-B/32 on 15 classes of UCF101, with the
projection trained on five of them; the source does not say how its full fine-tuning was
done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from models.clip.encoder import ClipEncoder
from models.few_shot.fine_tuning import (
    FINE_TUNING,
    PROJECTION,
    TunedProjection,
    fine_tune,
    fit_projection,
    pooled_features,
)
from models.few_shot.linear_probe import sweep_probe
from models.few_shot.tip_adapter import TIP_KEYS, fit_keys, remember_shots, search_tip
from models.few_shot.training import TrainingSettings
from models.prompts.prompt_set import PromptSet
from models.recognizer import ClipRecognizer
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize
from pipelines.lab.studies.models.plots import plot_bars
from pipelines.lab.studies.models.result import StudyResult, Table, mean

TUNED_LABELS, SHOTS = 5, 16
_QUICK_SHOTS = 5
_PROJECTION = replace(PROJECTION, rate=1e-3, batch=8)
"""Ten times the rate for ViT-B/32, which suits small towers."""
_SAFE_RATES = (1e-6, 1e-5, 1e-4)
_NAIVE = "every weight, rate 0.001"

_PUBLISHED = Table(
    "Published: UCF101, five of 15 classes",
    ("method", "tuned classes, among themselves", "all 15 classes"),
    (
        ("as it is", None, 0.9507),
        ("projection alone", 0.9957, 0.9419),
        ("every weight, naively", None, 0.0158),
    ),
)

Logits = Float32[Tensor, "clip label"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Accuracies on test rooms.

    Attributes:
        tuned: On clips of the trained labels, with these as the only candidates.
        others: On the other clips, with all labels as candidates; None for a method
            that knows the trained labels alone.
    """

    tuned: float
    others: float | None


def study_few_shot(lab: Laboratory, size: StudySize) -> StudyResult:
    """Train the worst labels with every method, once for each seed."""
    quick = size.effort < 1
    shots = _QUICK_SHOTS if quick else SHOTS
    runs: list[dict[str, Outcome]] = []
    chosen: list[str] = []
    for number, seed in enumerate(size.seeds):
        split = Split(lab, shots, seed)
        chosen.append(", ".join(lab.names[label] for label in split.tuned))
        run = frozen_ways(lab, split)
        rates = () if quick or number else _SAFE_RATES
        for rate in (*rates, FINE_TUNING.rate):
            settings = replace(FINE_TUNING, rate=rate, seed=seed)
            run[f"every weight, rate {rate:g}"] = fine_tuned(lab, split, settings)
        runs.append(run)
        lab.on_progress("few-shot", number + 1, len(size.seeds), f"seed {seed}")
    return _report(lab, runs, chosen, shots)


@final
class Split:
    """One seed's rooms and shots.

    Attributes:
        test: Indices of the clips of test rooms.
        tuned: The trained labels, worst first.
        shots: Indices of the clips that are trained on.
        checked: Indices of all other training clips, for choosing settings.
        checked_tuned: Those of them whose label is trained.
    """

    def __init__(self, lab: Laboratory, shots: int, seed: int) -> None:
        clips = lab.clips
        places = np.arange(len(clips), dtype=np.int64)
        training_rooms = set(clips.split(0.5, seed)[0].groups.tolist())
        trained = np.isin(clips.groups, list(training_rooms))
        training, self.test = places[trained], places[~trained]
        predicted = (lab.vectors[training] @ lab.text_bank.T).argmax(axis=1)
        self.seed = seed
        self.tuned = worst_labels(predicted, clips.labels[training], TUNED_LABELS)
        eligible = training[np.isin(clips.labels[training], self.tuned)]
        self.shots = eligible[clips.select(eligible).few_places(shots, seed)]
        self.checked = np.setdiff1d(training, self.shots)
        rest = np.setdiff1d(eligible, self.shots)
        self.checked_tuned = rest if len(rest) else self.shots


def worst_labels(
    predicted: Int64[np.ndarray, " clip"], true: Int64[np.ndarray, " clip"], count: int
) -> list[int]:
    """Return the labels with the lowest recall, among those present."""
    recall = {
        int(label): float((predicted[true == label] == label).mean())
        for label in np.unique(true)
    }
    return sorted(recall, key=lambda label: (recall[label], label))[:count]


def frozen_ways(lab: Laboratory, split: Split) -> dict[str, Outcome]:
    """Train with every method that leaves the picture tower unchanged."""
    few = torch.tensor(split.tuned)
    texts, features = torch.tensor(lab.text_bank), torch.tensor(lab.features)
    labels = torch.tensor(lab.clips.labels)
    rising = few.sort().values
    own = torch.searchsorted(rising, labels)  # meaningless for the other labels
    shots, test = torch.tensor(split.shots), torch.tensor(split.test)
    checked, own_checked = (
        torch.tensor(split.checked),
        torch.tensor(split.checked_tuned),
    )
    outcome = partial(measure, labels=labels[test], tuned=split.tuned)

    clip = lab.recognizer.clip
    frames = torch.from_numpy(lab.clips.frames)
    pooled = partial(pooled_features, clip.model, pixel_scale=clip.pixel_scale)
    weight = clip.model.visual_projection.weight.detach().float()
    projection = fit_projection(
        TunedProjection(weight, lab.scale),
        pooled(frames[shots]),
        own[shots],
        texts[rising],
        replace(_PROJECTION, seed=split.seed),
    )
    memory = remember_shots(features[shots], labels[shots], texts, lab.scale)
    tip = search_tip(memory, features[checked], labels[checked])
    keys = replace(TIP_KEYS, seed=split.seed)
    trained = fit_keys(tip, features[shots], labels[shots], keys)
    tip_f = search_tip(trained, features[checked], labels[checked])
    probe = sweep_probe(
        *(features[shots], own[shots]),
        *(features[own_checked], own[own_checked]),
        classes=len(few),
    )
    predicted = rising[probe.logits(features[test]).argmax(dim=1)]
    known = torch.isin(labels[test], few)
    vectors = torch.tensor(lab.vectors)
    return {
        "as it is": outcome(lab.scale * vectors[test] @ texts.T),
        "projection alone": outcome(projection.logits(pooled(frames[test]), texts)),
        "Tip-Adapter": outcome(tip.logits(features[test])),
        "Tip-Adapter-F": outcome(tip_f.logits(features[test])),
        "linear probe": Outcome(_share(predicted[known], labels[test][known]), None),
    }


def fine_tuned(lab: Laboratory, split: Split, settings: TrainingSettings) -> Outcome:
    """Train all weights of a copy, and measure it."""
    clip, prompts = lab.recognizer.clip, lab.recognizer.prompt_set
    wanted = [p for i, p in enumerate(prompts.prompts) if i in split.tuned]
    few = PromptSet(prompts.name, prompts.version, prompts.templates, tuple(wanted))
    rising = torch.tensor(sorted(split.tuned))
    labels = torch.tensor(lab.clips.labels)
    tuned = fine_tune(
        clip.model,
        clip.tokenizer,
        few,
        torch.from_numpy(lab.clips.frames[split.shots]),
        torch.searchsorted(rising, labels[split.shots]),
        settings,
        pixel_scale=clip.pixel_scale,
    )
    encoder = ClipEncoder(clip.name, tuned, clip.tokenizer, *clip.pixel_scale)
    test = lab.clips.select(split.test)
    after = Laboratory(
        ClipRecognizer(encoder, prompts), test, lab.basis, lab.on_progress
    )
    logits = torch.tensor(after.vectors @ after.text_bank.T)
    return measure(logits, labels[split.test], split.tuned)


def measure(
    logits: Logits, labels: Int64[Tensor, " clip"], tuned: Sequence[int]
) -> Outcome:
    """Measure scores of all labels, on the trained labels and on the others."""
    few = torch.tensor(tuned)
    known = torch.isin(labels, few)
    predicted = few[logits[known][:, few].argmax(dim=1)]
    return Outcome(
        _share(predicted, labels[known]),
        _share(logits[~known].argmax(dim=1), labels[~known]),
    )


def _share(predicted: Int64[Tensor, " clip"], true: Int64[Tensor, " clip"]) -> float:
    return float((predicted == true).double().mean())


def _report(
    lab: Laboratory,
    runs: Sequence[dict[str, Outcome]],
    chosen: Sequence[str],
    shots: int,
) -> StudyResult:
    ways = list(runs[0])
    tuned = {way: mean([run[way].tuned for run in runs if way in run]) for way in ways}
    others = {way: _mean_others(way, runs) for way in ways}
    before, after = "as it is", "projection alone"
    series = {
        "tuned labels": [tuned[way] for way in ways],
        "other labels": [others[way] or 0.0 for way in ways],
    }
    return StudyResult(
        name="few-shot",
        basis=lab.basis,
        figures={
            "clips": len(lab.clips),
            "shots": shots,
            "tuned_classes": list(chosen),
            "tuned_classes_before": tuned[before],
            "tuned_classes_after": tuned[after],
            "others_before": others[before],
            "others_after": others[after],
            "others_after_naive": others[_NAIVE] or 0.0,
            "ways": {w: {"tuned": tuned[w], "others": others[w]} for w in ways},
        },
        tables=(
            Table(
                f"{shots} clips of each of the {TUNED_LABELS} worst labels",
                ("method", "tuned labels, among themselves", "other labels, among all"),
                tuple((way, tuned[way], others[way]) for way in ways),
            ),
            _PUBLISHED,
            Table(
                "What was tuned, by seed",
                ("run", "labels"),
                tuple((str(i + 1), names) for i, names in enumerate(chosen)),
            ),
        ),
        findings=_findings(tuned[after] - tuned[before], others),
        plots={
            "few-shot.png": partial(
                plot_bars, f"{shots} shots a label", "accuracy", ways, series
            )
        },
    )


def _findings(gain: float, others: Mapping[str, float | None]) -> tuple[str, ...]:
    change = (others["projection alone"] or 0) - (others["as it is"] or 0)
    frozen = [way for way in others if not way.startswith("every")]
    least = min(others[way] or 1.0 for way in frozen)
    naive = others[_NAIVE] or 0.0
    verdict = "keep" if least - naive > 0.1 else "do not keep"
    return (
        f"The projection alone changes the tuned labels by {gain:+.3f} and the"
        f" others by {change:+.3f}.",
        f"Frozen towers {verdict} what naive fine-tuning loses: the others have"
        f" {least:.3f} or more, against {naive:.3f}.",
    )


def _mean_others(way: str, runs: Sequence[dict[str, Outcome]]) -> float | None:
    values = [run[way].others for run in runs if way in run]
    known = [value for value in values if value is not None]
    return mean(known) if known else None
