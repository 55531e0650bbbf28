"""Tasks end, also those that miss a cancellation, or a process with them."""

import asyncio
import subprocess
import sys

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


@pytest.mark.parametrize(
    ("work", "code"), [("1 / 0", 1), ("task.cancel()", 0), ("pass", 0)]
)
def test_a_process_ends_when_a_task_that_it_needs_has_failed(
    work: str, code: int
) -> None:
    program = f"""
import asyncio
from services.tasks import die_of_failure

async def needed():
    {work}

async def main():
    global task
    task = asyncio.create_task(needed(), name="reading")
    task.add_done_callback(die_of_failure)
    await asyncio.wait([task])
    await asyncio.sleep(0)

asyncio.run(main())
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert ("reading failed" in ended.stderr) == (code == 1)
