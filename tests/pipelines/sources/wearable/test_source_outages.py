"""One wearable, and a broker that goes away, comes back, refuses or says nonsense."""

import asyncio
import logging
from pathlib import Path
from random import Random

import pytest

from pipelines.clock import SystemClock
from pipelines.errors import SourceError, SourceNotFound, SourceRefused
from pipelines.records import ImuBatch, SourceState, SourceStatus
from pipelines.sources.wearable.replay import IMU_COLUMNS
from pipelines.sources.wearable.source import ImuSource
from services.demo.broker import Broker
from services.demo.imu_publisher import publish_imu
from tests.fakes import FakeClock

TOPIC = "wardwatch/ward-3/imu/wrist"
DEADLINE_S = 30.0


def source_at(address: str, *, fail_fast: bool = False) -> ImuSource:
    return ImuSource(
        "wrist", address, clock=SystemClock(), fail_fast=fail_fast, rng=Random(1)
    )


async def until_batch(source: ImuSource) -> None:
    async for item in source:
        if isinstance(item, ImuBatch):
            return


async def until(source: ImuSource, state: SourceState) -> SourceStatus:
    async for item in source:
        if isinstance(item, SourceStatus) and item.state == state:
            return item
    pytest.fail("the source ended")


@pytest.mark.slow
def test_it_outlives_a_restart_of_the_broker(tmp_path: Path) -> None:
    path = tmp_path / "x.wrist.imu.csv"
    rows = [f"{k / 50:.2f},0,0,9.8,0,0,0" for k in range(3000)]
    path.write_text("\n".join([",".join(IMU_COLUMNS), *rows]))

    async def scene() -> None:
        with Broker() as broker:
            address = broker.address(TOPIC)
            clock = SystemClock()
            wearable = asyncio.create_task(publish_imu(path, address, clock=clock))
            async with asyncio.timeout(DEADLINE_S), source_at(address) as source:
                await until(source, "online")
                broker.stop()
                broker.start()
                lost = await until(source, "offline")
                online = await until(source, "online")
                await until_batch(source)
            wearable.cancel()
            await asyncio.gather(wearable, return_exceptions=True)
        assert lost.reason == "the connection to the broker was lost"
        assert online.reconnects == 1
        assert source.counts.clock_steps == 0

    asyncio.run(scene())


@pytest.mark.slow
def test_it_waits_for_a_broker_that_is_not_there_yet() -> None:
    async def scene() -> None:
        with Broker() as broker:
            broker.stop()
            async with (
                asyncio.timeout(DEADLINE_S),
                source_at(broker.address(TOPIC)) as source,
            ):
                lost = await until(source, "offline")
                broker.start()
                found = await until(source, "connecting")
        assert lost.reason.startswith("no connection to the broker: ")
        assert "Connection refused" in lost.reason
        assert found.reason == "subscribed, no data yet"
        assert found.reconnects == 0

    asyncio.run(scene())


def test_a_broker_gone_for_ever_is_tried_again_every_half_minute_at_most() -> None:
    async def scene() -> None:
        clock = FakeClock()
        with Broker() as broker:
            broker.stop()
            address = broker.address(TOPIC)
            source = ImuSource("wrist", address, clock=clock, rng=Random(1))
            async with asyncio.timeout(DEADLINE_S), source:
                await until(source, "offline")
                for longest_s in (2, 4, 8, 16, 30, 30):
                    await clock.wait_for_sleepers()
                    clock.advance_s(longest_s)
                broker.start()
                await clock.wait_for_sleepers()
                clock.advance_s(30)
                await until(source, "connecting")

    asyncio.run(scene())


def test_the_pauses_begin_short_again_after_a_connection() -> None:
    async def scene() -> None:
        clock = FakeClock()
        with Broker() as broker:
            address = broker.address(TOPIC)
            source = ImuSource("wrist", address, clock=clock, rng=Random(1))
            async with asyncio.timeout(DEADLINE_S), source:
                await until(source, "connecting")
                for _ in range(4):
                    await until(source, "connecting")
                    broker.stop()
                    await until(source, "offline")
                    broker.start()
                    await clock.wait_for_sleepers()
                    clock.advance_s(2.0)

    asyncio.run(scene())


@pytest.mark.parametrize("login", ["", "ann:wrong-secret@"])
def test_a_refusal_is_raised_at_once_where_wanted(login: str) -> None:
    async def scene() -> None:
        with Broker(user="ann", password="secret") as broker:
            address = f"mqtt://{login}127.0.0.1:{broker.port}/{TOPIC}"
            shown = f"mqtt://127.0.0.1:{broker.port}/{TOPIC}"
            async with (
                asyncio.timeout(DEADLINE_S),
                source_at(address, fail_fast=True) as source,
            ):
                with pytest.raises(
                    SourceRefused,
                    match=rf"^{shown}: the broker refuses us \(Not authorized\); write "
                    r"user and password in the address$",
                ):
                    await until(source, "online")

    asyncio.run(scene())


def test_a_refusal_is_a_status_otherwise_and_shows_no_credentials(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> SourceStatus:
        with Broker(user="ann", password="secret") as broker:
            address = f"mqtt://ann:wrong-secret@127.0.0.1:{broker.port}/{TOPIC}"
            async with asyncio.timeout(DEADLINE_S), source_at(address) as source:
                return await until(source, "offline")

    with caplog.at_level(logging.DEBUG):
        status = asyncio.run(scene())
    assert "refuses us" in status.reason
    assert "secret" not in repr(status)
    assert caplog.records
    assert "secret" not in caplog.text


def test_the_right_credentials_are_let_in() -> None:
    async def scene() -> None:
        with Broker(user="ann", password="p@ss/:word") as broker:
            async with (
                asyncio.timeout(DEADLINE_S),
                source_at(broker.address(TOPIC), fail_fast=True) as source,
            ):
                await until(source, "connecting")
                assert (await until(source, "connecting")).reason.startswith("subscr")

    asyncio.run(scene())


def test_a_host_that_does_not_exist_is_told_at_once_where_wanted() -> None:
    async def scene() -> None:
        address = f"mqtt://no-such-host.invalid/{TOPIC}"
        async with source_at(address, fail_fast=True) as source:
            with pytest.raises(SourceNotFound, match=r"no connection to the broker: "):
                await until(source, "online")

    asyncio.run(scene())


@pytest.mark.slow
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100])
def test_a_server_that_is_no_broker_is_survived(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()  # until it hangs up
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        source = source_at(f"mqtt://127.0.0.1:{port}/{TOPIC}")
        async with server, asyncio.timeout(DEADLINE_S), source:
            status = await until(source, "offline")
        assert status.reason.startswith("no connection to the broker: ")

    asyncio.run(scene())


@pytest.mark.slow
def test_it_can_be_left_while_it_connects() -> None:
    async def scene() -> None:
        called = asyncio.Event()

        def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            called.set()  # and never answers
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            async with source_at(f"mqtt://127.0.0.1:{port}/{TOPIC}"):
                await called.wait()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_a_malformed_address_is_refused_at_once() -> None:
    with pytest.raises(SourceError, match=r"^mqtt://broker/\+: a wildcard"):
        ImuSource("wrist", "mqtt://ann:secret@broker/+", clock=SystemClock())
