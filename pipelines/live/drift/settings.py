"""Settings of drift detection: signals, blocks and rate of false alerts."""

from collections.abc import Mapping
from dataclasses import dataclass

SIGNALS: Mapping[str, float] = {
    "confidence": 0.01,
    "margin": 0.01,
    "entropy": 0.02,
    "distance": 0.005,
    "luma": 2.0,
    "sharpness": 0.01,
    "covered": 0.01,
    "black": 0.01,
    "shift": 0.5,
    "imu_missing": 0.02,
    "imu_offset": 0.1,
}
"""The signals, with the lower bound of each one's standard deviation in a block. The
bound keeps a signal that was constant while learning from alerting at small changes."""


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """Settings of drift detection.

    Attributes:
        block_s: Length of a block in seconds, 1 to 3600.
        learning_days: Length of the learning period in days of blocks, at least 2,
            since some signals are measured from the second day on.
        false_alert_days: Mean time between false alerts of a subject, over all
            signals together, in days, at least 2.
        recovered_blocks: Number of blocks over which the mean of a signal must be
            normal to end its alert, at least 1.

    Raises:
        ValueError: If a value is out of its range.
    """

    block_s: float = 300.0
    learning_days: float = 7.0
    false_alert_days: float = 30.0
    recovered_blocks: int = 12

    def __post_init__(self) -> None:
        if not 1.0 <= self.block_s <= 3600.0:
            msg = f"block_s must be 1 to 3600, got {self.block_s}"
            raise ValueError(msg)
        for name in ("learning_days", "false_alert_days"):
            value = getattr(self, name)
            if not 2.0 <= value < float("inf"):
                msg = f"{name} must be two or more and finite, got {value}"
                raise ValueError(msg)
        if self.recovered_blocks < 1:
            msg = f"recovered_blocks must be one or more, got {self.recovered_blocks}"
            raise ValueError(msg)

    @property
    def blocks_per_day(self) -> int:
        """Number of blocks in a day."""
        return round(86_400 / self.block_s)

    @property
    def learning_blocks(self) -> int:
        """Number of blocks in the learning period."""
        return round(self.learning_days * self.blocks_per_day)
