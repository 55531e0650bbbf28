"""Nights and devices that were put down, as ideal samples."""

import numpy as np
import pytest

from pipelines.lab.simulation.worn.path import RATE_HZ, STANDARD_GRAVITY_MPS2
from pipelines.lab.simulation.worn.places import PLACES
from pipelines.lab.simulation.worn.rest import NIGHT_RATE_HZ, put_down, sleep


@pytest.mark.parametrize("place", PLACES)
def test_a_sleeper_lies_still_and_breathes_most_of_the_time(place: str) -> None:
    night = sleep(1800, place, np.random.default_rng(2))
    second = round(NIGHT_RATE_HZ)
    assert night.shape == (1800 * second, 6)
    means = night[:, :3].reshape(-1, second, 3).mean(axis=1) / STANDARD_GRAVITY_MPS2
    changes = np.abs(means[2:] - means[:-2]).max(axis=1)
    assert 0.0002 < np.median(changes) < 0.04
    assert np.median(np.linalg.norm(means, axis=1)) == pytest.approx(1.0, abs=0.01)


def test_two_sleepers_are_not_alike() -> None:
    rng = np.random.default_rng(2)
    assert (sleep(60, "wrist", rng) != sleep(60, "wrist", rng)).any()


def test_a_device_that_was_put_down_moves_no_more() -> None:
    ideal, at_rest_s = put_down(60, "wrist", np.random.default_rng(2))
    after = ideal[round(at_rest_s * RATE_HZ) + 10 :, :3]
    before = ideal[: round(at_rest_s * RATE_HZ), :3]
    assert len(after) >= 60 * RATE_HZ
    assert np.ptp(after, axis=0).max() < 1e-6
    assert before.std(axis=0).max() > 0.5
