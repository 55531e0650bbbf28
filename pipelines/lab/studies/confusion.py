"""Confusion of labels: count which label was predicted for which, window by window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from pipelines.lab.studies.figures import Figure
from pipelines.lab.studies.intervals import cluster_interval

GROUPS: Mapping[str, str] = {
    "walking": "upright",
    "standing": "upright",
    "sitting": "sitting",
    "bending": "bending",
    "sitting down": "in transition",
    "standing up": "in transition",
    "lying down": "in transition",
    "falling": "in transition",
    "lying in bed": "lying in bed",
    "fallen": "fallen",
    "empty room": "empty room",
}
"""Groups of labels that an average of frames, which ignores order, can distinguish.
Any other label is a group of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Counts of windows by true and predicted label, for each recording.

    Neighbouring windows share frames, and a recording shares a room and a body, so that
    windows are not independent. Intervals come from resampling whole recordings.
    """

    labels: tuple[str, ...]
    counts: Int64[np.ndarray, "recording true predicted"]

    @property
    def total(self) -> Int64[np.ndarray, "true predicted"]:
        """The counts over all recordings."""
        return np.asarray(self.counts.sum(axis=0), dtype=np.int64)


def count_confusion(
    labels: Sequence[str], recordings: Sequence[Sequence[tuple[str | None, str]]]
) -> Confusion:
    """Count pairs of true and predicted label.

    Pairs with another true label (*other* or unlabelled) are left out.
    """
    place = {label: index for index, label in enumerate(labels)}
    counts = np.zeros((len(recordings), len(labels), len(labels)), np.int64)
    for recording, pairs in enumerate(recordings):
        for true, predicted in pairs:
            if true in place:
                counts[recording, place[true], place[predicted]] += 1
    return Confusion(tuple(labels), counts)


def group_of(label: str) -> str:
    """Return the group of a label: from ``GROUPS``, or the label itself."""
    return GROUPS.get(label, label)


def likeliest_group(scores: Mapping[str, float]) -> str:
    """Return the group with the greatest sum of its labels' scores.

    Events sum the scores of their labels in the same way, so that two labels that share
    the score of an ambiguous window do not lose to a third.
    """
    sums: dict[str, float] = {}
    for label, score in scores.items():
        sums[group_of(label)] = sums.get(group_of(label), 0.0) + score
    return max(sums, key=sums.__getitem__)


def top1(confusion: Confusion, seed: int) -> Figure:
    """Measure the share of windows with the right label."""
    right = np.trace(confusion.counts, axis1=1, axis2=2)
    return _right_of(right, confusion.counts.sum(axis=(1, 2)), seed)


def label_recall(confusion: Confusion, seed: int) -> dict[str, Figure]:
    """Measure the share of right windows for each true label."""
    right = np.diagonal(confusion.counts, axis1=1, axis2=2)
    of_label = confusion.counts.sum(axis=2)
    return {
        label: _right_of(right[:, index], of_label[:, index], seed)
        for index, label in enumerate(confusion.labels)
    }


def _right_of(
    right: Int64[np.ndarray, " recording"],
    windows: Int64[np.ndarray, " recording"],
    seed: int,
) -> Figure:
    interval = cluster_interval(right, windows, seed)
    hits, trials = int(right.sum()), int(windows.sum())
    value = hits / trials if trials else None
    return Figure(value, interval, {"right": hits, "windows": trials})
