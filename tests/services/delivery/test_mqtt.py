"""The way of messages to a broker, above all to one that is not there yet."""

import asyncio
import logging
import random
from pathlib import Path

import pytest

from pipelines.clock import SystemClock
from services.delivery.link import BrokerLink, is_refusal, try_broker
from services.delivery.mqtt import MqttDelivery
from services.demo.broker import Broker
from services.site.broker import BrokerSettings
from services.store.database import sqlite_url
from services.store.outbox import Message, Queued
from services.store.store import Store
from tests.mqtt_listener import listening

HELLO = Message("hello", "ward/status", {"state": "online"}, retain=True)
GONE = Message("gone", "ward/status", {"state": "offline"}, retain=True)


class Seen:
    """An observer that waits for what is reported to it."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.away = asyncio.Event()

    def connected(self, is_up: bool, reason: str) -> None:
        self.reasons.append(reason)
        if not is_up:
            self.away.set()

    def delivered(self, queued: Queued, now_ns: int) -> None:
        pass


def link_to(broker: Broker) -> BrokerLink:
    return BrokerLink.of(BrokerSettings(host="127.0.0.1", port=broker.port))


@pytest.mark.slow
def test_a_broker_that_is_away_is_told_in_one_line_and_served_once_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.migrated(sqlite_url(tmp_path))
    texts = [Message(str(n), "ward/event", {"number": n}) for n in range(70)]
    store.take(texts, {}, now_ns=1)

    async def scene(broker: Broker) -> list[str]:
        seen = Seen()
        delivery = MqttDelivery(
            link_to(broker),
            store.outbox,
            SystemClock(),
            greeting=lambda: [HELLO],
            will=GONE,
            observer=seen,
            rng=random.Random(0),
        )
        running = asyncio.create_task(delivery.run())
        await asyncio.wait_for(seen.away.wait(), 10)
        broker.start()
        async with listening(broker.port) as heard:
            await asyncio.wait_for(delivery.wait_idle(), 20)
            await heard.until(lambda it: len(it.of("event")) == len(texts), 10)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await heard.until(lambda it: it.of("status")[-1:] == [GONE.payload], 10)
            assert heard.of("event") == [it.payload for it in texts]
            return seen.reasons

    with Broker() as broker:
        broker.stop()
        with caplog.at_level(logging.WARNING):
            first, *_, last = asyncio.run(scene(broker))

    assert first == ("cannot be reached ([Errno 111] Connection refused); trying again")
    assert caplog.messages[0] == f"broker 127.0.0.1:{broker.port}: {first}"
    assert last == ""
    assert store.outbox.backlog()[0] == 0


def test_a_broker_that_is_away_is_no_refusal() -> None:
    with Broker() as broker:
        broker.stop()
        reason = asyncio.run(try_broker(link_to(broker)))
    assert reason.startswith("cannot be reached (")
    assert not is_refusal(reason)
