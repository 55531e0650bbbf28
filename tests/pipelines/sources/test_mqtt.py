"""Reconnection of every MQTT client, without waiting for real pauses."""

import asyncio

import aiomqtt
import pytest

from pipelines.sources.mqtt import reason_code, reconnecting
from tests.fakes import FakeClock


def test_a_lost_connection_is_made_again_after_the_pause() -> None:
    clock = FakeClock(auto_advance=True)
    attempts: list[int] = []

    async def use_connection() -> None:
        attempts.append(clock.now_ns())
        if len(attempts) < 3:
            raise aiomqtt.MqttError("lost" * len(attempts))

    problems: list[str] = []

    def pause_s(error: Exception) -> float:
        problems.append(str(error))
        return 2.0

    asyncio.run(reconnecting(use_connection, clock, pause_s))
    began_ns = attempts[0]
    assert [at_ns - began_ns for at_ns in attempts] == [0, 2 * 10**9, 4 * 10**9]
    assert problems == ["lost", "lostlost"]


def test_an_error_of_another_kind_ends_it() -> None:
    async def use_connection() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(reconnecting(use_connection, FakeClock(), lambda _: 1.0))


def test_a_failed_goodbye_does_not_hide_the_cancellation() -> None:
    async def use_connection() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            msg = "no connection to say goodbye on"
            raise aiomqtt.MqttError(msg) from None

    async def scene() -> bool:
        task = asyncio.create_task(
            reconnecting(use_connection, FakeClock(), lambda _: 1.0)
        )
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(scene())


def test_the_code_of_the_broker_is_found_behind_other_errors() -> None:
    error = aiomqtt.MqttError("lost")
    error.__cause__ = aiomqtt.MqttCodeError(135)
    assert reason_code(error) == 135
    assert reason_code(aiomqtt.MqttError("lost")) is None
