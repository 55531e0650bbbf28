"""The buffer between a thread and a coroutine."""

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.stream_buffer import BufferClosed, StreamBuffer


async def drain(buffer: StreamBuffer[int]) -> list[int]:
    items = []
    try:
        while True:
            items.append(await buffer.get())
    except BufferClosed:
        return items


def test_the_newest_win_and_what_is_let_go_is_counted() -> None:
    async def run() -> tuple[list[int], int]:
        buffer = StreamBuffer[int](3)
        for n in range(10):
            buffer.put(n)
        buffer.close()
        return await drain(buffer), buffer.dropped

    assert asyncio.run(run()) == ([7, 8, 9], 7)


def test_kept_items_arrive_in_their_place_however_full_it_is() -> None:
    async def run() -> list[int]:
        buffer = StreamBuffer[int](1)
        for n in range(5):
            buffer.put(n)
            buffer.put(100 + n, kept=True)
        buffer.close()
        return await drain(buffer)

    assert asyncio.run(run()) == [100, 101, 102, 103, 4, 104]


@given(
    st.integers(1, 5),
    st.lists(st.sampled_from(["put", "keep", "get"]), max_size=40),
)
def test_nothing_is_lost_but_the_oldest_and_the_count_is_true(
    capacity: int, steps: list[str]
) -> None:
    async def run() -> None:
        buffer = StreamBuffer[int](capacity)
        model: list[tuple[int, bool]] = []
        dropped = 0
        for n, step in enumerate(steps):
            if step == "get":
                if model:
                    assert await buffer.get() == model.pop(0)[0]
                continue
            kept = step == "keep"
            bounded = [entry for entry in model if not entry[1]]
            if not kept and len(bounded) == capacity:
                model.remove(bounded[0])
                dropped += 1
            model.append((n, kept))
            buffer.put(n, kept=kept)
        buffer.close()
        assert await drain(buffer) == [n for n, _ in model]
        assert buffer.dropped == dropped

    asyncio.run(run())


def test_a_lossless_producer_waits_for_room() -> None:
    async def run() -> tuple[list[int], int, int]:
        buffer = StreamBuffer[int](3, lossless=True)
        ahead, got = 0, 0

        def produce() -> None:
            nonlocal ahead
            for n in range(500):
                buffer.put(n)
                ahead = max(ahead, n + 1 - got)
            buffer.close()

        producer = threading.Thread(target=produce)
        producer.start()
        items = []
        for _ in range(500):
            items.append(await buffer.get())
            got += 1
        await asyncio.to_thread(producer.join)
        return items, buffer.dropped, ahead

    items, dropped, ahead = asyncio.run(run())
    assert items == list(range(500))
    assert dropped == 0
    assert ahead <= 3 + 1  # one may be out of the buffer and not yet counted


def test_closing_lets_a_waiting_producer_go() -> None:
    async def run() -> list[int]:
        buffer = StreamBuffer[int](1, lossless=True)
        buffer.put(0)  # now it is full
        producer = threading.Thread(target=buffer.put, args=(1,), daemon=True)
        producer.start()
        buffer.close()
        await asyncio.to_thread(producer.join, 5)
        assert not producer.is_alive()
        return await drain(buffer)

    assert asyncio.run(run()) == [0]


def test_a_consumer_that_waits_is_woken_by_the_end() -> None:
    async def run() -> list[int]:
        buffer = StreamBuffer[int](1)
        consumer = asyncio.create_task(drain(buffer))
        await asyncio.sleep(0)
        buffer.put(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        buffer.close()
        buffer.put(2)
        return await consumer

    assert asyncio.run(run()) == [1]


def test_a_buffer_for_nothing_is_refused() -> None:
    async def run() -> None:
        StreamBuffer[int](0)

    with pytest.raises(ValueError, match=r"^capacity must be at least 1, got 0$"):
        asyncio.run(run())
