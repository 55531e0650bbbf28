import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from models.window import Modality
from pipelines.errors import PipelineError
from pipelines.lab.studies.calibration import (
    CalibrationReport,
    LabelledClips,
    report_json,
    study_calibration,
    write_report,
)

LABELS = ("walking", "standing", "sitting", "fallen")
SCALE, TOO_SURE = 50.0, 3.0


def clips(count: int, seed: int, modality: Modality = "video") -> LabelledClips:
    """Clips whose scaled cosines are three times as sure as they may be."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (count, len(LABELS)))
    shares = softmax(logits, axis=1).cumsum(axis=1)
    labels = (shares < rng.random((count, 1))).sum(axis=1).clip(max=3)
    return LabelledClips(TOO_SURE * logits / SCALE, labels, (modality,) * count)


def study(fitting: LabelledClips, held_out: LabelledClips) -> CalibrationReport:
    return study_calibration(fitting, held_out, LABELS, SCALE, "tiny", "ward@1")


def test_what_was_fitted_on_some_clips_holds_on_others() -> None:
    report = study(clips(20_000, 0), clips(20_000, 1))
    assert report.calibration.temperature == pytest.approx(TOO_SURE, rel=0.05)
    assert report.overall.before.ece > 0.1
    assert report.overall.after.ece < 0.02


def test_groups_are_those_that_clips_were_taken_for() -> None:
    held_out = clips(2000, 1)
    report = study(clips(2000, 0), held_out)
    assert list(report.groups) == ["upright", "sitting", "fallen"]
    said = held_out.cosines.argmax(axis=1)
    assert report.groups["upright"].clips == int((said < 2).sum())
    assert sum(it.clips for it in report.groups.values()) == 2000


def test_no_labelled_clip_is_refused() -> None:
    nothing = LabelledClips(np.empty((0, 4)), np.empty(0, np.int64), ())
    with pytest.raises(PipelineError, match=r"^no clip of modality video with a label"):
        study(clips(10, 0), nothing)


def test_clips_that_rest_on_the_same_as_most_do_are_fitted_and_measured() -> None:
    def mixed(video: int, fused: int, seed: int) -> LabelledClips:
        few, most = clips(video, seed), clips(fused, seed + 1, "fused")
        return LabelledClips(
            np.concatenate([-few.cosines, most.cosines]),
            np.concatenate([few.labels, most.labels]),
            few.modalities + most.modalities,
        )

    report = study(mixed(400, 5000, 2), mixed(5000, 400, 4))
    assert (report.modality, report.calibration.clips) == ("fused", 5000)
    assert report.overall.clips == 400
    assert report.calibration.temperature == pytest.approx(TOO_SURE, rel=0.1)
    nothing = clips(10, 6)
    with pytest.raises(PipelineError, match="of modality fused"):
        study(mixed(0, 10, 7), nothing)


def test_the_report_is_written_for_people_and_programs(tmp_path: Path) -> None:
    report = study(clips(500, 0), clips(500, 1))
    data, picture = write_report(report, tmp_path / "out")
    facts = json.loads(data.read_text())
    assert facts == json.loads(json.dumps(report_json(report)))
    assert facts["ece_after"] < facts["ece_before"]
    assert picture.read_bytes().startswith(b"\x89PNG")
