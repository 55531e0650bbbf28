"""Metrics of the messages on their ways out, and of the broker."""

from collections.abc import Mapping
from typing import Final, final

from pipelines.clock import NS_PER_S
from services.hub.metrics.registry import UNKNOWN, MetricRegistry, Totals

_KINDS: Final = ("event", "alarm", "drift", "status", "technical")
_SLOW_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@final
class DeliveryMetrics:
    """Messages by MQTT, notices to phones and webhooks, and the broker."""

    def __init__(self, into: MetricRegistry) -> None:
        self._totals = Totals()
        self._targets: set[str] = set()
        self._span = into.histogram(
            "delivery_seconds",
            "Time from a message's acceptance to the proof of its delivery.",
            buckets=_SLOW_S,
        )
        self._delivered = into.counter("delivered", "Messages delivered.", ("kind",))
        self._refused = into.counter(
            "refused", "Attempts to publish that were refused or unproven.", ("kind",)
        )
        self._refused_topics = into.gauge(
            "refused_topics", "Topics whose messages are refused or unproven now."
        )
        self._confirmed = into.gauge(
            "delivery_confirmed",
            "1 if the broker passes our test message on, 0 if not or not yet;"
            " NaN if confirmation is off.",
        )
        self._pending = into.gauge("outbox_pending", "Messages that wait.")
        self._oldest = into.gauge(
            "outbox_oldest_timestamp_seconds",
            "Acceptance of the oldest message that waits; 0 if none waits.",
        )
        self._dead = into.gauge(
            "notices_dead",
            "Messages to a phone or webhook that were given up and are kept.",
            ("target",),
        )
        self._broker = into.gauge("broker_up", "1 if the broker is connected.")
        for kind in _KINDS:
            self._delivered.labels(kind)
            self._refused.labels(kind)

    def outbox(self, pending: int, oldest_s: float) -> None:
        """Record how many messages wait.

        Args:
            pending: Their number.
            oldest_s: Acceptance of the oldest one, UTC in seconds; 0 if none waits.
        """
        self._pending.set(pending)
        self._oldest.set(oldest_s)

    def delivered(self, kind: str, span_ns: int) -> None:
        """Record a delivered message, and how long its delivery took."""
        self._delivered.labels(_known(kind)).inc()
        self._span.observe(span_ns / NS_PER_S)

    def proof(
        self, confirmed: bool | None, refused_topics: int, refused: Mapping[str, int]
    ) -> None:
        """Record whether delivery is proven, and what was refused so far.

        Args:
            confirmed: Whether our test message comes back; None if that is off.
            refused_topics: Number of topics that are refused or unproven now.
            refused: Number of refused attempts so far, by kind of message.
        """
        self._confirmed.set(UNKNOWN if confirmed is None else confirmed)
        self._refused_topics.set(refused_topics)
        totals: dict[str, int] = {}
        for kind, count in refused.items():
            totals[_known(kind)] = totals.get(_known(kind), 0) + count
        for kind, total in totals.items():
            self._totals.raise_to(self._refused.labels(kind), total)

    def dead_notices(self, counts: Mapping[str, int]) -> None:
        """Record how many messages to each target were given up; forget other ones."""
        for gone in self._targets - counts.keys():
            self._dead.remove(gone)
        self._targets = set(counts)
        for target, count in counts.items():
            self._dead.labels(target).set(count)

    def broker(self, is_up: bool) -> None:
        """Record whether the broker is connected."""
        self._broker.set(is_up)


def _known(kind: str) -> str:
    return kind if kind in _KINDS else "technical"
