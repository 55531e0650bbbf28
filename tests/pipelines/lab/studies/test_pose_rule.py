import asyncio
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float32

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.clock import SystemClock
from pipelines.lab.data.footage import read_footage
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate
from pipelines.lab.studies.pose_rule import FallRule, apply_rule
from pipelines.sources.camera.framing import PAD

STEP_NS = 125_000_000
Pose = Float32[np.ndarray, "13 3"]


def standing() -> Pose:
    down = [0.1, 0.25, 0.25, 0.4, 0.4, 0.5, 0.5, 0.5, 0.5, 0.7, 0.7, 0.9, 0.9]
    across = [0.5, 0.58, 0.42, 0.6, 0.4, 0.6, 0.4, 0.55, 0.45, 0.55, 0.45, 0.55, 0.45]
    return np.stack((across, down, np.ones(13)), axis=1).astype(np.float32)


def lying() -> Pose:
    """The same body on its side, on the floor."""
    pose = standing()
    turned = pose.copy()
    turned[:, 0] = pose[:, 1]
    turned[:, 1] = 0.85 + (pose[:, 0] - 0.5) * 0.5
    return turned


def between(one: Pose, other: Pose, share: float) -> Pose:
    pose: Pose = (one + share * (other - one)).astype(np.float32)
    return pose


def decided(poses: list[Pose]) -> list[int]:
    """Return the steps at which a fall is decided."""
    rule = FallRule()
    return [i for i, pose in enumerate(poses) if rule.update(i * STEP_NS, pose)[0]]


def going_down(steps: int) -> list[Pose]:
    return [between(standing(), lying(), i / steps) for i in range(steps + 1)]


def test_a_fast_fall_is_decided_once() -> None:
    poses = [standing()] * 16 + going_down(6) + [lying()] * 30
    (step,) = decided(poses)
    assert 16 < step <= 24


def test_lying_down_slowly_is_no_fall() -> None:
    assert decided([standing()] * 16 + going_down(80) + [lying()] * 30) == []


def test_lying_from_the_start_is_no_fall() -> None:
    assert decided([lying()] * 40) == []


def test_crouching_quickly_is_no_fall() -> None:
    low = standing()
    low[:, 1] = 0.9 - (0.9 - low[:, 1]) * 0.5
    assert decided([standing()] * 16 + [low] * 16 + [standing()] * 16) == []


def test_a_second_fall_is_decided_after_standing_up() -> None:
    fall = going_down(6) + [lying()] * 10
    poses = [standing()] * 16 + fall + [standing()] * 24 + fall
    assert len(decided(poses)) == 2


@pytest.mark.gst
def test_it_is_applied_to_a_recording_s_video(tmp_path: Path) -> None:
    plans = [RecordingPlan(Stream.FOOTAGE, 43, 4, 6.0, Fraction(8))]
    simulate(tmp_path, plans)
    (recording,) = read_footage(tmp_path).recordings
    resolve = bundled_prompt_set().resolve
    result = asyncio.run(apply_rule(recording, resolve, SystemClock(), PAD))
    assert result.duration_ns == pytest.approx(6e9, rel=0.05)
    assert result.predictions == ()
    assert [span.label for span in result.truth.spans]
