"""Slices with z up, and with the time before them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from pipelines.clock import NS_PER_S
from pipelines.records import ImuBatch
from pipelines.sources.wearable.buffer import HISTORY_S, ImuBuffer

RATE_HZ = 50.0
G = 9.80665


def walked_then_fallen() -> Float64[np.ndarray, "sample 6"]:
    """Twenty seconds of walking, an impact, then lying still for four seconds."""
    rng = np.random.default_rng(2)
    samples = rng.normal(0, 1.5, (round(24 * RATE_HZ), 6))
    samples[:1000, 2] += G
    samples[1000, 2] = 5 * G
    samples[1001:] *= 0.02
    samples[1001:, 0] += G
    return samples


def held(
    samples: Float64[np.ndarray, "sample 6"], turn: Rotation | None = None
) -> ImuBuffer:
    """A buffer of these samples, in batches of half a second."""
    turn = turn or Rotation.identity()
    accel, gyro = turn.apply(samples[:, :3]), turn.apply(samples[:, 3:])
    times_ns = np.rint(np.arange(len(samples)) * NS_PER_S / RATE_HZ).astype(np.int64)
    buffer = ImuBuffer(rate_hz=RATE_HZ)
    for part in np.array_split(np.arange(len(samples)), len(samples) // 25):
        buffer.add(
            ImuBatch(
                "wrist",
                times_ns[part],
                accel[part].astype(np.float32),
                gyro[part].astype(np.float32),
            )
        )
    return buffer


def upright(
    buffer: ImuBuffer, start_s: float, end_s: float
) -> Float64[np.ndarray, "sample 6"]:
    found = buffer.upright_slice(round(start_s * NS_PER_S), round(end_s * NS_PER_S))
    assert found is not None
    assert found[1] == RATE_HZ
    return found[0].astype(np.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_how_a_wearable_is_mounted_does_not_matter(seed: int) -> None:
    turn = Rotation.random(random_state=seed)
    straight = upright(held(walked_then_fallen()), 19.0, 22.0)
    turned = upright(held(walked_then_fallen(), turn), 19.0, 22.0)
    for columns in (slice(0, 3), slice(3, 6)):
        before, after = straight[:, columns], turned[:, columns]
        np.testing.assert_allclose(after[:, 2], before[:, 2], atol=1e-3 * G)
        sizes = [np.linalg.norm(each, axis=1) for each in (before, after)]
        np.testing.assert_allclose(sizes[0], sizes[1], rtol=1e-4, atol=1e-4)


#  history [17 ----- 20) window [20 --- 22)
def test_the_time_before_a_window_goes_with_it() -> None:
    buffer = held(walked_then_fallen())
    found = upright(buffer, 20.0, 22.0)
    own = buffer.slice(20 * NS_PER_S, 22 * NS_PER_S)
    assert own is not None
    assert len(found) == round((HISTORY_S + 2.0) * RATE_HZ)
    size = np.linalg.norm(found[:, :3], axis=1)
    expected = np.linalg.norm(walked_then_fallen()[850:1100, :3], axis=1)
    np.testing.assert_allclose(size, expected, rtol=1e-4)
    own_size = np.linalg.norm(own[0][:, :3], axis=1)
    np.testing.assert_allclose(size[150:], own_size, rtol=1e-5)


#  samples       |=====|   gap   |=======|
#                0     2         6       9
#  slice                            [7, 8)
#  with history                 [ 6, 8)
def test_the_time_before_a_window_reaches_to_the_last_gap() -> None:
    samples = walked_then_fallen()[:450]
    times_ns = np.rint(np.arange(450) * NS_PER_S / RATE_HZ).astype(np.int64)
    kept = (times_ns < 2 * NS_PER_S) | (times_ns >= 6 * NS_PER_S)
    buffer = ImuBuffer(rate_hz=RATE_HZ, reach_s=0.1)
    parts = (samples[kept, :3], samples[kept, 3:])
    accel, gyro = (part.astype(np.float32) for part in parts)
    buffer.add(ImuBatch("wrist", times_ns[kept], accel, gyro))
    seconds = len(upright(buffer, 7.0, 8.0)) / RATE_HZ
    assert seconds == pytest.approx(2.0 + 0.1, abs=0.021)
    assert buffer.upright_slice(5 * NS_PER_S, 7 * NS_PER_S) is None


#  walking, z up    1 [0 -- 20)           2 [30 -- 40)  4 [40 -- 50)
#  walking, x up             3 [20 -- 30)                           by arrival
def test_samples_that_come_late_do_not_teach_which_way_is_up() -> None:
    rng = np.random.default_rng(3)
    buffer = ImuBuffer(rate_hz=RATE_HZ)
    for first_s, end_s, axis in ((0, 20, 2), (30, 40, 2), (20, 30, 0), (40, 50, 2)):
        count = round((end_s - first_s) * RATE_HZ)
        accel = np.zeros((count, 3), np.float32)
        accel[:, axis] = G + 2 * rng.normal(size=count)
        times_ns = first_s * NS_PER_S + np.arange(count) * round(NS_PER_S / RATE_HZ)
        buffer.add(ImuBatch("wrist", times_ns, accel, np.zeros_like(accel)))
    np.testing.assert_allclose(buffer.upright.up, [0, 0, 1], atol=1e-6)
    assert buffer.slice(20 * NS_PER_S, 30 * NS_PER_S) is not None


def test_a_wearable_that_is_worn_straight_is_left_as_it_is() -> None:
    samples = np.zeros((300, 6))
    samples[:, 2] = G
    samples[:, 3] = 0.5
    found = upright(held(samples), 4.0, 5.0)
    np.testing.assert_array_equal(found, samples[: len(found)].astype(np.float32))


@pytest.mark.parametrize("batch_s", [2.0, 12.0])
def test_late_samples_do_not_turn_the_window_before_them(batch_s: float) -> None:
    """Struggling after a fall would move the axis by which the fall is judged."""
    rng = np.random.default_rng(5)
    struggling = rng.normal(0, 2.0, (round(20 * RATE_HZ), 6))
    struggling[:, 0] += G
    samples = np.concatenate((walked_then_fallen(), struggling))
    prompt, late = held(samples[: round(26 * RATE_HZ)]), ImuBuffer(rate_hz=RATE_HZ)
    times_ns = np.rint(np.arange(len(samples)) * NS_PER_S / RATE_HZ).astype(np.int64)
    step = round(batch_s * RATE_HZ)
    for first in range(0, len(samples), step):
        part = slice(first, first + step)
        accel = samples[part, :3].astype(np.float32)
        gyro = samples[part, 3:].astype(np.float32)
        late.add(ImuBatch("wrist", times_ns[part], accel, gyro))
    np.testing.assert_allclose(
        upright(late, 19.5, 22.5), upright(prompt, 19.5, 22.5), atol=0.05
    )
