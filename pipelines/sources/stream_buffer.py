"""A bounded buffer from a producer thread to a consumer coroutine."""

import asyncio
import threading
from collections import deque
from typing import Generic, TypeVar, final

Item = TypeVar("Item")


class BufferClosed(Exception):
    """The buffer is empty and closed."""


@final
class StreamBuffer(Generic[Item]):
    """A FIFO buffer that drops the oldest item when full, or blocks the producer.

    The value of live pictures falls with their age: the oldest is dropped and counted.
    Recorded pictures must not be lost: the producer waits.

    Construct it in the thread of the event loop. ``put`` and ``close`` may be called
    from any thread, ``get`` from one coroutine of that loop.

    Args:
        capacity: Greatest number of waiting items, at least 1; items put with ``kept``
            do not count.
        lossless: Whether the producer waits when the buffer is full.

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
        """Number of dropped items since construction."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """Number of waiting items, without those put with ``kept``."""
        return self._bounded

    @property
    def empty(self) -> bool:
        """Whether the buffer is empty."""
        return not self._items

    def put(self, item: Item, *, kept: bool = False) -> None:
        """Append an item; after ``close`` the item is discarded.

        A ``kept`` item is never dropped; it needs no room and no wait.
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
        """Reject further items and release a waiting producer; ``get`` still works."""
        with self._change:
            if not self._closed:
                self._closed = True
                self._change.notify_all()
                self._loop.call_soon_threadsafe(self._arrival.set)

    async def get(self) -> Item:
        """Wait for an item, and return the oldest.

        Raises:
            BufferClosed: If the buffer is empty and closed.
        """
        while True:
            with self._change:
                if self._items:
                    return self._pop()
                if self._closed:
                    raise BufferClosed
                self._arrival.clear()
            await self._arrival.wait()

    def _pop(self) -> Item:
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
