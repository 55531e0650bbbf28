"""Drift detection on one subject's signals, from measurements to alerts.

    measurements ─▶ means of 300 s (a block) ─┬─ learning ─▶ Baseline, frozen
                                              └─ watching ─▶ DriftAlert: signal, change,
                                                             cause, start
    learning ──enough days──▶ watching ──sum at the threshold──▶ alerted
                                 ▲                                  │
                                 └──── normal again (recovered) ────┘

Overlapping clips of one room are nearly the same, so single clips carry little
information; blocks are far more independent. The baseline is frozen, so that it cannot
learn the drift. The measurements are in ``pipelines.live.drift.subject``, the start and
end of alerts in ``pipelines.live.drift.cusum``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from jaxtyping import Float64

from pipelines.clock import seconds_to_ns
from pipelines.live.drift.baseline import HOURS, learn_baseline
from pipelines.live.drift.cusum import CusumDetector, hour_of, numbers_of, signals_of
from pipelines.live.drift.settings import SIGNALS, DriftSettings
from pipelines.records import DriftAlert, DriftState

_LEAST_SHARE = 0.5
"""Least share of a block that its measurements must span; other blocks are ignored."""


@dataclass(slots=True)
class _Block:
    """Sums of one block; the mean of a signal without measurements is NaN."""

    number: int
    first_ns: int
    last_ns: int = 0
    sums: np.ndarray = field(default_factory=lambda: np.zeros(len(SIGNALS)))
    counts: np.ndarray = field(default_factory=lambda: np.zeros(len(SIGNALS)))

    def means(self) -> Float64[np.ndarray, " signal"]:
        with np.errstate(invalid="ignore"):
            means: Float64[np.ndarray, " signal"] = self.sums / self.counts
        return means


@final
class DriftMonitor:
    """Drift detector for the signals of one subject.

    ``seed`` is that of the random days that set the threshold.

    Attributes:
        detector: The detector with a baseline; None during the learning period.
        blocks: Number of blocks since the learning period began.
        latest: Means of the latest complete block.
        correction_ns: Offset from pipeline time to UTC, for the hour of the day.
    """

    def __init__(self, subject_id: str, settings: DriftSettings, seed: int = 0) -> None:
        self._subject_id = subject_id
        self._settings = settings
        self._rng = np.random.default_rng(seed)
        self._floors = np.array(list(SIGNALS.values()))
        self._least_ns = seconds_to_ns(settings.block_s * _LEAST_SHARE)
        self._open: _Block | None = None
        self.correction_ns = 0
        self.relearn()

    def relearn(self) -> None:
        """Forget the baseline, and start another learning period."""
        self.detector: CusumDetector | None = None
        self.blocks = 0
        self.latest: Float64[np.ndarray, " signal"] = np.full(len(SIGNALS), np.nan)
        self._learnt: list[np.ndarray] = []
        self._hours: list[int] = []

    @property
    def state(self) -> DriftState:
        """The state of the detector."""
        if self.detector is None:
            return "learning"
        return "alerted" if self.detector.open_alerts else "watching"

    @property
    def learning_left_s(self) -> float:
        """Rest of the learning period, in seconds of blocks."""
        if self.detector is not None:
            return 0.0
        left = self._settings.learning_blocks - len(self._learnt)
        return max(0, left) * self._settings.block_s

    def observe(
        self, timestamp_ns: int, values: Mapping[str, float]
    ) -> list[DriftAlert]:
        """Add measurements; return the alerts of the block before if it ended.

        A time before the present block counts for the present block.
        """
        number = timestamp_ns // seconds_to_ns(self._settings.block_s)
        alerts: list[DriftAlert] = []
        if self._open is None:
            self._open = _Block(number, timestamp_ns)
        elif number > self._open.number:
            if self._open.last_ns - self._open.first_ns >= self._least_ns:
                alerts = self.add_block(self._open.number, self._open.means())
            self._open = _Block(number, timestamp_ns)
        self._open.last_ns = max(self._open.last_ns, timestamp_ns)
        for place, name in enumerate(SIGNALS):
            if name in values:
                self._open.sums[place] += values[name]
                self._open.counts[place] += 1
        return alerts

    def add_block(
        self, number: int, means: Float64[np.ndarray, " signal"]
    ) -> list[DriftAlert]:
        """Process a complete block; return alerts that are new or over.

        ``number`` counts blocks since the epoch. Means are in the order of ``SIGNALS``,
        and NaN where nothing was measured.
        """
        self.blocks += 1
        self.latest = means
        hour = hour_of(number, self._settings, self.correction_ns)
        if self.detector is not None:
            return self.detector.add_block(number, means, hour)
        self._learnt.append(means)
        self._hours.append(hour)
        if self.learning_left_s == 0:
            baseline = learn_baseline(
                np.stack(self._learnt),
                np.array(self._hours),
                self._floors,
                blocks_per_day=self._settings.blocks_per_day,
                false_alert_days=self._settings.false_alert_days,
                rng=self._rng,
            )
            self.detector = CusumDetector(
                self._subject_id, baseline, self._settings, number + 1
            )
            self._learnt, self._hours = [], []
        return []

    def snapshot(self) -> dict[str, Any]:
        """Return the state for a restart, as JSON values, without the open block."""
        return {
            "blocks": self.blocks,
            "learnt": [numbers_of(means) for means in self._learnt],
            "hours": self._hours,
            "watching": None
            if self.detector is None
            else self.detector.snapshot(self.correction_ns),
        }

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Restore the return value of ``snapshot``.

        Raises:
            ValueError, LookupError, TypeError, OverflowError: If the memory is damaged.
        """
        self.relearn()
        learnt = [signals_of(row) for row in memory["learnt"]]
        hours = [int(hour) for hour in memory["hours"]]
        if len(learnt) != len(hours) or any(not 0 <= hour < HOURS for hour in hours):
            msg = f"{len(learnt)} blocks and {len(hours)} hours, expected one for each"
            raise ValueError(msg)
        blocks, kept = int(memory["blocks"]), memory["watching"]
        if kept is not None:
            self.detector = CusumDetector.restore(
                self._subject_id, kept, self._settings
            )
        self._learnt, self._hours, self.blocks = learnt, hours, blocks
