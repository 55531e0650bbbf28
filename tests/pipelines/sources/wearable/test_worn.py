"""Whether a wearable is worn: tables, sleepers, and devices that cannot tell."""

import numpy as np
import pytest
from jaxtyping import Float64

from pipelines.clock import NS_PER_S
from pipelines.sources.wearable.worn import WornDetector

RATE_HZ = 50
G = 9.80665
DOWN = np.array([0.6, 0.0, 0.8])
FINE_G, COARSE_G = 0.001, 0.02
"""Noise of a good sensor, and of one that cannot show a breath."""

Samples = Float64[np.ndarray, "sample 3"]


class Device:
    """A device that is worn or not, minute by minute, in m/s² with noise in g."""

    def __init__(self, noise_g: float = FINE_G) -> None:
        self.rng = np.random.default_rng(4)
        self.noise_g = noise_g
        self.detector = WornDetector()
        self.now_s = 0.0

    def feel(self, accel_g: Samples) -> "Device":
        noisy = accel_g + self.rng.normal(0, self.noise_g, accel_g.shape)
        times_s = self.now_s + np.arange(len(noisy)) / RATE_HZ
        for part in np.array_split(np.arange(len(noisy)), max(1, len(noisy) // 100)):
            times_ns = (times_s[part] * NS_PER_S).astype(np.int64)
            self.detector.add(times_ns, noisy[part] * G)
        self.now_s += len(noisy) / RATE_HZ
        return self

    def move(self, seconds: float) -> "Device":
        count = round(seconds * RATE_HZ)
        return self.feel(DOWN + self.rng.normal(0, 0.3, (count, 3)))

    def rest(self, seconds: float) -> "Device":
        return self.feel(np.tile(DOWN, (round(seconds * RATE_HZ), 1)))

    def sleep(self, seconds: float, breath_deg: float = 0.15) -> "Device":
        times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        tilt = np.radians(breath_deg / 2) * np.sin(2 * np.pi * 0.23 * times_s)
        sideways = np.array([0.8, 0.0, -0.6])
        return self.feel(DOWN + tilt[:, None] * sideways)


def test_nothing_is_known_before_the_first_movement() -> None:
    assert Device().rest(60).detector.state is None


def test_a_device_that_moves_is_worn() -> None:
    assert Device().move(10).detector.state == "worn"


def test_a_device_on_a_table_is_not_worn_within_five_minutes() -> None:
    device = Device().move(20)
    states = [device.rest(230).detector.state, device.rest(60).detector.state]
    assert states == ["worn", "not worn"]
    assert device.detector.since_ns == 20 * NS_PER_S


def test_a_device_that_was_on_the_table_from_the_beginning_is_found_too() -> None:
    assert Device().rest(290).detector.state == "not worn"


@pytest.mark.parametrize("breath_deg", [0.15, 1.0])
def test_a_sleeper_breathes(breath_deg: float) -> None:
    device = Device().move(20).sleep(1800, breath_deg)
    assert device.detector.state == "worn"


def test_a_knock_at_the_table_is_no_wearer() -> None:
    device = Device().move(20).rest(300).move(2).rest(20)
    assert device.detector.state == "not worn"


def test_a_device_that_is_put_on_again_is_worn() -> None:
    device = Device().move(20).rest(300).move(10)
    assert device.detector.state == "worn"
    assert device.detector.since_ns == 320 * NS_PER_S


def test_a_breath_alone_shows_that_it_is_worn_again() -> None:
    device = Device().move(20).rest(300).sleep(300, 0.5)
    assert device.detector.state == "worn"


def test_a_breath_that_is_seen_outlasts_any_stillness() -> None:
    assert Device().move(20).sleep(185 * 60).detector.state == "worn"


def test_noise_that_hides_a_breath_is_no_proof() -> None:
    assert Device(COARSE_G).move(20).rest(600).detector.state == "worn"


def test_stillness_that_no_sleeper_reaches_is_proof_for_any_device() -> None:
    device = Device(COARSE_G).move(20)
    states = [device.rest(each * 60).detector.state for each in (179, 2)]
    assert states == ["worn", "not worn"]


def test_steps_that_hide_a_breath_are_no_proof() -> None:
    device = Device(noise_g=0.0)
    rows = np.tile(np.array([[0.609, 0.0, 0.797], [0.625, 0.0, 0.797]]), (15_000, 1))
    rows[2:] = rows[0]  # hardly any noise, and steps of 16 mg
    device.move(20).feel(rows)
    assert device.detector.state == "worn"


def test_stillness_ends_where_the_device_was_silent() -> None:
    device = Device().move(20).rest(200)
    device.now_s += 30
    states = [device.rest(each).detector.state for each in (200, 90)]
    assert states == ["worn", "not worn"]
