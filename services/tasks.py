"""The orderly end of asyncio tasks."""

import asyncio
from collections.abc import Collection
from typing import Any

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
