"""Many sources at once: whatever has arrived by now, one item of each.

Each source is asked for one item at a time and, once that was taken, for the next on
the next turn. So a recording waits for whoever reads it, and a live camera that is
not asked drops what it must by itself.
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
from types import TracebackType
from typing import Generic, TypeVar, final

logger = logging.getLogger(__name__)

Key = TypeVar("Key")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class Arrival(Generic[Key, Item]):
    """What came of a source: an item, or its end (None), or the error it ended by."""

    source: Key
    item: Item | None
    error: BaseException | None = None


@final
class Gathering(Generic[Key, Item]):
    """Reads sources side by side; leaving it stops them and waits until they stopped.

    Async generators are closed, other sources belong to whoever opened them.

    Args:
        sources: Every source by a key of the caller's.
    """

    def __init__(self, sources: Mapping[Key, AsyncIterable[Item]]) -> None:
        self._iterators: dict[Key, AsyncIterator[Item]] = {}
        self._pulls: dict[Key, asyncio.Task[Item | None]] = {}
        self._changed = asyncio.Event()
        for key, source in sources.items():
            self.add(key, source)

    @property
    def keys(self) -> frozenset[Key]:
        """The sources that have not ended."""
        return frozenset(self._iterators)

    async def __aenter__(self) -> "Gathering[Key, Item]":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        drops = [self.drop(key) for key in self.keys]
        for failure in await asyncio.gather(*drops, return_exceptions=True):
            if failure is not None:
                logger.warning("a source did not close: %s", failure)

    def add(self, key: Key, source: AsyncIterable[Item]) -> None:
        """Read another source from now on.

        Raises:
            ValueError: If the key is taken.
        """
        if key in self._iterators:
            msg = f"{key} is read already"
            raise ValueError(msg)
        self._iterators[key] = aiter(source)
        self._changed.set()

    async def turn(
        self, alarm: Coroutine[None, None, None] | None = None
    ) -> list[Arrival[Key, Item]]:
        """Wait until a source has something; return it with all that came beside it.

        At most one arrival of each source, in the order that the sources were given;
        none if sources were added or dropped meanwhile, or the alarm went off.

        Args:
            alarm: A sleep after which the turn ends though nothing came.
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
        if alarm is not None:
            wakers.append(asyncio.create_task(alarm, name="alarm"))
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
        """Stop a source; does nothing if it has ended."""
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
