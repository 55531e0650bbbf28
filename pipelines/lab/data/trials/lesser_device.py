"""Trials as a lesser wearable would have measured them."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from pipelines.lab.data.trials.trial import STANDARD_GRAVITY_MPS2, WearableTrial

_JITTER = 1.1  # a trial of about this rate keeps all its samples, early or late
_ROUNDING = 1e-6


@final
@dataclass(frozen=True, slots=True)
class LesserDevice:
    """What a wearable lacks, compared with the one of the trial.

    Attributes:
        rate_hz: Most samples a second; None leaves the trial's.
        range_g: Greatest acceleration of an axis; None leaves the trial's.
        has_gyro: Whether turn rates are kept.

    Raises:
        ValueError: If a value is not positive.
    """

    rate_hz: float | None = None
    range_g: float | None = None
    has_gyro: bool = True

    def __post_init__(self) -> None:
        for name in ("rate_hz", "range_g"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                msg = f"{name} must be positive and finite, got {value}"
                raise ValueError(msg)

    def measure(self, trial: WearableTrial) -> WearableTrial:
        """Return the trial with samples left out, clipped, or without turn rates.

        Samples are left out, not averaged, as by a device that does not smooth.
        """
        kept = self._kept(trial)
        accel = trial.accel_mps2[kept]
        if self.range_g is not None:
            most = np.float32(self.range_g * STANDARD_GRAVITY_MPS2)
            accel = np.clip(accel, -most, most)
        has_gyro = self.has_gyro and trial.gyro_radps is not None
        gyro = (
            trial.gyro_radps[kept]
            if has_gyro and trial.gyro_radps is not None
            else None
        )
        return replace(
            trial, times_s=trial.times_s[kept], accel_mps2=accel, gyro_radps=gyro
        )

    def _kept(self, trial: WearableTrial) -> np.ndarray:
        """Return the indices of the samples that are kept: one in each period."""
        count = len(trial.times_s)
        if self.rate_hz is None or count <= _JITTER * self.rate_hz * trial.seconds:
            return np.arange(count)
        periods = np.floor(trial.times_s * self.rate_hz + _ROUNDING)
        _, first = np.unique(periods, return_index=True)
        return first
