"""What wearables of different quality make of the same motion."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float64

from pipelines.lab.simulation.worn.device import Device, draw_device
from pipelines.lab.simulation.worn.path import STANDARD_GRAVITY_MPS2

RATE_HZ = 200.0
GOOD = Device(
    rate_hz=100.0,
    range_g=16.0,
    has_gyro=True,
    ring_hz=0.0,
    ring_damping=0.5,
    soft_s=0.002,
    noise_g=0.0,
    step_g=0.001,
    bias_g=(0.0, 0.0, 0.0),
    slip_deg=0.0,
)


def impact() -> Float64[np.ndarray, "sample 6"]:
    """Four seconds at rest, with a half sine of 6 g and 30 ms in the middle."""
    ideal = np.zeros((800, 6))
    ideal[:, 2] = STANDARD_GRAVITY_MPS2
    ideal[397:404, 2] += 6 * STANDARD_GRAVITY_MPS2 * np.sin(np.linspace(0.3, 2.8, 7))
    ideal[:, 4] = 1.0
    return ideal


def measured(device: Device, seed: int = 0) -> Float64[np.ndarray, "step 6"]:
    rng = np.random.default_rng(seed)
    return device.measure(impact(), RATE_HZ, 50.0, rng).astype(np.float64)


def peak_g(device: Device) -> float:
    """The highest peak of some measurements, whose phases differ."""
    every = [measured(device, seed)[:, 2].max() for seed in range(20)]
    return float(max(every)) / STANDARD_GRAVITY_MPS2


def test_a_good_device_measures_what_is_there_on_the_grid() -> None:
    found = measured(GOOD)
    assert len(found) == pytest.approx(200, abs=1)
    assert found[:80, 2] == pytest.approx(STANDARD_GRAVITY_MPS2, abs=0.02)
    assert found[:, 4] == pytest.approx(1.0, abs=0.1)
    assert peak_g(GOOD) > 5


def test_an_impact_is_clipped_at_the_range() -> None:
    assert peak_g(replace(GOOD, range_g=2.0)) == pytest.approx(2.0)


def test_a_soft_strap_takes_the_top_off_an_impact() -> None:
    assert peak_g(replace(GOOD, soft_s=0.02)) < 0.7 * peak_g(GOOD)


def test_a_loose_strap_rings_after_an_impact() -> None:
    tight, loose = measured(GOOD), measured(replace(GOOD, ring_hz=8, ring_damping=0.1))
    after = slice(108, 130)  # from 0.16 s after the impact
    assert tight[after, 2].std() < 0.01
    assert loose[after, 2].std() > 0.5


def test_a_device_without_a_gyroscope_turns_at_no_rate() -> None:
    assert (measured(replace(GOOD, has_gyro=False))[:, 3:] == 0).all()


def test_coarse_values_are_multiples_of_the_step() -> None:
    coarse = replace(GOOD, step_g=0.25, rate_hz=50.0)
    # between samples the grid interpolates, so look where nothing changes
    steps = measured(coarse)[:80, 2] / STANDARD_GRAVITY_MPS2 / 0.25
    assert steps == pytest.approx(np.round(steps), abs=1e-4)


def test_bias_and_noise_are_as_told() -> None:
    given = replace(GOOD, bias_g=(0.1, 0.0, 0.0), noise_g=0.02)
    level = measured(given)[:80, 0] / STANDARD_GRAVITY_MPS2
    assert level.mean() == pytest.approx(0.1, abs=0.02)
    assert 0.005 < level.std() < 0.04


def test_a_device_that_slips_points_elsewhere_after_an_impact() -> None:
    slipped = measured(replace(GOOD, slip_deg=4000.0))
    before, after = slipped[:80, :3].mean(axis=0), slipped[120:, :3].mean(axis=0)
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert cosine < 0.95
    size = np.linalg.norm(after)
    assert size == pytest.approx(STANDARD_GRAVITY_MPS2, rel=0.01)


def test_devices_are_drawn_from_all_that_people_have() -> None:
    drawn = [draw_device(np.random.default_rng(seed)) for seed in range(200)]
    assert min(device.rate_hz for device in drawn) < 21
    assert max(device.rate_hz for device in drawn) > 90
    assert {device.range_g for device in drawn} == {2.0, 4.0, 8.0, 16.0}
    assert 0.5 < np.mean([device.has_gyro for device in drawn]) < 0.8
