"""One wearable and a real broker: what becomes of its messages."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import aiomqtt
import numpy as np
import pytest

from pipelines.clock import SystemClock
from pipelines.records import ImuBatch, SourceState, SourceStatus
from pipelines.sources.wearable.mapping import PayloadMapping
from pipelines.sources.wearable.payload import encode_imu_payload
from pipelines.sources.wearable.source import ImuSource
from services.demo.broker import Broker
from tests.fakes import FakeClock

TOPIC = "wardwatch/ward-3/imu/wrist"
DEADLINE_S = 20.0
START_NS = 1_700_000_000 * 10**9

Send = Callable[[bytes], Awaitable[None]]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


def message(index: int) -> bytes:
    """Return the message of the ``index``-th fifth of a second."""
    values = np.full((10, 3), index, np.float32)
    return encode_imu_payload(START_NS + index * 200_000_000, 50.0, values, values)


async def next_batch(source: ImuSource) -> ImuBatch:
    async for item in source:
        if isinstance(item, ImuBatch):
            return item
    pytest.fail("the source ended")


async def next_status(source: ImuSource, state: SourceState) -> SourceStatus:
    async for item in source:
        if isinstance(item, SourceStatus) and item.state == state:
            return item
    pytest.fail("the source ended")


@asynccontextmanager
async def listening(
    broker: Broker,
    clock: FakeClock,
    *,
    most_batches: int = 256,
    mapping: PayloadMapping | None = None,
) -> AsyncIterator[tuple[ImuSource, Send]]:
    """Yield a source that has subscribed, and what sends it a message after 0.2 s."""
    source = ImuSource(
        "wrist",
        broker.address(TOPIC),
        clock=clock,
        most_batches=most_batches,
        mapping=mapping,
    )
    async with (
        asyncio.timeout(DEADLINE_S),
        aiomqtt.Client("127.0.0.1", broker.port) as client,
        source,
    ):
        while (await next_status(source, "connecting")).reason == "":
            pass

        async def send(payload: bytes) -> None:
            clock.advance_s(0.2)
            await client.publish(TOPIC, payload, qos=1)

        yield source, send


def test_messages_arrive_as_batches(broker: Broker) -> None:
    async def scene() -> None:
        async with listening(broker, FakeClock(START_NS)) as (source, send):
            batches = []
            for index in range(5):
                await send(message(index))
                batches.append(await next_batch(source))
        assert [batch.accel_mps2[0, 0] for batch in batches] == [0, 1, 2, 3, 4]
        assert all(len(batch.timestamps_ns) == 10 for batch in batches)
        assert source.counts.messages == 5

    asyncio.run(scene())


def test_messages_of_a_vendor_arrive_by_their_mapping(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    mapping = PayloadMapping(accel=["/acc"], accel_unit="mg", rate_hz=25.0)

    async def scene() -> None:
        clock = FakeClock(START_NS)
        async with listening(broker, clock, mapping=mapping) as (source, send):
            await send(b'{"acc": [1, 2]}')
            await send(b'{"acc": [0, 0, 1000, 0, 0, 500], "HR": 61}')
            batch = await next_batch(source)
        assert batch.accel_mps2[:, 2] == pytest.approx([9.80665, 4.903325])
        assert not batch.gyro_radps.any()
        assert (source.counts.messages, source.counts.malformed) == (2, 1)

    asyncio.run(scene())
    (line,) = [line for line in caplog.messages if "dropped a message" in line]
    assert line.endswith(f"{TOPIC}: /acc: 2 values, expected x, y and z of each sample")


def test_the_first_batch_puts_it_online_and_tells_the_offset(broker: Broker) -> None:
    async def scene() -> None:
        clock = FakeClock(START_NS + 2_000_000_000)
        async with listening(broker, clock) as (source, send):
            await send(message(0))
            status = await next_status(source, "online")
        assert status.time_base == "sender"
        assert status.reason == "its clock is +2.020 s from ours"
        assert source.counts.clock_offset_ns == 2_020_000_000

    asyncio.run(scene())


def test_the_offset_is_told_against_our_clock_as_it_was_set_later(
    broker: Broker,
) -> None:
    async def scene() -> None:
        clock = FakeClock(START_NS - 31 * 86_400 * 10**9)  # a month behind
        async with listening(broker, clock) as (source, send):
            await send(message(0))
            first = await next_status(source, "online")
            before = await next_batch(source)
            clock.correct_s(31 * 86_400)
            await send(message(1))
            second = await next_status(source, "online")
            after = await next_batch(source)
        assert first.reason == "its clock is -2678399.980 s from ours"
        assert second.reason == "its clock is +0.020 s from ours"
        # The samples' own times go on as if nothing had happened.
        passed_ns = after.timestamps_ns[0] - before.timestamps_ns[0]
        assert passed_ns == 200_000_000

    asyncio.run(scene())


def test_a_message_of_the_future_is_counted_and_dropped(broker: Broker) -> None:
    async def scene() -> None:
        async with listening(broker, FakeClock(START_NS)) as (source, send):
            await send(message(0))
            await next_batch(source)
            await send(message(60))
            await send(message(2))
            batch = await next_batch(source)
        assert batch.accel_mps2[0, 0] == 2
        assert source.counts.future_samples == 10

    asyncio.run(scene())


BAD = {
    "bad JSON": b"{",
    "no UTF-8": b"\xff",
    "NaN": message(0).replace(b"0.0", b"NaN", 1),
    "wrong shape": message(0).replace(b"[0.0,0.0,0.0]", b"[0.0,0.0]", 1),
    "sample rate 0": message(0).replace(b'"rate_hz":50.0', b'"rate_hz":0'),
    "unknown version": message(0).replace(b'"v":1', b'"v":2'),
    "empty": b"",
    "nested": b"[" * 100_000,
    "two megabytes": b" " * 2_000_000,
}


def test_the_bad_messages_are_those_meant() -> None:
    assert json.loads(message(0))["v"] == 1
    assert len(set(BAD.values())) == len(BAD)
    assert message(0) not in BAD.values()


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD)
def test_a_bad_message_is_counted_and_the_next_good_one_arrives(
    broker: Broker, payload: bytes
) -> None:
    async def scene() -> None:
        async with listening(broker, FakeClock(START_NS)) as (source, send):
            await send(payload)
            await send(message(1))
            batch = await next_batch(source)
        assert batch.accel_mps2[0, 0] == 1
        assert source.counts.malformed == 1

    asyncio.run(scene())


@pytest.mark.slow
def test_a_hundred_megabytes_are_counted_and_the_next_good_message_arrives(
    broker: Broker,
) -> None:
    async def scene() -> None:
        async with listening(broker, FakeClock(START_NS)) as (source, send):
            await send(b" " * 100_000_000)
            await send(message(1))
            await next_batch(source)
        assert source.counts.malformed == 1

    asyncio.run(scene())


def test_bad_messages_are_warned_of_at_a_bounded_rate(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        clock = FakeClock(START_NS)
        async with listening(broker, clock) as (source, send):
            for index in range(20):
                if index == 19:
                    clock.advance_s(10.0)
                await send(b"{")
                await send(message(2 * index + 1))
                await next_batch(source)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    lines = [record.getMessage() for record in caplog.records]
    problem = f"{TOPIC}: payload: not JSON: Expecting property name"
    assert len(lines) == 2
    assert lines[0].startswith(f"wrist: dropped a message, 1 so far: {problem}")
    assert lines[1].startswith(f"wrist: dropped a message, 20 so far: {problem}")


def test_a_silent_wearable_stalls_and_comes_back(broker: Broker) -> None:
    async def scene() -> None:
        clock = FakeClock(START_NS)
        async with listening(broker, clock) as (source, send):
            await send(message(0))
            await next_batch(source)
            await clock.wait_for_sleepers()
            clock.advance_s(5.0)
            status = await next_status(source, "stalled")
            assert status.reason == "no data for 5 s"
            assert status.since_ns == START_NS + 5_200_000_000
            await send(message(25))
            await next_status(source, "online")
            await next_batch(source)

    asyncio.run(scene())


@pytest.mark.parametrize("samples", [250, 1], ids=["long batches", "rare samples"])
def test_a_wearable_that_sends_each_five_seconds_is_not_silent_in_between(
    broker: Broker, samples: int
) -> None:
    values = np.zeros((samples, 3), np.float32)

    async def scene() -> list[SourceState]:
        clock, states = FakeClock(START_NS), list[SourceState]()
        async with listening(broker, clock) as (source, send):
            for number in range(8):
                await clock.wait_for_sleepers()
                clock.advance_s(4.9)  # and 0.2 s pass as it is sent
                first_ns = clock.now_ns() - (samples - 1) * 20_000_000
                await send(encode_imu_payload(first_ns, 50.0, values, values))
                async for item in source:
                    if isinstance(item, ImuBatch):
                        break
                    if number > 3:  # nobody knows at first how often it sends
                        states.append(item.state)
            for _ in range(3):
                await clock.wait_for_sleepers()
                clock.advance_s(13.0)
                await asyncio.sleep(0)
            states.append((await next_status(source, "stalled")).state)
        return states

    assert asyncio.run(scene()) == ["stalled"]


def test_a_wearable_that_sends_nothing_but_rubbish_stalls(broker: Broker) -> None:
    async def scene() -> None:
        clock = FakeClock(START_NS)
        async with listening(broker, clock) as (source, send):
            await clock.wait_for_sleepers()
            clock.advance_s(4.5)
            await send(b"{")
            clock.advance_s(0.3)
            status = await next_status(source, "stalled")
        assert status.since_ns == START_NS + 5_000_000_000

    asyncio.run(scene())


def test_what_nobody_fetches_gives_way_to_newer_batches(broker: Broker) -> None:
    async def scene() -> None:
        clock = FakeClock(START_NS)
        async with listening(broker, clock, most_batches=3) as (source, send):
            for index in reversed(range(10)):  # late ones are taken at any pace
                await send(message(index))
            async with aiomqtt.Client("127.0.0.1", broker.port) as other:
                while source.counts.messages < 10:
                    await other.publish("other", b"", qos=1)
            batches = [await next_batch(source) for _ in range(3)]
        assert [batch.accel_mps2[0, 0] for batch in batches] == [2, 1, 0]
        assert source.counts.dropped_batches == 7

    asyncio.run(scene())


def test_a_message_that_the_broker_kept_is_dropped_and_counted(broker: Broker) -> None:
    async def scene() -> None:
        topic = f"{TOPIC}/kept"
        async with (
            asyncio.timeout(DEADLINE_S),
            aiomqtt.Client("127.0.0.1", broker.port) as client,
        ):
            await client.publish(topic, message(0), qos=1, retain=True)
            source = ImuSource("wrist", broker.address(topic), clock=SystemClock())
            async with source:
                while (await next_status(source, "connecting")).reason == "":
                    pass
                await client.publish(topic, message(1), qos=1)
                batch = await next_batch(source)
        assert batch.accel_mps2[0, 0] == 1
        assert source.counts.retained == 1

    asyncio.run(scene())
