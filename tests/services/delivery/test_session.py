"""What proves a delivery, and what does not."""

import asyncio

import aiomqtt
import pytest

from services.delivery.link import BrokerLink
from services.delivery.proof import Proof
from services.delivery.session import Refused, Session
from services.demo.broker import Broker
from services.site.broker import BrokerSettings
from services.store.outbox import Message
from tests.mqtt_gate import Gate, gate_before

TOPIC, TEST = "ward/status", "ward/canary"
READ_ONLY = "topic readwrite #\nuser ward\ntopic read #\n"


def link_to(port: int) -> BrokerLink:
    login = {"user": "ward", "password": "secret", "port": port}
    return BrokerLink.of(BrokerSettings.model_validate(login))


@pytest.mark.slow
def test_what_the_broker_kept_from_before_is_no_echo() -> None:
    message = Message("status", TOPIC, {"state": "online"}, retain=True)

    async def scene(broker: Broker) -> Refused | None:
        async with aiomqtt.Client("127.0.0.1", broker.port) as other:
            await other.publish(TOPIC, b'{"state":"online"}', qos=1, retain=True)
        async with (
            gate_before(broker.port, Gate("refuse")) as gate,
            link_to(gate.port).connect() as client,
        ):
            session = Session(client, TEST)
            listening = asyncio.create_task(session.listen())
            answer = await session.send(message)
            listening.cancel()
            return answer

    with Broker(user="ward", password="secret", acl=READ_ONLY, guests=True) as broker:
        answer = asyncio.run(scene(broker))
    assert answer == Refused("no echo; see its access list", is_silent=True)


@pytest.mark.slow
def test_a_broker_that_acknowledges_a_test_message_and_drops_it_is_found_out() -> None:
    async def scene(broker: Broker) -> str:
        gate = Gate(swallows={TEST})
        async with (
            gate_before(broker.port, gate),
            link_to(gate.port).connect() as client,
        ):
            session = Session(client, TEST)
            listening = asyncio.create_task(session.listen())
            answer = await session.test("{}")
            listening.cancel()
            return answer

    with Broker() as broker:
        assert asyncio.run(scene(broker)).startswith("does not come back")


def test_a_path_that_was_proven_and_is_not_any_more_is_a_trouble() -> None:
    proof = Proof(TEST)
    proof.begin(has_reasons=True)
    assert proof.tested("")
    proof.tested("does not come back")
    assert proof.troubles() == []
    proof.tested("does not come back")
    assert proof.troubles() == [
        "the broker acknowledges messages but does not pass them on: our test message"
        " on ward/canary does not come back"
    ]
    assert proof.tested("")
    assert proof.troubles() == proof.notes() == []
