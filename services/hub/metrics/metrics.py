"""The metrics of one hub, and what concerns several kinds of them."""

from collections.abc import Sequence
from typing import final

from prometheus_client import CollectorRegistry

from services.hub.metrics.delivery import DeliveryMetrics
from services.hub.metrics.hub import HubMetrics
from services.hub.metrics.registry import MetricRegistry
from services.hub.metrics.subjects import SubjectMetrics
from services.hub.metrics.windows import WindowMetrics
from services.hub.reports import Counts


@final
class Metrics:
    """All metrics of the hub.

    Args:
        registry: Where they are declared.
        events: Names of the events.
        now_ns: Start of the hub, in pipeline time.

    Attributes:
        registry: Where they are declared.
        hub: Those of the hub itself.
        subjects: Those of each subject.
        delivery: Those of the messages.
    """

    def __init__(
        self, registry: CollectorRegistry, events: Sequence[str], now_ns: int
    ) -> None:
        self.registry = registry
        into = MetricRegistry(registry)
        self.hub = HubMetrics(into, now_ns)
        self.subjects = SubjectMetrics(into, events)
        self._windows = WindowMetrics(into)
        self.delivery = DeliveryMetrics(into)

    def count(self, counts: Counts) -> None:
        """Add the counts of a report."""
        self._windows.count(counts)
        self.subjects.count(counts)
        self.hub.clips("lost", counts.clips_lost)

    def outbox(self, pending: int, oldest_ns: int | None) -> None:
        """Record how many messages wait, and since when in pipeline time."""
        self.delivery.outbox(pending, self.hub.utc_s(oldest_ns or 0))
