"""The poses of a recording on an unbroken grid."""

import asyncio
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import SystemClock
from pipelines.lab.data.footage import read_footage
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate
from pipelines.lab.studies.pose_track import track_poses
from pipelines.sources.camera.framing import PAD

pytestmark = pytest.mark.gst


def test_a_recording_has_a_step_each_eighth_of_a_second(tmp_path: Path) -> None:
    plans = [RecordingPlan(Stream.FOOTAGE, 43, 4, 6.0, Fraction(4))]
    simulate(tmp_path, plans)
    (recording,) = read_footage(tmp_path).recordings
    track = asyncio.run(track_poses(recording, SystemClock(), PAD))
    assert track.duration_ns == pytest.approx(6e9, rel=0.08)
    assert np.diff(track.times_ns) == pytest.approx(125e6, rel=0.01)
    assert 0 < track.found.sum() <= len(track.found) / 2 + 1  # a picture in two steps
    assert not track.joints[~track.found].any()
