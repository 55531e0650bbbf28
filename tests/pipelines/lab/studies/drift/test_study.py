import asyncio
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.data.footage import Footage, read_footage
from pipelines.lab.studies.drift.injections import all_injections
from pipelines.lab.studies.drift.report import report_json
from pipelines.lab.studies.drift.study import StudySize, study_drift
from pipelines.live.drift.settings import DriftSettings
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from tests.tiny_checkpoint import save_tiny_checkpoint


def noise_footage(folder: Path) -> Footage:
    """One recording of half a minute, long enough for short segments."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    with VideoFileWriter(folder / "a.mp4", 64, 48, Fraction(12)) as writer:
        for _ in range(360):
            writer.write(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    (folder / "labels.csv").write_text(
        "file,label,source,t_start_s,t_end_s,notes\na.mp4,sitting,noise,0,30,\n"
    )
    return read_footage(folder)


SMALLEST = StudySize(
    months=1, runs=1, rooms=1, plain_s=60.0, changed_s=30.0, river_days=0.01
)


@pytest.mark.slow
@pytest.mark.gst
def test_the_study_measures_every_stream_and_every_injection(tmp_path: Path) -> None:
    save_tiny_checkpoint(tmp_path / "tiny")
    stages: list[str] = []
    recognizer = build_recognizer(tmp_path / "tiny")
    with InProcessRecognizer(recognizer) as running:
        report = asyncio.run(
            study_drift(
                running,
                recognizer.prompt_set.resolve,
                DriftSettings(learning_days=2),
                SMALLEST,
                seed=1,
                on_progress=lambda stage, done, total, note: stages.append(stage),
                footage=noise_footage(tmp_path / "footage"),
            )
        )
    facts = report_json(report)
    names = {injection.name for injection in all_injections()}
    detected = facts["detected_share"]
    assert isinstance(detected, dict)
    assert detected.keys() == names
    assert detected["other prompts"] == detected["IMU unplugged"] == 1.0
    assert detected["dimmed to 1/10"] == detected["all covered"] == 1.0
    assert len(report.false_alerts) == 4
    assert set(report.river) == {"ADWIN", "KSWIN", "Page-Hinkley"}
    assert {"rendering", "stable months", "river", "runs"} <= set(stages)
    assert "measuring room 1 of 1" in stages
    assert facts["calibrated"] is False
    real = report.found["real footage"]
    assert {"nothing", "dimmed to 1/10"} <= real.keys()
    assert "turned by 5°" not in real
