"""The rate of false alerts: of our monitor, and of detectors with their defaults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipelines.lab.studies.drift.streams import (
    BLOCKS_PER_DAY,
    CLIPS_PER_BLOCK,
    StableStream,
    clip_series,
)
from pipelines.lab.studies.intervals import Interval, poisson_interval
from pipelines.live.drift.monitor import DriftMonitor
from pipelines.live.drift.settings import DriftSettings

MONTH_DAYS = 30
RIVER_RHO = 0.9


@dataclass(frozen=True, slots=True)
class FalseAlerts:
    """Alerts while nothing changes.

    A month has 30 days.
    """

    alerts: int
    months: float

    @property
    def per_month(self) -> float:
        """Alerts per month."""
        return self.alerts / self.months

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the rate, if alerts are independent."""
        return poisson_interval(self.alerts, self.months)


class Detector(Protocol):
    """The part of river's drift detectors that is used."""

    @property
    def drift_detected(self) -> bool:
        """Whether the latest value showed drift."""
        ...

    def update(self, x: float) -> object:
        """Add a value."""
        ...


def alerts_of_month(stream: StableStream, settings: DriftSettings, seed: int) -> int:
    """Learn a subject's baseline, watch it for a month, and count the alerts."""
    rng = np.random.default_rng(seed)
    learning_days = int(np.ceil(settings.learning_days))
    blocks = stream.draw(learning_days + MONTH_DAYS, rng)
    monitor = DriftMonitor("subject", settings, seed=seed)
    alerts = 0
    for number, means in enumerate(blocks[-_watched(settings) :]):
        changes = monitor.add_block(number, means)
        alerts += sum(change.state == "alerted" for change in changes)
    return alerts


def river_detectors() -> Mapping[str, Callable[[], Detector]]:
    """Return river's detectors with their defaults.

    Raises:
        ImportError: If river is not installed.
    """
    from river.drift import ADWIN, KSWIN, PageHinkley

    # KSWIN draws samples, so it gets a seed; everything else is the default.
    return {
        "ADWIN": ADWIN,
        "KSWIN": lambda: KSWIN(seed=1),
        "Page-Hinkley": PageHinkley,
    }


def river_alerts(make: Callable[[], Detector], days: float, seed: int) -> FalseAlerts:
    """Feed a detector the confidence of every clip of a stable stream."""
    rng = np.random.default_rng(seed)
    clips = round(days * BLOCKS_PER_DAY * CLIPS_PER_BLOCK)
    detector, alerts = make(), 0
    for value in clip_series(RIVER_RHO, clips, rng).tolist():
        detector.update(value)
        alerts += detector.drift_detected
    return FalseAlerts(alerts, days / MONTH_DAYS)


def _watched(settings: DriftSettings) -> int:
    return settings.learning_blocks + MONTH_DAYS * BLOCKS_PER_DAY
