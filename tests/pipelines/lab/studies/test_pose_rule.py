import numpy as np
from jaxtyping import Float32

from pipelines.lab.studies.pose_rule import FallRule, rule_falls
from pipelines.lab.studies.pose_track import PoseTrack

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


def test_a_fall_lasts_until_the_person_is_up_and_lost_poses_change_nothing() -> None:
    poses = [standing()] * 16 + going_down(6) + [lying()] * 30 + [standing()] * 24
    found = np.ones(len(poses), bool)
    found[30:34] = False
    times = np.arange(len(poses)) * STEP_NS
    (fall,) = rule_falls(PoseTrack(times, np.stack(poses), found))
    assert 16 * STEP_NS < fall.start_ns == fall.decided_ns <= 24 * STEP_NS
    assert 52 * STEP_NS < fall.end_ns < len(poses) * STEP_NS
