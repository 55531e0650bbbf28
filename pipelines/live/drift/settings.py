"""What drift is watched on, in which blocks, and how often it may be wrong."""

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
"""What is watched, and the least deviation of a block that is believed: a signal that
never moved while learning is not a reason to alert at the first flicker."""


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """How drift is watched for.

    Attributes:
        block_s: Length of a block, seconds.
        learning_days: Length of the learning period, days of blocks; two at least,
            since some signals are measured from the second on.
        false_alert_days: Mean time between false alerts of a subject, over all
            signals together, in days.
        recovered_blocks: An alert ends once its signal is normal on average over so
            many blocks.

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
        """How many blocks a day has."""
        return round(86_400 / self.block_s)

    @property
    def learning_blocks(self) -> int:
        """How many blocks the learning period has."""
        return round(self.learning_days * self.blocks_per_day)
