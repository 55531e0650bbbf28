"""The orderly end of asyncio tasks."""

import asyncio
from collections.abc import Collection

_AGAIN_S = 0.5


async def end_tasks(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, and return when all are over.

    More than once: before Python 3.12, ``asyncio.wait_for`` forgets a cancellation that
    comes together with its answer.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
