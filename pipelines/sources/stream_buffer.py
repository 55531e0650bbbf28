"""A bounded buffer from a thread that produces to a coroutine that consumes."""

import asyncio
import threading
from collections import deque
from typing import Generic, TypeVar, final

Item = TypeVar("Item")


class BufferClosed(Exception):
    """Nothing is left in the buffer, and nothing will come."""


@final
class StreamBuffer(Generic[Item]):
    """Keeps order; when full, lets go of the oldest, or has the producer wait.

    Live pictures are worth less the older they are: the oldest goes, and is counted.
    Of recorded ones none may be lost: the producer waits.

    Construct it where the event loop runs. ``put`` and ``close`` may be called from
    any thread, ``get`` from one coroutine of that loop.

    Args:
        capacity: How many items wait at most, at least 1; kept ones do not count.
        lossless: Whether the producer waits when it is full.

    Raises:
        ValueError: If ``capacity`` is under 1.
    """

    def __init__(self, capacity: int, *, lossless: bool = False) -> None:
        if capacity < 1:
            msg = f"capacity must be at least 1, got {capacity}"
            raise ValueError(msg)
        self._capacity = capacity
        self._lossless = lossless
        self._items: deque[tuple[Item, bool]] = deque()
        self._bounded = 0
        self._dropped = 0
        self._closed = False
        self._change = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._arrival = asyncio.Event()

    @property
    def dropped(self) -> int:
        """How many items it let go of since it was made."""
        return self._dropped

    @property
    def empty(self) -> bool:
        """Whether whoever gets must wait."""
        return not self._items

    def put(self, item: Item, *, kept: bool = False) -> None:
        """Append an item; after ``close`` it goes nowhere.

        Args:
            item: What to hand over.
            kept: Whether it must arrive however full the buffer is; never waits.
        """
        with self._change:
            if not kept:
                self._make_room()
            if self._closed:
                return
            self._items.append((item, kept))
            self._bounded += not kept
            self._loop.call_soon_threadsafe(self._arrival.set)

    def close(self) -> None:
        """Take nothing more; whoever waits to put returns, what is in can be got."""
        with self._change:
            if not self._closed:
                self._closed = True
                self._change.notify_all()
                self._loop.call_soon_threadsafe(self._arrival.set)

    async def get(self) -> Item:
        """Return the oldest item, once there is one.

        Raises:
            BufferClosed: If it is empty and closed.
        """
        while True:
            with self._change:
                if self._items:
                    return self._take()
                if self._closed:
                    raise BufferClosed
                self._arrival.clear()
            await self._arrival.wait()

    def _take(self) -> Item:
        item, kept = self._items.popleft()
        if not kept:
            self._bounded -= 1
            self._change.notify()
        return item

    def _make_room(self) -> None:
        if self._lossless:
            self._change.wait_for(
                lambda: self._closed or self._bounded < self._capacity
            )
        elif self._bounded == self._capacity:
            oldest = next(n for n, (_, kept) in enumerate(self._items) if not kept)
            del self._items[oldest]
            self._bounded -= 1
            self._dropped += 1
