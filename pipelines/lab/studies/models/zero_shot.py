"""Zero-shot recognition: clips compared with single frames, and the confusion.

The published figures are those of CLIP ViT-B/32 on the first 15 classes of UCF101,
official split 1, prompt "a photo of a person {class}".
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from models.clip.averaging import middle_frame
from pipelines.lab.studies.confusion import count_confusion
from pipelines.lab.studies.models.laboratory import Laboratory, accuracy
from pipelines.lab.studies.models.plots import plot_cosines, plot_map
from pipelines.lab.studies.models.result import StudyResult, Table, compare
from pipelines.lab.studies.plots import plot_confusion

_PUBLISHED_CLIP, _PUBLISHED_SINGLE = 0.9419, 0.9261
_PUBLISHED_TOP1 = 0.9507


def study_zero_shot(lab: Laboratory) -> StudyResult:
    """Measure an unchanged checkpoint on every clip."""
    clips, frames = lab.clips, lab.features.shape[1]
    bank = lab.text_bank.T
    middle = middle_frame(range(frames), frames)
    by_clip = np.asarray((lab.vectors @ bank).argmax(axis=1))
    by_frame = np.asarray((lab.features[:, middle] @ bank).argmax(axis=1))
    top1_clip = accuracy(by_clip, clips.labels)
    top1_single = accuracy(by_frame, clips.labels)
    rows = _label_rows(lab, by_clip)
    top1_rows = (
        (f"{frames} frames of a clip", top1_clip, _PUBLISHED_CLIP),
        ("its middle frame alone", top1_single, _PUBLISHED_SINGLE),
        ("whole set of the report", None, _PUBLISHED_TOP1),
    )
    return StudyResult(
        name="zero-shot",
        basis=lab.basis,
        figures={
            "clips": len(clips),
            "top1_clip": top1_clip,
            "top1_single": top1_single,
            "macro_f1": float(np.mean([row[3] for row in rows if row[3] is not None])),
            "f1": {str(row[0]): row[3] for row in rows},
        },
        tables=(
            Table("Top-1 accuracy", ("input", "measured", "published"), top1_rows),
            Table("By label", ("label", "precision", "recall", "F1", "clips"), rows),
        ),
        findings=(
            f"The clip {compare(top1_clip, top1_single)} the single frame:"
            f" {top1_clip:.3f}, {top1_single:.3f}.",
        ),
        plots=_plots(lab, by_clip),
    )


def _plots(
    lab: Laboratory, predicted: Int64[np.ndarray, " clip"]
) -> dict[str, Callable[[Path], None]]:
    clips, names = lab.clips, lab.names
    pairs = [
        (names[true], names[label])
        for true, label in zip(clips.labels, predicted, strict=True)
    ]
    confusion = count_confusion(names, [pairs])
    cosines = np.asarray(lab.text_bank @ lab.text_bank.T)
    title = f"zero-shot, {len(clips)} clips"
    return {
        "confusion.png": partial(plot_confusion, confusion, title),
        "prompts.png": partial(plot_cosines, names, cosines),
        "map.png": partial(plot_map, lab.vectors, clips.labels, names),
    }


def _label_rows(
    lab: Laboratory, predicted: Int64[np.ndarray, " clip"]
) -> tuple[tuple[str, float | None, float | None, float | None, int], ...]:
    """Return name, precision, recall, F1 and number of clips of each label."""
    true = lab.clips.labels
    counts = np.bincount(true, minlength=len(lab.names)).tolist()
    return tuple(
        (name, *_precision_recall(predicted, true, label), counts[label])
        for label, name in enumerate(lab.names)
    )


def _precision_recall(
    predicted: Int64[np.ndarray, " clip"], true: Int64[np.ndarray, " clip"], label: int
) -> tuple[float | None, float | None, float | None]:
    """Return precision, recall and F1 of a label; None where undefined."""
    hits = int(((predicted == label) & (true == label)).sum())
    named, there = int((predicted == label).sum()), int((true == label).sum())
    return (
        hits / named if named else None,
        hits / there if there else None,
        2 * hits / (named + there) if there else None,
    )
