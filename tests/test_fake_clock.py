"""The clock for tests keeps its promises, by hand and by itself."""

import asyncio

import pytest

from pipelines.clock import NS_PER_S
from tests.fakes import FakeClock


def test_a_manual_clock_stands_still_until_it_is_told_the_time() -> None:
    clock = FakeClock(start_ns=5)
    assert clock.now_ns() == clock.now_ns() == 5
    clock.advance_s(1.5)
    assert clock.now_ns() == 5 + 3 * NS_PER_S // 2


def test_a_clock_refuses_to_go_back() -> None:
    clock = FakeClock(start_ns=5)
    with pytest.raises(ValueError, match=r"^time never goes back: it is 5 ns, .* 4$"):
        clock.move_to_ns(4)
    with pytest.raises(ValueError, match=r"^time never goes back"):
        clock.advance_s(-1.0)


def test_a_manual_clock_wakes_only_who_slept_long_enough() -> None:
    async def scene() -> list[str]:
        clock, woken = FakeClock(), list[str]()

        async def sleeper(name: str, duration_s: float) -> None:
            await clock.sleep_s(duration_s)
            woken.append(name)

        tasks = [
            asyncio.create_task(sleeper("long", 3.0)),
            asyncio.create_task(sleeper("short", 1.0)),
        ]
        await clock.wait_for_sleepers(2)
        clock.advance_s(2.0)
        await tasks[1]
        assert woken == ["short"]
        clock.advance_s(1.0)
        await tasks[0]
        return woken

    assert asyncio.run(scene()) == ["short", "long"]


def test_an_auto_advancing_clock_lets_sleepers_take_turns_in_time_order() -> None:
    async def scene() -> list[float]:
        clock, heard = FakeClock(start_ns=0, auto_advance=True), list[float]()

        async def beat(period_s: float, count: int) -> None:
            for _ in range(count):
                await clock.sleep_s(period_s)
                heard.append(clock.now_ns() / NS_PER_S)

        await asyncio.gather(beat(3600.0, 1), beat(1000.0, 4))
        return heard

    assert asyncio.run(scene()) == [1000.0, 2000.0, 3000.0, 3600.0, 4000.0]


def test_a_cancelled_sleeper_is_forgotten() -> None:
    async def scene() -> int:
        clock = FakeClock(start_ns=0, auto_advance=True)
        task = asyncio.create_task(clock.sleep_s(10.0))
        await clock.wait_for_sleepers()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await clock.sleep_s(1.0)
        return clock.now_ns()

    assert asyncio.run(scene()) == NS_PER_S
