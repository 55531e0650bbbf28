"""What stays retained at the broker, and what is withdrawn, by a hub and mosquitto."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from services.demo.broker import Broker
from services.hub.hub import Hub
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store
from tests.fakes import ColourRecognizer
from tests.mqtt_listener import Heard, listening
from tests.services.hub.test_hub import SOON_S, report

UNIT = "wardwatch_ward-3_bed-4"
DEVICE = f"homeassistant/device/{UNIT}/config"
OLD = [f"homeassistant/{kind}/{UNIT}/config" for kind in ("event", "binary_sensor")]


def site_of(
    broker: Broker,
    folder: Path,
    name: str = "ward-3",
    *,
    on: bool,
    is_new: bool = True,
    former: str | None = None,
) -> Site:
    """Return a site; one that is new here has nothing of version 0.1 to move."""
    store = Store.migrated(sqlite_url(folder))
    if is_new and store.notes.recall("announced") is None:
        store.notes.note("announced", {})
    store.close()
    return Site.model_validate(
        {
            "site": name,
            "broker": {"port": broker.port, "home_assistant": on},
            "hub": {"folder": str(folder), "port": 0, "former_site": former},
        }
    )


@asynccontextmanager
async def watching(site: Site, *subjects: str) -> AsyncIterator[Hub]:
    hub = Hub(site, ColourRecognizer())
    try:
        await hub.expect({name: ["camera"] for name in subjects})
        yield hub
    finally:
        await hub.stop()


async def until_kept(broker: Broker, topic: str, expected: set[str]) -> None:
    """Return once the broker keeps just these topics under another."""
    found: set[str] = set()
    try:
        async with (
            asyncio.timeout(SOON_S),
            aiomqtt.Client("127.0.0.1", broker.port) as client,
        ):
            while (found := await kept(client, topic)) != expected:
                pass
    except TimeoutError:
        raise AssertionError(found) from None


async def kept(client: aiomqtt.Client, topic: str) -> set[str]:
    """Return the topics under one that the broker keeps something of."""
    await client.subscribe([(topic, 1), ("sentinel", 1)])
    await client.publish("sentinel", b"", qos=1)
    found: set[str] = set()
    async for message in client.messages:  # what is kept comes first
        if message.topic.matches("sentinel"):
            break
        if message.retain:
            found.add(str(message.topic))
    return found


async def announce_as_0_1(broker: Broker) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for topic in OLD:
            await client.publish(topic, b'{"name":"old"}', qos=1, retain=True)


@pytest.mark.slow
def test_a_subject_that_left_while_the_service_was_down_is_withdrawn(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> None:
        site = site_of(broker, tmp_path, on=True)
        async with watching(site, "bed-4", "bed-5") as hub:
            await hub.accept(report())
            other = DEVICE.replace("bed-4", "bed-5")
            await until_kept(broker, "homeassistant/#", {DEVICE, other})
        async with watching(site, "bed-5"):
            await until_kept(broker, "homeassistant/#", {other})
            await until_kept(broker, "wardwatch/#", {"wardwatch/ward-3/status"})

    with Broker() as broker:
        asyncio.run(scene(broker))


@pytest.mark.slow
def test_a_subject_that_leaves_while_the_broker_is_away_is_withdrawn_later(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> None:
        site = site_of(broker, tmp_path, on=True)
        async with watching(site, "bed-4") as hub:
            await until_kept(broker, "homeassistant/#", {DEVICE})
            await asyncio.to_thread(broker.stop)
            await hub.expect({})
        await asyncio.to_thread(broker.start)  # it has forgotten what it kept
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.publish(DEVICE, b'{"as":"if it had not"}', 1, retain=True)
        async with watching(site):
            await until_kept(broker, "homeassistant/#", set())

    with Broker() as broker:
        asyncio.run(scene(broker))


@pytest.mark.slow
def test_everything_is_withdrawn_when_it_is_switched_off(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        async with watching(site_of(broker, tmp_path, on=True), "bed-4"):
            await until_kept(broker, "homeassistant/#", {DEVICE})
        async with watching(site_of(broker, tmp_path, on=False), "bed-4"):
            await until_kept(broker, "homeassistant/#", set())
        async with watching(site_of(broker, tmp_path, on=True), "bed-4"):
            await until_kept(broker, "homeassistant/#", {DEVICE})

    with Broker() as broker:
        asyncio.run(scene(broker))


@pytest.mark.slow
def test_a_site_with_another_name_leaves_nothing_at_its_old_place(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> None:
        async with watching(site_of(broker, tmp_path, on=True), "bed-4") as hub:
            await hub.accept(report())
            await until_kept(broker, "homeassistant/#", {DEVICE})
        renamed = site_of(broker, tmp_path, "north", on=True, former="ward-3")
        async with watching(renamed, "bed-4"):
            new = DEVICE.replace("ward-3", "north")
            await until_kept(broker, "homeassistant/#", {new})
            await until_kept(broker, "wardwatch/#", {"wardwatch/north/status"})

    with Broker() as broker:
        asyncio.run(scene(broker))


@pytest.mark.slow
def test_what_version_0_1_announced_is_moved_and_then_withdrawn(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> Heard:
        await announce_as_0_1(broker)
        old = site_of(broker, tmp_path, on=True, is_new=False)
        async with listening(broker.port, "homeassistant/#") as heard:
            await heard.until(lambda it: len(it.messages) == len(OLD), SOON_S)
            async with watching(old, "bed-4"):
                await heard.until(lambda it: len(it.messages) >= 7, SOON_S)
                await until_kept(broker, "homeassistant/#", {DEVICE})
            return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    move = {"migrate_discovery": True}
    told = [
        (topic, payload if payload in (move, None) else "device")
        for topic, payload in heard.messages[len(OLD) :]
    ]
    assert told[:5] == [
        *((topic, move) for topic in OLD),
        (DEVICE, "device"),
        *((topic, None) for topic in OLD),
    ]
    assert set(told[5:]) <= {(DEVICE, "device")}


def test_a_site_that_never_announced_anything_withdraws_nothing(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> Heard:
        async with (
            listening(broker.port) as heard,
            watching(site_of(broker, tmp_path, on=False), "bed-4"),
        ):
            await heard.until(lambda it: bool(it.of("/canary")), SOON_S)
        return heard

    with Broker() as broker:
        heard = asyncio.run(scene(broker))
    assert not [topic for topic, _ in heard.messages if "homeassistant" in topic]
