"""A lesser device leaves samples, heights or turn rates out, and nothing else."""

import numpy as np
import pytest

from pipelines.lab.data.trials.lesser_device import LesserDevice
from pipelines.lab.data.trials.trial import STANDARD_GRAVITY_MPS2, WearableTrial


def trial(rate_hz: float = 100.0) -> WearableTrial:
    count = 400
    accel = np.random.default_rng(1).normal(0, 30, (count, 3)).astype(np.float32)
    return WearableTrial(
        name="one",
        person="somebody",
        group="any",
        activity="moving",
        is_fall=False,
        place="waist",
        times_s=np.arange(count) / rate_hz,
        accel_mps2=accel,
        gyro_radps=accel / 10,
    )


def test_a_trial_stays_as_it_is_by_default() -> None:
    before, after = trial(), LesserDevice().measure(trial())
    np.testing.assert_array_equal(after.times_s, before.times_s)
    np.testing.assert_array_equal(after.accel_mps2, before.accel_mps2)
    assert before.gyro_radps is not None
    assert after.gyro_radps is not None
    np.testing.assert_array_equal(after.gyro_radps, before.gyro_radps)


def test_samples_are_left_out_down_to_a_rate() -> None:
    slow = LesserDevice(rate_hz=20.0).measure(trial())
    assert np.diff(slow.times_s) == pytest.approx(0.05)
    np.testing.assert_array_equal(slow.accel_mps2, trial().accel_mps2[::5])
    assert slow.gyro_radps is not None
    assert len(slow.gyro_radps) == len(slow.times_s) == 80


def test_a_slower_trial_keeps_all_its_samples() -> None:
    slow = LesserDevice(rate_hz=50.0).measure(trial(rate_hz=20.0))
    assert len(slow.times_s) == 400


def test_accelerations_are_clipped_to_the_range() -> None:
    clipped = LesserDevice(range_g=2.0).measure(trial())
    most = 2 * STANDARD_GRAVITY_MPS2
    assert np.abs(clipped.accel_mps2).max() == pytest.approx(most)
    inside = np.abs(trial().accel_mps2) < most
    np.testing.assert_array_equal(
        clipped.accel_mps2[inside], trial().accel_mps2[inside]
    )


def test_turn_rates_can_be_left_out() -> None:
    assert LesserDevice(has_gyro=False).measure(trial()).gyro_radps is None


@pytest.mark.parametrize("name", ["rate_hz", "range_g"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_values_that_no_device_has_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be positive and finite, got"):
        LesserDevice(**{name: value})  # type: ignore[arg-type]
