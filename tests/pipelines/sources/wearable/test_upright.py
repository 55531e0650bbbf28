"""Which way is up is learnt from moving, and nothing else moves it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float64

from pipelines.clock import NS_PER_S
from pipelines.sources.wearable.upright import (
    LearntUp,
    UprightEstimator,
    turn_upright,
    up_track,
)

G = 9.80665
RATE_HZ = 50
X, Y, Z = np.eye(3)


def seconds(
    count: float, up: Float64[np.ndarray, " axis"], moving: float = 0.0
) -> Float64[np.ndarray, "sample 3"]:
    """Samples with gravity along an axis, and movement of so many g."""
    rng = np.random.default_rng(1)
    samples = np.tile(G * up, (round(count * RATE_HZ), 1))
    moved: Float64[np.ndarray, "sample 3"] = samples + (
        moving * G * rng.normal(size=(len(samples), 1)) * up
    )
    return moved


def estimator(
    *parts: Float64[np.ndarray, "sample 3"], learnt: LearntUp | None = None
) -> UprightEstimator:
    """An estimator that was fed with these samples, one after the other."""
    samples = np.concatenate(parts)
    times_ns = (np.arange(len(samples)) * NS_PER_S / RATE_HZ).astype(np.int64)
    fed = UprightEstimator(learnt)
    for part in np.array_split(np.arange(len(samples)), len(samples) // 20):
        fed.add(times_ns[part], samples[part])
    return fed


def test_before_anything_is_felt_z_is_up() -> None:
    np.testing.assert_array_equal(UprightEstimator().up, Z)


def test_the_first_second_is_up_until_the_person_moves() -> None:
    np.testing.assert_allclose(estimator(seconds(0.5, X)).up, X)
    still = estimator(seconds(3, X), seconds(60, Y))
    np.testing.assert_allclose(still.up, X)
    assert not still.is_learnt


def test_a_first_second_of_weightlessness_says_nothing() -> None:
    thrown = estimator(seconds(1, 0 * X), seconds(3, Y), seconds(3, X))
    np.testing.assert_allclose(thrown.up, Y)


def test_a_device_with_few_samples_keeps_its_first_second() -> None:
    times_ns = np.arange(40) * (NS_PER_S // 2)
    accel = np.tile(G * X, (40, 1))
    accel[20:] = G * Y
    slow = UprightEstimator()
    for time_ns, each in zip(times_ns, accel, strict=True):
        slow.add(np.array([time_ns]), each[None])
    np.testing.assert_allclose(slow.up, X)


def test_walking_says_which_way_is_up() -> None:
    walked = estimator(seconds(3, X), seconds(60, Y, moving=0.2))
    np.testing.assert_allclose(walked.up, Y, atol=1e-6)
    assert walked.is_learnt


#  walking up y          fall, lying along x
#  |--------- 60 s ------|--- 4 s ---|
def test_a_fall_does_not_move_the_axis_by_which_it_is_judged() -> None:
    fallen = estimator(
        seconds(60, Y, moving=0.2), seconds(1, X, moving=2.0), seconds(4, X, moving=0.2)
    )
    np.testing.assert_allclose(fallen.up, Y, atol=1e-6)


def test_seconds_of_impacts_say_nothing() -> None:
    shaken = estimator(seconds(3, X), seconds(60, Y, moving=1.5))
    np.testing.assert_allclose(shaken.up, X)


def test_a_device_that_is_put_on_anew_is_learnt_anew() -> None:
    turned = estimator(seconds(3600, Y, moving=0.3), seconds(1800, X, moving=0.3))
    assert turned.up @ X > 0.9


def test_what_was_learnt_is_used_at_once_after_a_restart() -> None:
    before = estimator(seconds(60, Y, moving=0.2))
    after = estimator(seconds(3, X), learnt=before.learnt)
    np.testing.assert_allclose(after.up, Y, atol=1e-6)
    assert after.is_learnt


def test_the_track_of_a_recording_is_what_was_known_in_each_second() -> None:
    samples = np.concatenate((seconds(5, X), seconds(20, Y, moving=0.2)))
    track = up_track(np.arange(len(samples)) / RATE_HZ, samples)
    assert track.shape == (25, 3)
    np.testing.assert_allclose(track[:10], np.tile(X, (10, 1)), atol=1e-6)
    np.testing.assert_allclose(track[-1], Y, atol=1e-6)


@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1))
def test_up_becomes_z_and_lengths_stay(direction: tuple[float, float, float]) -> None:
    up = np.array(direction) / np.linalg.norm(direction)
    samples = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    samples[0] = np.concatenate((up, up))
    turned = turn_upright(samples, up)
    np.testing.assert_allclose(turned[0], [0, 0, 1, 0, 0, 1], atol=1e-4)
    for columns in (slice(0, 3), slice(3, 6)):
        sizes = [np.linalg.norm(each[:, columns], axis=1) for each in (samples, turned)]
        np.testing.assert_allclose(sizes[0], sizes[1], rtol=1e-4)


@pytest.mark.parametrize("up", [-Z, np.array([1e-9, 0.0, -1.0])])
def test_upside_down_is_turned_half_round(up: Float64[np.ndarray, " axis"]) -> None:
    turned = turn_upright(np.array([[0, 0, -1, 1, 2, 3]], np.float32), up)
    np.testing.assert_allclose(turned, [[0, 0, 1, 1, -2, -3]], atol=1e-6)
