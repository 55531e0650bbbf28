"""Who is in bed, as retained messages.

The store keeps which subjects have such a message. So the message of a subject whose
zones were removed while the service was down is deleted later.
"""

import asyncio
from collections.abc import Mapping
from typing import cast, final

from pipelines.records import BedStatus
from services.hub.reports import SubjectState
from services.hub.store import Message, Store
from services.hub.topics import Topics

_NOTE = "beds"


@final
class Beds:
    """The messages about beds that the broker keeps.

    Args:
        store: Keeps the names of their subjects.
        topics: Topics of the site.

    Raises:
        StoreError: If the store cannot be read.
    """

    def __init__(self, store: Store, topics: Topics) -> None:
        self._store, self._topics = store, topics
        self._noted = set(cast("list[str]", store.recall(_NOTE) or []))
        self._sent: dict[str, BedStatus] = {}

    def changes(
        self, states: Mapping[str, SubjectState], now_ns: int
    ) -> tuple[dict[str, BedStatus | None], list[Message]]:
        """Return the beds whose state has changed, and a message for each.

        A time that was corrected is no change.
        """
        changed = {
            name: state.bed
            for name, state in states.items()
            if (name in self._noted if state.bed is None else self._is_new(state.bed))
        }
        return changed, [
            self._topics.bed(name, bed, now_ns) for name, bed in changed.items()
        ]

    def _is_new(self, bed: BedStatus) -> bool:
        sent = self._sent.get(bed.subject_id)
        return sent is None or sent.state != bed.state

    async def sent(self, beds: Mapping[str, BedStatus | None]) -> None:
        """Record that the messages about these beds are stored.

        Raises:
            StoreError: If the names cannot be stored.
        """
        for name, bed in beds.items():
            self._sent.pop(name, None)
            if bed is not None:
                self._sent[name] = bed
        noted = (self._noted - beds.keys()) | (beds.keys() & self._sent.keys())
        if noted != self._noted:
            self._noted = noted
            await asyncio.to_thread(self._store.note, _NOTE, sorted(noted))

    def greeting(self, now_ns: int) -> list[Message]:
        """Return the messages again, for a broker that may have forgotten them."""
        return [self._topics.bed(name, bed, now_ns) for name, bed in self._sent.items()]
