"""Sources read side by side, one item of each at a time."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from pipelines.live.source_reader import SourceReader
from tests.fakes import FakeClock


async def count_to(last: int) -> AsyncGenerator[int, None]:
    for number in range(1, last + 1):
        yield number


async def wait_for(event: asyncio.Event) -> AsyncGenerator[int, None]:
    await event.wait()
    yield 100


def test_a_turn_gives_one_item_of_each_source_in_the_order_of_the_sources() -> None:
    async def scene() -> list[list[tuple[str, int | None]]]:
        turns = []
        async with SourceReader({"a": count_to(2), "b": count_to(1)}) as reader:
            while reader.keys:
                arrivals = await reader.next_arrivals()
                turns.append([(each.source, each.item) for each in arrivals])
        return turns

    assert asyncio.run(scene()) == [
        [("a", 1), ("b", 1)],
        [("a", 2), ("b", None)],
        [("a", None)],
    ]


def test_a_source_that_waits_holds_no_other_back_and_loses_nothing() -> None:
    async def scene() -> list[tuple[str, int | None]]:
        event, arrived = asyncio.Event(), []
        async with SourceReader({"late": wait_for(event), "a": count_to(2)}) as reader:
            while reader.keys:
                for each in await reader.next_arrivals():
                    arrived.append((each.source, each.item))
                    if each.item == 2:
                        event.set()
        return arrived

    arrived = asyncio.run(scene())
    assert [item for name, item in arrived if name == "a"] == [1, 2, None]
    assert [item for name, item in arrived if name == "late"] == [100, None]
    assert arrived[:2] == [("a", 1), ("a", 2)]


def test_a_source_that_raises_arrives_with_its_error_and_is_gone() -> None:
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        msg = "gone"
        raise ConnectionError(msg)

    async def scene() -> str:
        async with SourceReader({"a": failing()}) as reader:
            await reader.next_arrivals()
            (arrival,) = await reader.next_arrivals()
            assert arrival.item is None
            assert reader.keys == frozenset()
            return repr(arrival.error)

    assert asyncio.run(scene()) == "ConnectionError('gone')"


def test_a_dropped_source_is_closed_and_dropping_it_again_does_nothing() -> None:
    closed = list[str]()

    async def source() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            closed.append("source")

    async def scene() -> None:
        async with SourceReader({"a": source()}) as reader:
            await reader.next_arrivals()
            await reader.drop("a")
            assert closed == ["source"]
            await reader.drop("a")
            assert reader.keys == frozenset()

    asyncio.run(scene())


class Ticket:
    """A source that is no generator: whoever opened it closes it."""

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        return 7


def test_a_source_need_not_be_a_generator() -> None:
    async def scene() -> int | None:
        async with SourceReader({"a": Ticket()}) as reader:
            (arrival,) = await reader.next_arrivals()
            return arrival.item

    assert asyncio.run(scene()) == 7


def test_a_source_that_fails_to_close_is_logged_and_the_others_are_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed = list[str]()

    async def source(name: str, problem: str | None) -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            closed.append(name)
            if problem is not None:
                raise OSError(problem)

    async def scene() -> None:
        both = {"a": source("a", "stuck"), "b": source("b", None)}
        async with SourceReader(both) as reader:
            await reader.next_arrivals()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert sorted(closed) == ["a", "b"]
    assert "a source did not close" in caplog.text


def test_an_alarm_ends_a_turn_in_which_nothing_came() -> None:
    async def scene() -> None:
        event, clock = asyncio.Event(), FakeClock(0, auto_advance=True)
        async with SourceReader({"late": wait_for(event)}) as reader:
            assert await reader.next_arrivals(clock.sleep_s(3.0)) == []
            assert clock.now_ns() == 3_000_000_000
            event.set()
            (arrival,) = await reader.next_arrivals(clock.sleep_s(3.0))
            assert arrival.item == 100
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == 1  # an alarm that is not needed ends

    asyncio.run(scene())
