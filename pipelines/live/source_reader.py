"""Concurrent reading of many sources, at most one item of each per turn.

The next item of a source is requested on the turn after its last item was returned. So
a recording is read no faster than it is consumed, and a live camera that is not read
drops items by itself.
"""

import asyncio
import logging
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Coroutine,
    Mapping,
)
from dataclasses import dataclass
from typing import Generic, TypeVar, final

logger = logging.getLogger(__name__)

Key = TypeVar("Key")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class Arrival(Generic[Key, Item]):
    """The result of reading a source: an item, its end (None), or its error."""

    source: Key
    item: Item | None
    error: BaseException | None = None


@final
class SourceReader(Generic[Key, Item]):
    """Concurrent reader of sources; leaving its context stops the reading and waits.

    Async generators are closed; the caller closes other sources.
    """

    def __init__(self, sources: Mapping[Key, AsyncIterable[Item]]) -> None:
        self._iterators: dict[Key, AsyncIterator[Item]] = {}
        self._pulls: dict[Key, asyncio.Task[Item | None]] = {}
        self._changed = asyncio.Event()
        for key, source in sources.items():
            self.add(key, source)

    @property
    def keys(self) -> frozenset[Key]:
        """Keys of the sources that have not ended."""
        return frozenset(self._iterators)

    async def __aenter__(self) -> "SourceReader[Key, Item]":
        return self

    async def __aexit__(self, *_: object) -> None:
        drops = [self.drop(key) for key in self.keys]
        for failure in await asyncio.gather(*drops, return_exceptions=True):
            if failure is not None:
                logger.warning("a source did not close: %s", failure)

    def add(self, key: Key, source: AsyncIterable[Item]) -> None:
        """Add a source.

        Raises:
            ValueError: If the key is in use.
        """
        if key in self._iterators:
            msg = f"{key} is read already"
            raise ValueError(msg)
        self._iterators[key] = aiter(source)
        self._changed.set()

    async def next_arrivals(
        self, timer: Coroutine[None, None, None] | None = None
    ) -> list[Arrival[Key, Item]]:
        """Wait for the first arrival; return all arrivals of that moment.

        Returns:
            At most one arrival of each source, in the order in which the sources were
            added. May be empty if a source was added or dropped meanwhile, or the
            timer ended.

        ``timer`` is a sleep that ends the turn even if nothing arrived.
        """
        self._changed.clear()
        for key, iterator in self._iterators.items():
            if key not in self._pulls:
                self._pulls[key] = asyncio.create_task(
                    _pull(iterator), name=f"read {key}"
                )
        wakers: list[asyncio.Task[object]] = [
            asyncio.create_task(self._changed.wait(), name="sources changed")
        ]
        if timer is not None:
            wakers.append(asyncio.create_task(timer, name="timer"))
        try:
            await asyncio.wait(
                (*self._pulls.values(), *wakers), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for waker in wakers:
                waker.cancel()
        done = [
            key
            for key in self._iterators
            if key in self._pulls and self._pulls[key].done()
        ]
        return [self._arrival(key) for key in done]

    async def drop(self, key: Key) -> None:
        """Stop reading a source; do nothing if it has ended."""
        iterator = self._iterators.pop(key, None)
        if iterator is None:
            return
        self._changed.set()
        pull = self._pulls.pop(key, None)
        if pull is not None:
            pull.cancel()
            await asyncio.gather(pull, return_exceptions=True)
        if isinstance(iterator, AsyncGenerator):
            await iterator.aclose()

    def _arrival(self, key: Key) -> Arrival[Key, Item]:
        pull = self._pulls.pop(key)
        error = pull.exception()
        item = None if error is not None else pull.result()
        if item is None:
            del self._iterators[key]
        return Arrival(source=key, item=item, error=error)


async def _pull(iterator: AsyncIterator[Item]) -> Item | None:
    return await anext(iterator, None)
