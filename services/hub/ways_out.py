"""All ways in which the hub's messages leave it, and what is wrong with them.

outbox ──▶ MQTT
notices ──▶ phones, webhooks
open alarms ──▶ Alertmanager
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, final

from pipelines.clock import Clock
from pipelines.live.alarms import Alarm
from services.delivery.alertmanager import AlertmanagerFeed
from services.delivery.announcements import Announcements
from services.delivery.link import BrokerLink
from services.delivery.mqtt import MqttDelivery
from services.delivery.notices import NoticeDelivery
from services.delivery.observers import Inbox
from services.hub.alarms.targets import PresentTargets
from services.hub.metrics.delivery import DeliveryMetrics
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.outbox import Message, Queued
from services.store.store import Store

logger = logging.getLogger(__name__)

_FLUSH_S = 5.0


@final
class WaysOut:
    """Messages by MQTT, notices to phones and webhooks, alerts to Alertmanager.

    Args:
        site: The site.
        store: Holds the messages and notices.
        clock: Clock of the deliveries.
        topics: Builds the messages.
        metrics: Counts what is delivered.
        announcements: What Home Assistant is told of the site.
        open_alarms: Returns the open alarms.

    Attributes:
        targets: Whether the targets of alarms are the present ones.

    Raises:
        StoreError: If the store cannot be read.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        clock: Clock,
        topics: Topics,
        metrics: DeliveryMetrics,
        announcements: Announcements,
        open_alarms: Callable[[], Iterable[Alarm]],
    ) -> None:
        self._broker, self._clock = site.broker, clock
        self._outbox, self._topics, self._metrics = store.outbox, topics, metrics
        self._announcements = announcements
        self.targets = PresentTargets(site, store.notes, clock)
        self._notices = NoticeDelivery(site, store.notices, clock)
        self._alertmanager = AlertmanagerFeed(
            site.alertmanager, site.site, open_alarms, clock
        )
        self._mqtt: MqttDelivery | None = None
        self._broker_trouble = "the broker is not connected yet"

    def open(
        self, greeting: Callable[[], list[Message]], inbox: Inbox
    ) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what has to run, by name; an event loop must run already.

        Args:
            greeting: Returns the retained messages to publish on each new connection.
            inbox: Receives the messages of others.
        """
        self._mqtt = MqttDelivery(
            BrokerLink.of(self._broker),
            self._outbox,
            self._clock,
            greeting=greeting,
            will=self._topics.service("offline"),
            observer=self,
            test_topic=self._topics.test if self._broker.confirm else None,
            announcer=self._announcements,
            inbox=inbox,
        )
        return {
            "delivery": self._mqtt.run(),
            "notices": self.targets.then(self._notices.run),
            "alertmanager": self.targets.then(self._alertmanager.run),
        }

    def change(self, site: Site) -> None:
        """Use the phones, webhooks and the Alertmanager of a changed site."""
        self._notices.change(site)
        self._alertmanager.change(site.alertmanager)

    def wake(self) -> None:
        """Publish what has been stored."""
        if self._mqtt is not None:
            self._mqtt.wake()

    def wake_notices(self) -> None:
        """Send the notices that have been stored."""
        self._notices.wake()

    def announce(self) -> None:
        """Publish what Home Assistant is told of the site, which has changed."""
        if self._mqtt is not None:
            self._mqtt.announce()

    async def flush(self) -> None:
        """Return once the broker has all messages, or after five seconds."""
        if self._mqtt is None:
            return
        self._mqtt.wake()
        try:
            await asyncio.wait_for(self._mqtt.wait_idle(), _FLUSH_S)
        except TimeoutError:
            logger.warning("some messages are not delivered; the next start sends them")

    def notes(self) -> list[str]:
        """Return the limits of the proof that messages are delivered."""
        return [] if self._mqtt is None else self._mqtt.proof.notes()

    def troubles(self) -> list[str]:
        """Return why something may not get out; some may be empty."""
        return [
            self._broker_trouble,
            *([] if self._mqtt is None else self._mqtt.troubles()),
            *self._notices.troubles(),
            self._alertmanager.trouble,
        ]

    def measure(self) -> None:
        """Bring the metrics up to date."""
        self._metrics.dead_notices(self._notices.dead)
        if self._mqtt is not None:
            self._metrics.proof(
                self._mqtt.proof.is_confirmed,
                self._mqtt.refused_topics,
                self._mqtt.refused,
            )

    def connected(self, is_up: bool, reason: str) -> None:
        """Record whether the broker is connected, and why not."""
        self._broker_trouble = "" if is_up else f"broker: {reason}"
        self._metrics.broker(is_up)

    def delivered(self, queued: Queued, now_ns: int) -> None:
        """Record a delivered message."""
        kind = queued.message.key.split()[0]
        self._metrics.delivered(kind, now_ns - queued.queued_ns)
