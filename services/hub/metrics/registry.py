"""Declaration of metrics in a registry; totals that others have counted."""

from functools import partial
from typing import Final, final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

UNKNOWN: Final = float("nan")
"""Value of a state that is not known."""


@final
class MetricRegistry:
    """Declares the metrics of this application in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.counter = partial(Counter, registry=registry, namespace="wardwatch")
        self.gauge = partial(Gauge, registry=registry, namespace="wardwatch")
        self.histogram = partial(Histogram, registry=registry, namespace="wardwatch")


@final
class Totals:
    """What others have counted so far, of each counter."""

    def __init__(self) -> None:
        self._totals: dict[Counter, float] = {}

    def raise_to(self, counter: Counter, total: int) -> None:
        """Add to a counter what has been counted since the last call."""
        counter.inc(max(0, total - self._totals.get(counter, 0)))
        self._totals[counter] = total
