"""What ``wardwatch check`` finds out about a broker."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from pipelines.clock import SystemClock
from services.command_line import app, run
from services.delivery.broker_check import examine
from services.delivery.link import BrokerLink
from services.demo.broker import Broker
from services.hub.topics import Topics
from services.site.broker import BrokerSettings
from tests.mqtt_gate import Gate, gate_before
from tests.mqtt_listener import listening

OPEN = "user ward\ntopic readwrite #\n"
DENIED = f"{OPEN}topic deny wardwatch/ward-3/bed-4/event\n"
WRITE_ONLY = "user ward\ntopic write #\n"


def guarded(acl: str) -> Broker:
    return Broker(user="ward", password="secret", acl=acl)


def check(folder: Path, broker: Broker, *options: str) -> int:
    path = folder / "site.yaml"
    path.write_text(
        "site: ward-3\nsubjects: [{id: bed-4, camera: test}]\n"
        f"broker: {{port: {broker.port}, user: ward, password: secret}}\n"
        f"hub: {{folder: {folder}}}\n"
    )
    return run(app, ["check", str(path), *options])


def store_line(folder: Path) -> str:
    return f"wardwatch: store {folder}/hub.sqlite: is made at the first start\n"


async def examine_by_3_1_1(
    broker: Broker, version_5: Literal["refuse", "close"]
) -> str:
    async with gate_before(broker.port, Gate(version_5)) as gate:
        settings = {"port": gate.port, "user": "ward", "password": "secret"}
        link = BrokerLink.of(BrokerSettings.model_validate(settings))
        topics = Topics("wardwatch", "ward-3")
        return await examine(link, topics, ["bed-4"], SystemClock())


def test_a_broker_that_takes_everything_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with guarded(OPEN) as broker:
        assert check(tmp_path, broker) == 0
    assert capsys.readouterr().err == store_line(tmp_path) + (
        f"wardwatch: broker 127.0.0.1:{broker.port}: reached, MQTT 5; may publish to"
        " all 3 topics tried; delivery is confirmed\n"
    )


def test_no_topic_is_tried_on_which_an_empty_message_has_a_meaning() -> None:
    async def tried(broker: Broker) -> set[str]:
        link = BrokerLink.of(BrokerSettings(port=broker.port))
        topics = Topics("wardwatch", "ward-3")
        async with listening(broker.port) as heard:
            await examine(link, topics, ["bed-4"], SystemClock())
            await heard.until(lambda it: len(it.messages) == 4, 5.0)
        return {topic.removeprefix("wardwatch/ward-3/") for topic, _ in heard.messages}

    with Broker() as broker:
        found = asyncio.run(tried(broker))
    assert found == {"bed-4/event", "bed-4/drift", "technical", "canary"}


def test_a_forbidden_topic_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with guarded(DENIED) as broker:
        assert check(tmp_path, broker) == 2
    assert capsys.readouterr().err == store_line(tmp_path) + (
        f"wardwatch: broker 127.0.0.1:{broker.port}: does not let us publish to"
        " wardwatch/ward-3/bed-4/event: not authorised; see its access list\n"
    )


def test_a_broker_that_is_away_is_said_and_no_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with guarded(OPEN) as broker:
        broker.stop()
        assert check(tmp_path, broker) == 0
        assert "cannot be reached (" in capsys.readouterr().err
        assert check(tmp_path, broker, "--offline") == 0
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize("version_5", ["refuse", "close"])
def test_a_broker_of_3_1_1_is_tried_by_the_echo(
    version_5: Literal["refuse", "close"],
) -> None:
    with guarded(OPEN) as broker:
        found = asyncio.run(examine_by_3_1_1(broker, version_5))
    assert found == "reached, MQTT 3.1.1; delivery is confirmed"


@pytest.mark.slow
def test_delivery_that_cannot_be_confirmed_is_said() -> None:
    with guarded(WRITE_ONLY) as broker:
        found = asyncio.run(examine_by_3_1_1(broker, "refuse"))
    assert found == (
        "reached, MQTT 3.1.1; delivery to wardwatch/ward-3/bed-4/event,"
        " wardwatch/ward-3/bed-4/drift, wardwatch/ward-3/technical cannot be confirmed:"
        " no echo; see its access list"
    )


def test_a_wrong_password_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Broker(user="ward", password="other", acl=OPEN) as broker:
        assert check(tmp_path, broker) == 2
    assert "refuses user name or password" in capsys.readouterr().err
