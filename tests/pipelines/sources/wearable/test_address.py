import pytest

from pipelines.errors import SourceError
from pipelines.sources.wearable.address import MqttAddress


def test_the_parts_of_an_address_are_found() -> None:
    address = MqttAddress.parse("mqtt://ann:p%40ss%2F@broker:1884/ward/imu/wrist")
    assert (address.host, address.port) == ("broker", 1884)
    assert address.topic == "ward/imu/wrist"
    assert (address.user, address.password) == ("ann", "p@ss/")


def test_port_and_credentials_may_be_left_out() -> None:
    address = MqttAddress.parse("mqtt://broker/a")
    assert address.port == 1883
    assert address.user is None
    assert address.password is None


def test_a_host_may_be_an_ipv6_address() -> None:
    address = MqttAddress.parse("mqtt://[::1]:1883/a")
    assert address.host == "::1"
    assert str(address) == "mqtt://[::1]:1883/a"


def test_a_topic_may_hold_what_would_mean_something_in_a_url() -> None:
    assert MqttAddress.parse("mqtt://broker//a?b:c%40").topic == "/a?b:c%40"


def test_a_password_may_hold_any_character_as_it_stands() -> None:
    address = MqttAddress.parse("mqtt://ann:1/@x:2@broker/a")
    assert (address.user, address.password) == ("ann", "1/@x:2")
    assert str(address) == "mqtt://broker:1883/a"


def test_a_user_may_have_no_password() -> None:
    address = MqttAddress.parse("mqtt://ann@broker/a")
    assert (address.user, address.password) == ("ann", None)


def test_an_address_is_shown_without_credentials() -> None:
    address = MqttAddress.parse("mqtt://ann:secret@broker/a")
    assert str(address) == "mqtt://broker:1883/a"
    assert "secret" not in repr(address)
    assert "ann" not in repr(address)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("", "expected mqtt://host/topic, a login before and a port after the host"),
        (
            "http://broker/a",
            "expected mqtt://host/topic, a login before and a port after the host",
        ),
        (
            "mqtt:///a",
            "expected mqtt://host/topic, a login before and a port after the host",
        ),
        (
            "mqtt://broker:0/a",
            "expected mqtt://host/topic, a login before and a port after the host",
        ),
        (
            "mqtt://broker:99999/a",
            "expected mqtt://host/topic, a login before and a port after the host",
        ),
        (
            "mqtt://broker:x/a",
            "expected mqtt://host/topic, a login before and a port after the host",
        ),
        (
            "mqtt://bro..ker/a",
            "expected mqtt://host/topic, a login before and a port after the host",
        ),
        (
            "mqtt://bro ker/a",
            "expected mqtt://host/topic, a login before and a port after the host",
        ),
        (
            "mqtt://broker",
            "names no topic; write one after the host, as in mqtt://host/topic",
        ),
        (
            "mqtt://broker/ward/+/imu",
            "a wildcard (+ or #) would mix the samples of several wearables",
        ),
        (
            "mqtt://broker/#",
            "a wildcard (+ or #) would mix the samples of several wearables",
        ),
        ("mqtt://broker/a\0b", "a topic has 1 to 65535 bytes and no NUL"),
        ("mqtt://broker/" + "é" * 32_768, "a topic has 1 to 65535 bytes and no NUL"),
    ],
)
def test_a_malformed_address_is_refused(address: str, problem: str) -> None:
    with pytest.raises(SourceError) as caught:
        MqttAddress.parse(address)
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    "address",
    [
        "mqtt://ann:secret@",
        "mqtt://ann:secret@broker",
        "mqtt://ann:secret@broker:x/a",
        "mqtt://ann:secret/@broker/+",
        "mqtt://ann:sec ret@broker/+",
        "mqtts://ann:secret@broker/a",
        "ann:secret@broker/a",
    ],
)
def test_a_malformed_address_is_shown_without_credentials(address: str) -> None:
    with pytest.raises(SourceError) as caught:
        MqttAddress.parse(address)
    for word in ("ann", "sec", "ret"):
        assert word not in str(caught.value)
