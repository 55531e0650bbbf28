r"""The plain rule for a worn accelerometer, which a model has to beat.

A fall is an impact, then stillness in another posture::

    |a|   ~~~~~~/\_______________
    rule        T1  |-- T2 --|      within 2 s
    gravity  before          after  turned by more than T3
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pipelines.lab.data.trials.trial import STANDARD_GRAVITY_MPS2, WearableTrial

_BEFORE_S, _STILL_S, _WITHIN_S = 2.0, 0.5, 2.0
_RATE_HZ = 50.0


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Thresholds of the rule.

    Attributes:
        impact_g: Least magnitude of the impact.
        still_g: Greatest standard deviation of the magnitude in stillness.
        turned_deg: Least angle between gravity before and after.
    """

    impact_g: float
    still_g: float
    turned_deg: float


RULES = {
    "waist": RuleSettings(2.2, 0.15, 55.0),
    "wrist": RuleSettings(2.8, 0.03, 15.0),
}
"""Thresholds by place, chosen on UMAFall; places without any have those of the
waist."""


def rule_falls(trial: WearableTrial) -> list[float]:
    """Return the times of the falls that the rule finds, in seconds of the trial."""
    settings = RULES.get(trial.place, RULES["waist"])
    accel_g, count = _resampled(trial), round(_STILL_S * _RATE_HZ)
    magnitude = np.linalg.norm(accel_g, axis=1)
    falls: list[float] = []
    step = 0
    while step < len(magnitude):
        if magnitude[step] < settings.impact_g:
            step += 1
            continue
        before = accel_g[max(0, step - round(_BEFORE_S * _RATE_HZ)) : step]
        last = min(len(magnitude), step + round(_WITHIN_S * _RATE_HZ) + count)
        for begin in range(step + 1, last - count + 1):
            still = accel_g[begin : begin + count]
            is_still = magnitude[begin : begin + count].std() < settings.still_g
            if is_still and _turn_deg(before, still) > settings.turned_deg:
                falls.append((begin + count) / _RATE_HZ)
                step = last
                break
        step += 1
    return falls


def _resampled(trial: WearableTrial) -> Float64[np.ndarray, "sample 3"]:
    """Return accelerations in g at a steady rate."""
    times_s = np.arange(0.0, trial.seconds, 1 / _RATE_HZ)
    axes = [
        np.interp(times_s, trial.times_s, trial.accel_mps2[:, axis])
        for axis in range(3)
    ]
    return np.stack(axes, axis=1) / STANDARD_GRAVITY_MPS2


def _turn_deg(
    before: Float64[np.ndarray, "earlier 3"], after: Float64[np.ndarray, "later 3"]
) -> float:
    """Return the angle between the mean accelerations of two times; 0 without one."""
    if not len(before) or not len(after):
        return 0.0
    first, second = before.mean(axis=0), after.mean(axis=0)
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    cosine = float(first @ second / lengths) if lengths else 1.0
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
