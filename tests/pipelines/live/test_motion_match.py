"""Whether a wearable moves with the person in view.

A person moves in some stretches of 0.75 s and keeps still in the others, as drawn from
a seed. So two people with different seeds move at different times.
"""

import numpy as np
import pytest
from jaxtyping import Float32

from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.motion_match import MotionMatch
from pipelines.records import ImuBatch, PersonPose
from pipelines.sources.wearable.buffer import ImuBuffer

RATE_HZ, STEP_S, LENGTH_S = 50, 0.375, 30.0


def activity(seed: int, times_s: np.ndarray) -> np.ndarray:
    """How strongly somebody moves at each time, 0 to 1; 0 for the seed 0."""
    drawn = np.random.default_rng(seed).random(200) < 0.4
    strong: np.ndarray = drawn[(times_s / 0.75).astype(int)] * float(seed != 0)
    return strong


def samples(seed: int, late_s: float = 0.0) -> ImuBuffer:
    rng = np.random.default_rng(seed + 100)
    times_s = np.arange(0, LENGTH_S + 3, 1 / RATE_HZ)
    accel = rng.normal(0, 0.05, (len(times_s), 3))
    accel += rng.normal(0, 3, accel.shape) * activity(seed, times_s)[:, None]
    accel[:, 2] += 9.8
    buffer = ImuBuffer(horizon_s=60.0)
    buffer.add(
        ImuBatch(
            "bed-4",
            ((times_s + late_s) * NS_PER_S).astype(np.int64),
            accel.astype(np.float32),
            np.zeros((len(times_s), 3), np.float32),
        )
    )
    return buffer


def poses(seed: int, number: int = 1) -> list[tuple[int, PersonPose]]:
    """The poses of somebody who moves, at each step of the frame grid."""
    rng = np.random.default_rng(seed + 200)
    body = rng.random((33, 2)) * 0.4
    times_s = np.arange(0, LENGTH_S, STEP_S)
    found = []
    for time_s, strength in zip(times_s, activity(seed, times_s), strict=True):
        body = body + rng.normal(0, 0.05 * strength + 0.001, 2)
        landmarks: Float32[np.ndarray, "33 3"] = np.ones((33, 3), np.float32)
        landmarks[:, :2] = body
        found.append((seconds_to_ns(float(time_s)), PersonPose(number, landmarks)))
    return found


def is_of_another(person: int, wearable: int, late_s: float = 0.0) -> bool:
    match, imu = MotionMatch(), samples(wearable, late_s)
    for at_ns, pose in poses(person):
        match.add(pose, at_ns, imu)
    return match.is_of_another


@pytest.mark.parametrize("late_s", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_wearable_that_moves_with_the_person_is_theirs(
    seed: int, late_s: float
) -> None:
    assert not is_of_another(seed, seed, late_s)


@pytest.mark.parametrize(("person", "wearable"), [(1, 2), (2, 3), (3, 1), (4, 5)])
def test_a_wearable_that_moves_at_other_times_is_somebody_elses(
    person: int, wearable: int
) -> None:
    assert is_of_another(person, wearable)


@pytest.mark.parametrize(("person", "wearable"), [(0, 1), (1, 0), (0, 0)])
def test_who_keeps_still_says_nothing(person: int, wearable: int) -> None:
    assert not is_of_another(person, wearable)


def test_another_person_in_view_is_judged_anew() -> None:
    match, imu = MotionMatch(), samples(2)
    for at_ns, pose in poses(1):
        match.add(pose, at_ns, imu)
    assert match.is_of_another
    match.add(None, seconds_to_ns(LENGTH_S), imu)
    assert match.is_of_another  # nobody else has come
    at_ns, pose = poses(3, number=2)[0]
    match.add(pose, at_ns + seconds_to_ns(LENGTH_S + 1), imu)
    assert not match.is_of_another


def test_samples_with_a_gap_say_nothing() -> None:
    match, imu = MotionMatch(), ImuBuffer(horizon_s=60.0)
    for at_ns, pose in poses(1):
        match.add(pose, at_ns, imu)
    assert not match.is_of_another
