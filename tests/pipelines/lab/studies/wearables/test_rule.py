"""Trials of ten seconds: standing, an impact at 4 s, then what the test says."""

import numpy as np
import pytest

from pipelines.lab.data.trials.trial import STANDARD_GRAVITY_MPS2, WearableTrial
from pipelines.lab.studies.wearables.rule import rule_falls

RATE_HZ, IMPACT_S = 50, 4.0


def trial(
    impact_g: float = 4.0,
    after: tuple[float, float, float] = (0.0, 1.0, 0.0),
    shaking_g: float = 0.0,
) -> WearableTrial:
    times_s = np.arange(10 * RATE_HZ) / RATE_HZ
    accel_g = np.tile([1.0, 0.0, 0.0], (len(times_s), 1))
    down = times_s > IMPACT_S
    accel_g[down] = after
    accel_g[down, 1] += shaking_g * np.where(np.arange(down.sum()) % 2, 1, -1)
    accel_g[times_s == IMPACT_S] = (impact_g, 0, 0)
    return WearableTrial(
        "t",
        "p",
        "g",
        "fall",
        True,
        "waist",
        times_s,
        (accel_g * STANDARD_GRAVITY_MPS2).astype(np.float32),
        None,
    )


def test_an_impact_and_stillness_in_another_posture_is_a_fall() -> None:
    (fall_s,) = rule_falls(trial())
    assert IMPACT_S < fall_s < IMPACT_S + 1


@pytest.mark.parametrize(
    "not_a_fall",
    [
        trial(impact_g=1.5),
        trial(after=(1.0, 0.0, 0.0)),
        trial(shaking_g=0.8),
    ],
    ids=["no impact", "the same posture", "no stillness"],
)
def test_without_one_of_the_three_there_is_no_fall(not_a_fall: WearableTrial) -> None:
    assert rule_falls(not_a_fall) == []
