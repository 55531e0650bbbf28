"""Tasks end, also those that miss a cancellation."""

import asyncio

import pytest

from services.tasks import end_tasks


@pytest.mark.slow
def test_a_task_that_misses_its_first_cancellation_ends_too() -> None:
    async def deaf() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    async def scene() -> list[bool]:
        tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60))]
        await asyncio.sleep(0)
        await asyncio.wait_for(end_tasks(tasks), 10)
        return [task.cancelled() for task in tasks]

    assert asyncio.run(scene()) == [True, True]
