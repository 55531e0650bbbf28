"""What an ideal sensor on a path measures."""

import numpy as np
import pytest

from pipelines.lab.simulation.worn.path import (
    RATE_HZ,
    STANDARD_GRAVITY_MPS2,
    UPRIGHT,
    MotionPath,
    tilted,
)

ACROSS = np.array([1.0, 0.0, 0.0])


def path(seconds: float = 4.0, lean_deg: float = 0.0) -> MotionPath:
    return MotionPath(seconds, np.random.default_rng(1), tilted(lean_deg, 0.0))


def test_at_rest_the_floor_pushes_upwards_with_one_g() -> None:
    still = path()
    still.stay("standing", 1.0)
    samples = still.samples()
    np.testing.assert_allclose(samples[:, :2], 0, atol=1e-9)
    np.testing.assert_allclose(samples[:, 2], STANDARD_GRAVITY_MPS2)
    np.testing.assert_allclose(samples[:, 3:], 0, atol=1e-9)


def test_lying_flat_the_push_is_level() -> None:
    flat = path(lean_deg=90.0)
    flat.stay("lying in bed", 0.5)
    samples = flat.samples()
    np.testing.assert_allclose(samples[:, 2], 0, atol=1e-9)
    level = np.hypot(samples[:, 0], samples[:, 1])
    np.testing.assert_allclose(level, STANDARD_GRAVITY_MPS2)


@pytest.mark.parametrize("power", [None, 2.0])
def test_the_turn_rate_adds_up_to_the_turn(power: float | None) -> None:
    turning = path()
    turning.stay("standing", 0.5)
    turning.turn_to("falling", tilted(80.0, 1.0), 0.8, power)
    turning.stay("fallen", 0.5)
    turned = np.linalg.norm(turning.samples()[:, 3:].sum(axis=0) / RATE_HZ)
    assert np.degrees(turned) == pytest.approx(80.0, abs=0.5)


def test_an_impact_has_its_peak_at_its_time() -> None:
    hit = path()
    hit.stay("standing", 2.0)
    hit.pulse(200, 3.0, 0.05, UPRIGHT)
    size_g = np.linalg.norm(hit.samples()[:, :3], axis=1) / STANDARD_GRAVITY_MPS2
    assert int(size_g.argmax()) == 200
    assert size_g.max() == pytest.approx(4.0)
    assert (size_g > 1.001).sum() / RATE_HZ == pytest.approx(0.05, abs=0.02)


def test_a_free_fall_weighs_nothing_at_its_end() -> None:
    falling = path()
    span = falling.stay("falling", 0.5)
    falling.sink(span, 1.0)
    vertical = falling.samples()[:, 2]
    assert vertical[0] == pytest.approx(STANDARD_GRAVITY_MPS2, rel=0.01)
    assert vertical[-1] == pytest.approx(0, abs=0.01)


def test_steps_come_at_their_rate() -> None:
    walking = path(20.0)
    span = walking.stay("walking", 20.0)
    walking.beat(span, 1.0, 2.0, 0.04)
    upward = walking.samples()[:, 2] / STANDARD_GRAVITY_MPS2 - 1
    beats = np.flatnonzero((upward[1:] > 0.3) & (upward[:-1] <= 0.3))
    assert len(beats) == pytest.approx(40, abs=4)


def test_noise_has_its_deviation_and_stays_below_its_frequency() -> None:
    shaken = path(60.0)
    span = shaken.stay("sitting", 60.0)
    shaken.shake(span, 0.2, 3.0)
    noise = shaken.samples()[:, 0] / STANDARD_GRAVITY_MPS2
    assert noise.std() == pytest.approx(0.2, rel=0.2)
    power = np.abs(np.fft.rfft(noise)) ** 2
    below = np.fft.rfftfreq(len(noise), 1 / RATE_HZ) < 9.0
    assert power[below].sum() > 0.99 * power.sum()


def test_what_does_not_fit_a_path_is_lost() -> None:
    short = path(1.0)
    short.stay("standing", 0.6)
    assert short.now_s == pytest.approx(0.6)
    short.turn_to("bending", tilted(60.0, 0.0), 3.0)
    short.stay("sitting", 1.0)
    assert short.is_full
    assert len(short.samples()) == len(short.labels()) == RATE_HZ
    assert set(short.labels()) == {"standing", "bending"}
