"""What the store holds now, read once for all browsers.

store ◀── four times a second ── Feed ──▶ Snapshot ──▶ each open page
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast, final

from pipelines.clock import Clock
from pipelines.live.alarms import Alarm
from services.console.tiles import Tile, tile_of
from services.errors import StoreError
from services.store.answers import StoredAnswer
from services.store.live import LiveState
from services.store.notes import EXPECTED_SOURCES
from services.store.store import Store

logger = logging.getLogger(__name__)

_EVERY_S: Final = 0.25


@final
@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store at one moment.

    Attributes:
        revision: Number that grows with each change.
        subjects: Names of the subjects, in the order of the site's file.
        live: The present of each subject that has reported.
        alarms: The alarms that are not over, in the order of their raising.
        answers: The latest answer to each of these alarms.
        trouble: Why the store cannot be read; empty if it can.
    """

    revision: int = 0
    subjects: tuple[str, ...] = ()
    live: Mapping[str, LiveState] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    answers: Mapping[str, StoredAnswer] = field(default_factory=dict)
    trouble: str = ""

    def of_subject(self, subject_id: str) -> list[Alarm]:
        """Return the open alarms of a subject."""
        return [alarm for alarm in self.alarms if alarm.subject_id == subject_id]

    def tile(self, subject_id: str, now_ns: int, *, with_alarms: bool = True) -> Tile:
        """Return a subject's tile at a time, UTC; it may leave out the alarms."""
        state = self.live.get(subject_id)
        content, at_ns = (None, None) if state is None else (state.content, state.at_ns)
        alarms = self.of_subject(subject_id) if with_alarms else []
        return tile_of(subject_id, content, at_ns, alarms, now_ns)


@final
class Feed:
    """Reads the store regularly; ``run`` does it until it is cancelled.

    Args:
        store: The store.
        clock: Waits between two looks.
        subjects: Subjects of the site's file, until the hub has noted its own.
    """

    def __init__(self, store: Store, clock: Clock, subjects: tuple[str, ...]) -> None:
        self._store, self._clock, self._configured = store, clock, subjects
        self._news = asyncio.Condition()
        self._looking = asyncio.Lock()
        self.snapshot = Snapshot(subjects=subjects)
        self.is_closed = False

    async def run(self) -> None:
        """Look at the store four times a second."""
        while True:
            await self.look()
            await self._clock.sleep_s(_EVERY_S)

    async def look(self) -> Snapshot:
        """Look at the store now, and tell those who wait if something has changed."""
        async with self._looking:
            before = self.snapshot
            try:
                now = await asyncio.to_thread(self._read, before)
            except StoreError as err:
                if not before.trouble:
                    logger.error("%s; the pages show what was read before", err)
                now = replace(before, trouble=err.problem)
            if now != before:
                async with self._news:
                    self.snapshot = replace(now, revision=before.revision + 1)
                    self._news.notify_all()
            return self.snapshot

    async def newer(self, revision: int, within_s: float) -> Snapshot:
        """Return the next snapshot after a revision, or the present one after a time.

        Args:
            revision: The revision that the caller has.
            within_s: Longest wait, in seconds of the running loop.
        """

        def is_newer() -> bool:
            return self.snapshot.revision != revision or self.is_closed

        try:
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(is_newer)
        except TimeoutError:
            pass
        return self.snapshot

    async def close(self) -> None:
        """Let all who wait go on, and see that it has ended."""
        async with self._news:
            self.is_closed = True
            self._news.notify_all()

    def _read(self, before: Snapshot) -> Snapshot:
        """Return the store's content; what has not changed is not read again."""
        stamps = self._store.live.stamps()
        changed = [
            name
            for name, at_ns in stamps.items()
            if name not in before.live or before.live[name].at_ns != at_ns
        ]
        live = {name: state for name, state in before.live.items() if name in stamps}
        if changed:
            read = self._store.live.some(changed)
            live |= {
                state.subject_id: _with_last_pose(state, live.get(state.subject_id))
                for state in read
            }
        alarms = tuple(self._store.alarms.open())
        ids = [alarm.alarm_id for alarm in alarms]
        noted = self._store.notes.recall(EXPECTED_SOURCES)
        return Snapshot(
            revision=before.revision,
            subjects=tuple(cast("dict[str, object]", noted))
            if noted is not None
            else self._configured,
            live=live,
            alarms=alarms,
            answers=self._store.answers.latest(ids) if ids else {},
        )


def _with_last_pose(state: LiveState, before: LiveState | None) -> LiveState:
    """Return a state that shows the last pose of somebody who lies still.

    A picture that has not changed is not looked at again, so a report may hold no pose
    although somebody is in view.
    """
    content = state.content
    if before is None or content.get("poses") or not content.get("people"):
        return state
    kept = (before.content.get("poses") or [])[-1:]
    return replace(state, content={**content, "poses": kept})
