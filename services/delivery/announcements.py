"""Announcements to Home Assistant, and the withdrawal of outdated ones.

The store keeps each topic before anything is published there, until the broker has
deleted its message. So the announcement of a subject that was removed while the service
or the broker was down is withdrawn later, and so are all when they are switched off.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final, cast, final, get_args

from pipelines.clock import Clock
from services.delivery.home_assistant import (
    PREFIX,
    discovery,
    migration,
    old_topics,
    withdrawal,
)
from services.hub.topics import KeptKind, Topics
from services.store.outbox import Message
from services.store.store import Store

_NOTE, _PLACE = "announced", "place of topics"
_SETTLING_S: Final = 2.0
"""Time for Home Assistant to unload an entity before its device is announced."""


@final
class Announcements:
    """The announcements of a site."""

    def __init__(
        self,
        store: Store,
        topics: Topics,
        events: Sequence[str],
        clock: Clock,
        *,
        is_on: bool,
    ) -> None:
        self._store, self._topics, self._clock = store, topics, clock
        self._events, self._is_on = events, is_on
        self._wanted: dict[str, Message] = {}
        self._noted: dict[str, bool] = {}
        self._pauses: set[str] = set()

    async def expect(self, subjects: Collection[str], before: Collection[str]) -> None:
        """Set the subjects to announce.

        ``before`` are those when the store was last written.

        Raises:
            StoreError: If the topics cannot be stored.
        """
        noted = await asyncio.to_thread(self._store.notes.recall, _NOTE)
        if noted is None:
            self._noted = await self._announced_by_0_1({*subjects, *before})
        else:
            self._noted = cast("dict[str, bool]", noted)
        self._wanted = {}
        if self._is_on:
            found = (discovery(self._topics, name, self._events) for name in subjects)
            self._wanted = {message.topic: message for message in found}
        self._noted |= dict.fromkeys(self._wanted, False)
        await asyncio.to_thread(self._store.notes.note, _NOTE, dict(self._noted))

    async def left_behind(
        self, subjects: Collection[str], now_ns: int
    ) -> list[Message]:
        """Return the withdrawals of statuses under an earlier prefix or site name."""
        before = await asyncio.to_thread(self._store.notes.recall, _PLACE)
        if before in (None, [self._topics.prefix, self._topics.site]):
            return []
        old = Topics(*cast("list[str]", before))
        forgotten = [
            message
            for name in subjects
            for message in (
                old.forget(name, now_ns),
                *(old.kept(name, kind, None, now_ns) for kind in get_args(KeptKind)),
            )
        ]
        return [*forgotten, old.forget_site(now_ns)]

    async def settled(self) -> None:
        """Store the site's prefix and name, once the withdrawals are stored."""
        place = [self._topics.prefix, self._topics.site]
        await asyncio.to_thread(self._store.notes.note, _PLACE, place)

    def messages(self) -> list[Message]:
        """Return all announcements and withdrawals, in their order.

        Home Assistant migrates single components to a device in three steps: announce
        the migration, announce the device, withdraw the components.
        """
        gone = [topic for topic in self._noted if topic not in self._wanted]
        moves = [
            migration(topic)
            for topic in gone
            if self._noted[topic] and self._device_of(topic) in self._wanted
        ]
        wanted = list(self._wanted.values())
        self._pauses = {group[-1].topic for group in (moves, wanted) if moves and group}
        return [*moves, *wanted, *(withdrawal(topic) for topic in gone)]

    async def announced(self, message: Message) -> None:
        """Record that one of the messages is delivered."""
        topic = message.topic
        if not message.payload and topic in self._noted and topic not in self._wanted:
            del self._noted[topic]
            await asyncio.to_thread(self._store.notes.note, _NOTE, dict(self._noted))
        elif topic in self._pauses:
            self._pauses.discard(topic)
            await self._clock.sleep_s(_SETTLING_S)

    async def _announced_by_0_1(self, subjects: Collection[str]) -> dict[str, bool]:
        """Return the topics of version 0.1, which announced without storing them.

        If announcements are off, these are only the topics that the outbox still knows:
        an empty message to a broker of others needs a reason.
        """
        known = await asyncio.to_thread(self._store.outbox.discard, PREFIX)
        older = [old_topics(self._topics, name) for name in subjects]
        found = {
            topic: is_same
            for topics in older
            for topic, is_same in topics.items()
            if self._is_on or topic in known
        }
        return dict.fromkeys(known, False) | found

    def _device_of(self, topic: str) -> str:
        _, _, unit, _ = topic.split("/")
        return f"{PREFIX}device/{unit}/config"
