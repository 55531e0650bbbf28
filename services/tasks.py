"""End asyncio tasks, pause them, and end the process when one has failed."""

import asyncio
import logging
import os
from collections.abc import Collection
from typing import Any

from pipelines.clock import Clock

logger = logging.getLogger(__name__)

_REPEAT_S = 0.5


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when all have ended.

    A task that has not ended is cancelled again every half second: before Python 3.12,
    ``asyncio.wait_for`` loses a cancellation that comes together with its answer.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_REPEAT_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def sleep_or(event: asyncio.Event, clock: Clock, longest_s: float) -> None:
    """Sleep until an event is set, but not for longer than ``longest_s`` seconds."""
    waits = [
        asyncio.create_task(clock.sleep_s(longest_s)),
        asyncio.create_task(event.wait()),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_tasks(waits)


def die_of_failure(task: asyncio.Task[Any]) -> None:
    """End the process if a task has failed, so that its parent starts it again.

    A callback of tasks that a process cannot do without; a cancelled task has not
    failed.
    """
    if not task.cancelled() and task.exception() is not None:
        logger.critical("%s failed", task.get_name(), exc_info=task.exception())
        os._exit(1)
