"""Whether a wearable moved, or showed only its own noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.is_clip.stillness import has_moved

RATE_HZ = 50.0


def at_rest(noise_mps2: float, seed: int, seconds: float = 5.62) -> np.ndarray:
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, noise_mps2, (round(seconds * RATE_HZ), 6))
    samples[:, :3] += (2.4, 9.4, 1.5)
    return samples.astype(np.float32)


@given(st.floats(0.001, 0.3), st.integers(0, 200))
def test_a_device_on_a_table_does_not_move_however_noisy_its_sensor_is(
    noise_mps2: float, seed: int
) -> None:
    assert not has_moved(at_rest(noise_mps2, seed), RATE_HZ)


@pytest.mark.parametrize("noise_mps2", [0.005, 0.02, 0.1])
def test_a_breath_is_a_movement(noise_mps2: float) -> None:
    samples = at_rest(noise_mps2, 1)
    tilt_rad = np.radians(0.5) * np.sin(2 * np.pi * 0.25 * np.arange(281) / RATE_HZ)
    samples[:, 0] += 9.8 * tilt_rad
    assert has_moved(samples, RATE_HZ)


def test_steps_of_a_coarse_sensor_are_no_movement() -> None:
    rng = np.random.default_rng(1)
    samples = at_rest(0.01, 1)
    samples[:, 2] = np.where(rng.random(len(samples)) < 0.02, 0.04, 0.0)
    assert not has_moved(samples, RATE_HZ)


def test_too_few_samples_may_have_moved() -> None:
    assert has_moved(at_rest(0.01, 1, seconds=1.5), RATE_HZ)
