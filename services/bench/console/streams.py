"""Pages that are open: plain readers of the console's stream, without a browser."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, final

import httpx2

from services.tasks import end_tasks

_ANSWER_S: Final = 30.0
_TILE: Final = b"event: tile\n"


@final
@dataclass(slots=True)
class Received:
    """What all open pages have received.

    Attributes:
        size_bytes: Size of all events.
        tiles: Number of tiles that have changed.
    """

    size_bytes: int = 0
    tiles: int = 0


@asynccontextmanager
async def open_pages(
    pages: int, url: str, name: str, password: str
) -> AsyncIterator[Received]:
    """Keep the streams of wall boards open, and count what they bring."""
    received = Received()
    login = {"name": name, "password": password}
    async with AsyncExitStack() as stack:
        client = httpx2.AsyncClient(base_url=url, timeout=_ANSWER_S, trust_env=False)
        await stack.enter_async_context(client)
        answer = await client.post("/login", data=login)
        if answer.is_error:
            answer.raise_for_status()
        tasks = []
        for number in range(pages):
            begun = asyncio.Event()
            reading = _read(client, received, begun)
            tasks.append(asyncio.create_task(reading, name=f"page {number}"))
            await asyncio.wait_for(begun.wait(), _ANSWER_S)
        try:
            yield received
        finally:
            await end_tasks(tasks)


async def _read(
    client: httpx2.AsyncClient, received: Received, begun: asyncio.Event
) -> None:
    async with client.stream("GET", "/stream", params={"tiles": "all"}) as answer:
        answer.raise_for_status()
        async for part in answer.aiter_raw():
            received.size_bytes += len(part)
            received.tiles += part.count(_TILE)
            begun.set()
