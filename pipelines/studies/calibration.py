"""The calibration study: fit on some recordings, measure on others.

footage ─ watch ─▶ predictions, truth ─▶ labelled clips ─┬─ fit ─▶ Calibration
                                                         └─ held out ─▶ reliability
                                                            before and after

Of clips that rest on different things (camera, camera and wearable) those are fitted
that most do; whoever wants the others leaves the wearables out.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import softmax

from models.calibration import (
    Calibration,
    Reliability,
    fit_calibration,
    measure_reliability,
)
from models.window import Modality
from pipelines.data.folders import make_folder
from pipelines.data.truth import Truth
from pipelines.errors import PipelineError
from pipelines.records import Prediction
from pipelines.studies.confusion import GROUPS
from pipelines.studies.plots import plot_reliability


@dataclass(frozen=True, slots=True, eq=False)
class LabelledClips:
    """Clips whose label the prompt set knows, of any number of recordings."""

    cosines: Float64[np.ndarray, "clip label"]
    labels: Int64[np.ndarray, " clip"]
    modalities: tuple[Modality, ...]

    def resting_on(self, modality: Modality) -> "LabelledClips":
        """Return the clips whose answers rest on one thing."""
        held = np.array([it == modality for it in self.modalities], np.bool_)
        return LabelledClips(
            self.cosines[held], self.labels[held], (modality,) * int(held.sum())
        )


@dataclass(frozen=True, slots=True)
class Change:
    """Reliability before and after calibration, on the same clips."""

    clips: int
    before: Reliability
    after: Reliability


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What was fitted, and how reliable confidence is on clips that it never saw.

    ``groups`` holds the clips that were taken for a label of the group, rightly or
    wrongly: what a person who reads an answer wants to know.
    """

    model: str
    prompt_set: str
    modality: Modality
    calibration: Calibration
    overall: Change
    groups: dict[str, Change]


def label_clips(
    recordings: Sequence[tuple[Truth, Sequence[Prediction]]], labels: Sequence[str]
) -> LabelledClips:
    """Gather the clips of recordings whose true label is one of ``labels``."""
    place = {label: i for i, label in enumerate(labels)}
    cosines, true, modalities = [], [], []
    for truth, predictions in recordings:
        for prediction in predictions:
            label = truth.label_of(prediction.start_ns, prediction.end_ns)
            if label in place:
                cosines.append([prediction.cosines[each] for each in labels])
                true.append(place[label])
                modalities.append(prediction.modality)
    return LabelledClips(
        np.array(cosines, np.float64).reshape(len(true), len(labels)),
        np.array(true, np.int64),
        tuple(modalities),
    )


def study_calibration(
    fitting: LabelledClips,
    held_out: LabelledClips,
    labels: Sequence[str],
    logit_scale: float,
    model: str,
    prompt_set: str,
) -> CalibrationReport:
    """Fit on some clips and measure on others.

    Args:
        fitting: Fitted on.
        held_out: Measured on; better of other recordings.
        labels: The labels in the order of the cosines.
        logit_scale: The checkpoint's own.
        model: Name of the checkpoint.
        prompt_set: Name and hash of the prompt set.

    Raises:
        PipelineError: If either holds no labelled clip, or none that rests on the same.
    """
    usual = Counter(fitting.modalities).most_common(1)
    modality = usual[0][0] if usual else "video"
    fitting, held_out = fitting.resting_on(modality), held_out.resting_on(modality)
    if not (len(fitting.labels) and len(held_out.labels)):
        msg = (
            "no clip with a label of the prompt set to fit or measure on that rests on"
            f" {modality}"
        )
        raise PipelineError(msg)
    calibration = fit_calibration(
        logit_scale * fitting.cosines, fitting.cosines, fitting.labels
    )
    logits = logit_scale * held_out.cosines
    before = softmax(logits, axis=1)
    after = softmax(logits / calibration.temperature, axis=1)
    groups = np.array([GROUPS.get(label, label) for label in labels])
    said = groups[logits.argmax(axis=1)]
    return CalibrationReport(
        model=model,
        prompt_set=prompt_set,
        modality=modality,
        calibration=calibration,
        overall=_change(before, after, held_out.labels),
        groups={
            str(group): _change(
                before[said == group],
                after[said == group],
                held_out.labels[said == group],
            )
            for group in dict.fromkeys(groups.tolist())
            if (said == group).any()
        },
    )


def report_json(report: CalibrationReport) -> dict[str, object]:
    """Return the report for programs."""
    return {
        "model": report.model,
        "prompt_set": report.prompt_set,
        "modality": report.modality,
        **asdict(report.calibration),
        **_figures(report.overall),
        "groups": {name: _figures(change) for name, change in report.groups.items()},
    }


def write_report(report: CalibrationReport, folder: Path) -> list[Path]:
    """Write the report and its reliability plots into ``folder``; return the files.

    Raises:
        FolderError: If the folder cannot be made or written to.
    """
    make_folder(folder)
    paths = [folder / "calibration_report.json", folder / "reliability.png"]
    paths[0].write_text(json.dumps(report_json(report), indent=1) + "\n")
    panels = {"all labels": report.overall, **report.groups}
    plot_reliability(
        {name: (each.before, each.after) for name, each in panels.items()},
        f"{report.model}, {report.modality},"
        f" temperature {report.calibration.temperature:.2f}",
        paths[1],
    )
    return paths


def _change(
    before: Float64[np.ndarray, "clip label"],
    after: Float64[np.ndarray, "clip label"],
    labels: Int64[np.ndarray, " clip"],
) -> Change:
    return Change(
        len(labels),
        measure_reliability(before, labels),
        measure_reliability(after, labels),
    )


def _figures(change: Change) -> dict[str, float | int]:
    return {
        "measured_clips": change.clips,
        "ece_before": change.before.ece,
        "ece_after": change.after.ece,
        "brier_before": change.before.brier,
        "brier_after": change.after.brier,
    }
