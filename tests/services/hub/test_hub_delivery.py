"""What counts as delivered: the hub and brokers that do not take, or not pass on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.demo.broker import Broker
from services.hub.hub import Hub
from services.site.settings import Site
from tests.fakes import ColourRecognizer
from tests.mqtt_gate import Gate, gate_before
from tests.mqtt_listener import Heard, listening
from tests.services.hub.test_hub import SOON_S, fetch, report, site_of
from tests.services.store.rows import event

pytestmark = pytest.mark.slow

EVENTS = "wardwatch/ward-3/bed-4/event"
GUESTS = "topic readwrite #\n"
OPEN = f"{GUESTS}user ward\ntopic readwrite #\n"
NO_EVENTS = f"{OPEN}topic deny {EVENTS}\n"
WRITE_ONLY = f"{GUESTS}user ward\ntopic write #\n"
NO_CANARY = f"{OPEN}topic deny wardwatch/ward-3/canary\n"
RETRIED_S = 40.0
"""A refused message is tried again at least every 15 s, or every 60 s by its echo."""


def guarded(acl: str) -> Broker:
    """Return a broker that holds the hub to an access list, and nobody else."""
    return Broker(user="ward", password="secret", acl=acl, guests=True)


def guarded_site(port: int, folder: Path, **settings: object) -> Site:
    login = {"user": "ward", "password": "secret", "port": port}
    return Site.model_validate(
        {
            "site": "ward-3",
            "broker": {**login, **settings},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 1},
        }
    )


@asynccontextmanager
async def serving(site: Site) -> AsyncIterator[Hub]:
    hub = Hub(site, ColourRecognizer())
    try:
        await hub.expect({"bed-4": ["camera"], "bed-5": ["camera"]})
        yield hub
    finally:
        await hub.stop()


async def ready(hub: Hub) -> dict[str, Any]:
    """Return what the hub says of itself."""
    _, text = await asyncio.to_thread(fetch, f"http://127.0.0.1:{hub.port}/readyz")
    said: dict[str, Any] = json.loads(text)
    return said


async def until(
    hub: Hub, holds: Callable[[dict[str, Any]], bool], within_s: float
) -> dict[str, Any]:
    """Ask the hub until something holds of what it says."""
    said: dict[str, Any] = {}
    try:
        async with asyncio.timeout(within_s):
            while not holds(said):
                said = await ready(hub)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(said) from None
    return said


async def metric(hub: Hub, series: str) -> float:
    _, text = await asyncio.to_thread(fetch, f"http://127.0.0.1:{hub.port}/metrics")
    (line,) = [it for it in text.splitlines() if it.startswith(f"wardwatch_{series} ")]
    return float(line.split()[-1])


async def pending(hub: Hub, at_most: int) -> int:
    """Return how many messages wait, once they are so few.

    A state is queued again whenever it changes, for a moment.
    """
    count = at_most + 1
    async with asyncio.timeout(SOON_S):
        while count > at_most:
            count = (await hub.state()).pending
            await asyncio.sleep(0.05)
    return count


async def delivered(hub: Hub, at_least: float = 0.0) -> float:
    """Return how many events count as delivered, once there are so many."""
    count = -1.0
    async with asyncio.timeout(SOON_S):
        while count < at_least:
            count = await metric(hub, 'delivered_total{kind="event"}')
            await asyncio.sleep(0.05)
    return count


def mentions(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda said: any(text in it for it in said.get("troubles", ()))


def is_ready(said: dict[str, Any]) -> bool:
    return bool(said.get("ready"))


async def fall_on_both(hub: Hub) -> None:
    """Let a fall start and end on bed 4, then another start on bed 5."""
    await hub.accept(report(event(), event("ended")))
    other = event(event_id="e5")
    object.__setattr__(other, "subject_id", "bed-5")
    await hub.accept(report(other, sent_ns=2))


@pytest.mark.parametrize("version_5", ["pass", "refuse"], ids=["mqtt 5", "mqtt 3.1.1"])
@pytest.mark.timeout(180)
def test_a_forbidden_fall_stays_is_said_and_goes_out_once_it_is_allowed(
    version_5: Any, tmp_path: Path
) -> None:
    async def scene(broker: Broker) -> tuple[Heard, dict[str, Any], list[float]]:
        gate = Gate(version_5)
        async with (
            gate_before(broker.port, gate),
            listening(broker.port) as heard,
            serving(guarded_site(gate.port, tmp_path)) as hub,
        ):
            await until(hub, is_ready, SOON_S)
            await fall_on_both(hub)
            await heard.until(lambda it: bool(it.of("bed-5/event")), SOON_S)
            await heard.until(lambda it: bool(it.of("bed-4/status")), SOON_S)
            said = await until(hub, mentions(EVENTS), SOON_S)
            counts = [await delivered(hub, 1), await pending(hub, 2)]
            assert heard.of("bed-4/event") == []
            await asyncio.to_thread(broker.allow, OPEN)
            await until(hub, lambda said: not mentions(EVENTS)(said), RETRIED_S)
            await heard.until(lambda it: len(it.of("bed-4/event")) >= 2, SOON_S)
            counts += [await delivered(hub, 3), await pending(hub, 0)]
            assert set(gate.connects) == ({5} if version_5 == "pass" else {5, 4})
            return heard, said, counts

    with guarded(NO_EVENTS) as broker:
        heard, said, counts = asyncio.run(scene(broker))
    assert counts == [1, 2, 3, 0]
    assert [it["state"] for it in heard.of("bed-4/event")] == ["started", "ended"]
    if version_5 == "pass":
        assert said["troubles"] == [
            f"the broker refuses {EVENTS}: not authorised; see its access list"
        ]
    else:
        assert said["troubles"] == [
            f"delivery of {EVENTS} is not confirmed: no echo; see its access list"
        ]


@pytest.mark.parametrize("confirm", [True, False])
def test_where_nothing_proves_a_delivery_that_is_said_and_falls_go_out(
    confirm: bool, tmp_path: Path
) -> None:
    async def scene(broker: Broker) -> tuple[int, dict[str, Any], float, float]:
        gate = Gate("refuse")
        async with (
            gate_before(broker.port, gate),
            listening(broker.port) as heard,
            serving(guarded_site(gate.port, tmp_path, confirm=confirm)) as hub,
        ):
            expected = mentions("cannot be confirmed") if confirm else is_ready
            await until(hub, expected, SOON_S)
            await fall_on_both(hub)
            await heard.until(lambda it: len(it.of("/event")) >= 3, SOON_S)
            falls = len(heard.of("/event"))
            said = await ready(hub)
            count = await delivered(hub, 0 if confirm else 3)
            return falls, said, count, await metric(hub, "delivery_confirmed")

    with guarded(WRITE_ONLY) as broker:
        falls, said, count, confirmed = asyncio.run(scene(broker))
    assert falls == 3
    if confirm:
        assert (count, confirmed, said["ready"]) == (0.0, 0.0, False)
        assert "broker.confirm" in said["troubles"][0]
    else:
        assert (count, confirmed != confirmed) == (3.0, True)  # NaN
        assert said["ready"]
        assert "is not confirmed: broker.confirm is false" in said["notes"][0]


def test_falls_count_by_reason_codes_where_the_test_message_is_not_heard(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> tuple[dict[str, Any], float]:
        async with serving(guarded_site(broker.port, tmp_path)) as hub:
            await until(hub, is_ready, SOON_S)
            await fall_on_both(hub)
            said = await until(hub, lambda it: "notes" in it, SOON_S)
            return said, await delivered(hub, 3)

    with guarded(NO_CANARY) as broker:
        said, count = asyncio.run(scene(broker))
    assert (said["ready"], count) == (True, 3.0)
    assert said["notes"] == [
        "only the broker's reason codes prove delivery: our test message on"
        " wardwatch/ward-3/canary may not be published: not authorised; see its access"
        " list"
    ]


def test_a_broker_that_closes_at_one_topic_keeps_no_other_from_going_out(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> tuple[Heard, dict[str, Any]]:
        gate = Gate(closes_at={EVENTS, "wardwatch/ward-3/status"})
        async with (
            gate_before(broker.port, gate),
            listening(broker.port) as heard,
            serving(site_of(broker, tmp_path, port=gate.port)) as hub,
        ):
            await fall_on_both(hub)
            await heard.until(lambda it: bool(it.of("bed-5/event")), 30)
            return heard, await until(hub, mentions(EVENTS), SOON_S)

    with Broker() as broker:
        heard, said = asyncio.run(scene(broker))
    assert heard.of("bed-4/event") == []
    reason = "it closes the connection; see its access list"
    assert f"the broker does not accept {EVENTS}: {reason}" in said["troubles"]
