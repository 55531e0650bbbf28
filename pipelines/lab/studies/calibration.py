"""The calibration study: fit a temperature on some recordings, measure it on others.

footage ─ watch ─▶ predictions, truth ─▶ labelled clips ─┬─ fit ─▶ Calibration
                                                         └─ held out ─▶ reliability
                                                            before and after

Only clips of the most common modality (camera, or camera and wearable) are used. To
calibrate for the camera alone, leave the wearables out.
"""

import asyncio
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
    write_calibration,
)
from models.recognizer import ClipRecognizer
from models.window import Modality
from pipelines.clock import SystemClock
from pipelines.errors import PipelineError
from pipelines.folders import make_folder
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.data.footage import Recording
from pipelines.lab.data.truth import Truth, read_truth
from pipelines.lab.studies.confusion import GROUPS
from pipelines.lab.studies.events import predict_recording
from pipelines.lab.studies.plots import plot_reliability
from pipelines.live.subject import WatchSettings
from pipelines.progress import Progress
from pipelines.records import Prediction
from pipelines.sources.camera.framing import PAD


@dataclass(frozen=True, slots=True, eq=False)
class LabelledClips:
    """Clips whose label is in the prompt set, from any number of recordings."""

    cosines: Float64[np.ndarray, "clip label"]
    labels: Int64[np.ndarray, " clip"]
    modalities: tuple[Modality, ...]

    def of_modality(self, modality: Modality) -> "LabelledClips":
        """Return the clips of one modality."""
        held = np.array([own == modality for own in self.modalities], np.bool_)
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
    """A fitted calibration, and its reliability on other clips.

    ``groups`` holds, by group of labels, the clips that were predicted to be in the
    group, rightly or wrongly: this is the reliability of an answer.
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

    Held-out clips should be of other recordings. Labels are in the order of the
    cosines.

    Raises:
        PipelineError: If either holds no labelled clip of the most common modality.
    """
    usual = Counter(fitting.modalities).most_common(1)
    modality = usual[0][0] if usual else "video"
    fitting, held_out = fitting.of_modality(modality), held_out.of_modality(modality)
    if not (len(fitting.labels) and len(held_out.labels)):
        msg = f"no clip of modality {modality} with a label of the prompt set"
        raise PipelineError(msg)
    calibration = fit_calibration(
        logit_scale * fitting.cosines, fitting.cosines, fitting.labels
    )
    logits = logit_scale * held_out.cosines
    before = softmax(logits, axis=1)
    after = softmax(logits / calibration.temperature, axis=1)
    groups = np.array([GROUPS.get(label, label) for label in labels])
    predicted = groups[logits.argmax(axis=1)]
    return CalibrationReport(
        model=model,
        prompt_set=prompt_set,
        modality=modality,
        calibration=calibration,
        overall=_change(before, after, held_out.labels),
        groups={
            str(group): _change(
                before[predicted == group],
                after[predicted == group],
                held_out.labels[predicted == group],
            )
            for group in dict.fromkeys(groups.tolist())
            if (predicted == group).any()
        },
    )


def calibrate_recognizer(
    recognizer: ClipRecognizer,
    fitting: Sequence[Recording],
    held_out: Sequence[Recording],
    path: Path,
    on_progress: Progress,
) -> CalibrationReport:
    """Fit a calibration on recordings, store it, and measure it on others.

    Raises:
        CalibrationError: If the file is damaged or cannot be written.
        PipelineError: If a recording cannot be read, or no clip has a known label.
    """
    prompt_set = recognizer.prompt_set
    report = study_calibration(
        _watch(fitting, recognizer, "fitting", on_progress),
        _watch(held_out, recognizer, "measuring", on_progress),
        prompt_set.labels,
        recognizer.scorer.scale,
        recognizer.name,
        prompt_set.id,
    )
    fitted = report.modality, report.calibration
    write_calibration(path, recognizer.weights, prompt_set.id, *fitted)
    return report


def _watch(
    recordings: Sequence[Recording],
    recognizer: ClipRecognizer,
    stage: str,
    on_progress: Progress,
) -> LabelledClips:
    """Run recordings through the chain; return their labelled clips."""
    watched = []
    with InProcessRecognizer(recognizer) as running:
        for recording in recordings:
            predictions, _ = asyncio.run(
                predict_recording(
                    recording, running, SystemClock(), WatchSettings(), PAD
                )
            )
            truth = read_truth(recording.spans, recognizer.prompt_set.resolve)
            watched.append((truth, predictions))
            on_progress(stage, len(watched), len(recordings), recording.file)
    return label_clips(watched, recognizer.prompt_set.labels)


def report_json(report: CalibrationReport) -> dict[str, object]:
    """Return the report as a JSON object."""
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
