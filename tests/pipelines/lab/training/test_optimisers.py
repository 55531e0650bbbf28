"""The learning rates of the towers, step by step."""

import pytest

from pipelines.lab.training.optimisers import rate_share


def test_rates_rise_to_the_highest_and_fall_towards_a_hundredth() -> None:
    shares = [rate_share(step, warmup_steps=4, steps=14) for step in range(15)]
    assert shares[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert shares[9] == pytest.approx(0.505)
    assert shares[14] == pytest.approx(0.01)


def test_rates_are_the_highest_if_all_steps_are_warm_up() -> None:
    assert [rate_share(step, warmup_steps=2, steps=2) for step in (1, 2)] == [1.0, 1.0]
