"""The states of each subject, in view and worn, as retained messages.

The store keeps which subjects have such a message. So a message that is no longer true,
as of a subject whose zones were removed while the service was down, is deleted later.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple, cast, final, get_args

from pipelines.live.subject import StateRecord
from pipelines.records import PeopleCount
from services.hub.reports import SubjectState
from services.hub.topics import KeptKind, Topics
from services.store.notes import Notes
from services.store.outbox import Message

_NOTE = "kept states"
_KINDS: Final[tuple[KeptKind, ...]] = get_args(KeptKind)


class KeptKey(NamedTuple):
    """Key of a kept message: a subject has one of each kind."""

    subject_id: str
    kind: KeptKind


@final
class KeptStates:
    """The messages about beds, people and wearables that the broker keeps.

    Args:
        notes: Keeps the keys of the messages.
        topics: Topics of the site.

    Raises:
        StoreError: If the store cannot be read.
    """

    def __init__(self, notes: Notes, topics: Topics) -> None:
        self._notes, self._topics = notes, topics
        noted = cast("list[tuple[str, KeptKind]]", notes.recall(_NOTE) or [])
        self._noted = {KeptKey(*each) for each in noted}
        self._sent: dict[KeptKey, StateRecord] = {}

    def changes(
        self, states: Mapping[str, SubjectState], now_ns: int
    ) -> tuple[dict[KeptKey, StateRecord | None], list[Message]]:
        """Return the states that have changed, and a message for each.

        A time that was corrected is no change.
        """
        found = {
            KeptKey(name, kind): _of_kind(state, kind)
            for name, state in states.items()
            for kind in _KINDS
        }
        changed = {
            key: kept
            for key, kept in found.items()
            if (key in self._noted if kept is None else self._is_new(key, kept))
        }
        return changed, [
            self._topics.kept(*key, kept, now_ns) for key, kept in changed.items()
        ]

    def _is_new(self, key: KeptKey, kept: StateRecord) -> bool:
        sent = self._sent.get(key)
        return sent is None or _value(sent) != _value(kept)

    async def sent(self, changed: Mapping[KeptKey, StateRecord | None]) -> None:
        """Record that the messages about these states are stored.

        Raises:
            StoreError: If the keys cannot be stored.
        """
        for key, kept in changed.items():
            self._sent.pop(key, None)
            if kept is not None:
                self._sent[key] = kept
        noted = (self._noted - changed.keys()) | (changed.keys() & self._sent.keys())
        if noted != self._noted:
            self._noted = noted
            await asyncio.to_thread(self._notes.note, _NOTE, sorted(noted))

    def greeting(self, now_ns: int) -> list[Message]:
        """Return the messages again, for a broker that may have forgotten them."""
        return [
            self._topics.kept(*key, kept, now_ns) for key, kept in self._sent.items()
        ]


def _of_kind(state: SubjectState, kind: KeptKind) -> StateRecord | None:
    kept: StateRecord | None = getattr(state, kind)
    return kept


def _value(kept: StateRecord) -> str | int:
    """Return what a message is about, without its time."""
    return kept.count if isinstance(kept, PeopleCount) else kept.state
