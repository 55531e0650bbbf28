import numpy as np
import pytest

from pipelines.live.drift.implied_accuracy import ImpliedAccuracy


def test_it_is_the_mean_of_the_latest_blocks_and_no_older_ones() -> None:
    accuracy = ImpliedAccuracy(blocks=4)
    for confidence in (0.1, 0.1, 0.8, 0.6, 0.7, 0.9):
        accuracy.add(confidence)
    estimate = accuracy.estimate()
    assert estimate is not None
    assert estimate[0] == pytest.approx(0.75)
    assert estimate[1] < 0.75 < estimate[2]


def test_nothing_is_said_of_too_few_blocks() -> None:
    accuracy = ImpliedAccuracy(blocks=4)
    accuracy.add(0.5)
    accuracy.add(0.5)
    assert accuracy.estimate() is None


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_the_interval_holds_the_truth_as_often_as_it_says(rho: float) -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        accuracy, state = ImpliedAccuracy(blocks=288), rng.normal()
        for _ in range(288):
            state = rho * state + np.sqrt(1 - rho**2) * rng.normal()
            accuracy.add(0.7 + 0.02 * state)
        _, low, high = accuracy.estimate() or (0, 0, 0)
        held += low <= 0.7 <= high
    assert held / 300 == pytest.approx(0.95, abs=0.04)
