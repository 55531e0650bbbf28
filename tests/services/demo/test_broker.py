import asyncio
import os
import socket
from pathlib import Path

import aiomqtt
import pytest

from services.demo.broker import Broker, BrokerFailed


async def publish(port: int, user: str | None = None, password: str = "") -> None:
    async with aiomqtt.Client("127.0.0.1", port, username=user, password=password):
        pass


def test_it_accepts_clients_once_it_is_entered() -> None:
    with Broker() as broker:
        asyncio.run(publish(broker.port))


@pytest.mark.slow
def test_nobody_answers_after_it_was_left() -> None:
    with Broker() as broker:
        pass
    with pytest.raises(aiomqtt.MqttError, match=r"Connection refused"):
        asyncio.run(publish(broker.port))


@pytest.mark.slow
def test_it_comes_back_on_the_same_port() -> None:
    with Broker() as broker:
        port = broker.port
        broker.stop()
        with pytest.raises(aiomqtt.MqttError, match=r"Connection refused"):
            asyncio.run(publish(port))
        broker.start()
        asyncio.run(publish(port))


def test_it_lets_in_who_knows_the_password_only() -> None:
    with Broker(user="ann", password="se cret") as broker:
        asyncio.run(publish(broker.port, "ann", "se cret"))
        for user, password in (("ann", "other"), ("bob", "se cret"), (None, "")):
            with pytest.raises(aiomqtt.MqttError, match=r"Not authorized"):
                asyncio.run(publish(broker.port, user, password))


def test_its_address_holds_the_credentials_encoded() -> None:
    broker = Broker(user="ann", password="a@b/c")
    assert broker.address("x/y") == f"mqtt://ann:a%40b%2Fc@127.0.0.1:{broker.port}/x/y"
    broker = Broker()
    assert broker.address("x/y") == f"mqtt://127.0.0.1:{broker.port}/x/y"


@pytest.mark.parametrize("user", ["", "a:b", "a\nb"])
def test_a_user_that_no_password_file_can_hold_is_refused(user: str) -> None:
    with pytest.raises(ValueError, match=r"^a user name holds no colon"):
        Broker(user=user)


def test_a_taken_port_is_a_clear_error() -> None:
    broker = Broker()
    with (
        socket.create_server(("127.0.0.1", broker.port)),
        pytest.raises(
            BrokerFailed,
            match=rf"^mosquitto did not start on port {broker.port}: .*already in use",
        ),
    ):
        broker.__enter__()


def test_it_is_started_inside_its_with_statement_only() -> None:
    with pytest.raises(RuntimeError, match=r"^the broker starts inside its with"):
        Broker().start()


def test_its_folder_is_gone_after_it_was_left() -> None:
    with Broker(user="ann", password="secret") as broker:
        (config,) = Path(f"/proc/{broker.pid}/cmdline").read_text().split("\0")[2:3]
        assert Path(config).is_file()
    assert not Path(config).parent.exists()


def test_without_mosquitto_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    expected = (
        r"^mosquitto is not installed; on Debian or Ubuntu: apt install mosquitto$"
    )
    with (
        pytest.raises(BrokerFailed, match=expected),
        Broker(system_folders=()),
    ):
        pass
