"""A clock that leaps ahead wakes its sleepers, in every process that shares it."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection

from pipelines.clock import NS_PER_S
from services.bench.crash.leaping_clock import LeapingClock, Leapt, shared_leapt

HOUR_S = 3600.0


def sleep_an_hour(pipe: Connection, leapt: Leapt) -> None:
    """Answer when the sleep has begun, and with its length when it ends."""

    async def scene() -> None:
        clock = LeapingClock(leapt)
        began_ns = clock.now_ns()
        sleeping = asyncio.create_task(clock.sleep_s(HOUR_S))
        await asyncio.sleep(0)
        pipe.send(0)
        await sleeping
        pipe.send(clock.now_ns() - began_ns)

    asyncio.run(scene())


def test_a_sleeper_in_another_process_wakes_when_its_time_is_leapt_over() -> None:
    leapt, context = shared_leapt(), multiprocessing.get_context("forkserver")
    pipe, far_end = context.Pipe()
    arguments = far_end, leapt
    process = context.Process(target=sleep_an_hour, args=arguments, daemon=True)
    process.start()
    assert pipe.recv() == 0
    clock = LeapingClock(leapt)
    clock.leap_s(HOUR_S - 60)
    assert not pipe.poll(0.1)  # a minute is left
    clock.leap_s(60)
    assert pipe.recv() >= HOUR_S * NS_PER_S
    process.join()


def test_without_leaps_it_is_the_system_s_clock() -> None:
    clock = LeapingClock(shared_leapt())
    began_ns = clock.now_ns()
    asyncio.run(clock.sleep_s(0.05))
    assert 0.05 * NS_PER_S <= clock.now_ns() - began_ns < 60 * NS_PER_S
    assert clock.correction_ns() == 0
