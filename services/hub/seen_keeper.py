"""Stores what is seen, as reports bring it, for a console.

report ─┬─▶ present of each subject, in place of the one before
        └─▶ recent poses ── an alarm is raised ─▶ its track, until a minute after
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, final

from pipelines.live.alarms import Alarm
from pipelines.records import ActionEvent
from services.errors import StoreError
from services.hub.clock import HubClock
from services.hub.live import live_json
from services.hub.pose_tracks import FINAL_NS, GrowingTrack, GrowingTracks
from services.hub.reports import SubjectState
from services.hub.subject_states import SubjectStates
from services.store.live import PoseTrack
from services.store.store import Store


@final
class SeenKeeper:
    """Keeps the present of every subject, and the poses around alarms.

    What cannot be written is dropped, because the next report brings the present again.
    The hub's rounds say that the store cannot be written.

    Args:
        store: Keeps both.
        dates: The hub's clock, for UTC.
        subjects: Knows the subjects that are watched.

    Raises:
        StoreError: If the store cannot be read.
    """

    def __init__(self, store: Store, dates: HubClock, subjects: SubjectStates) -> None:
        self._store, self._dates, self._subjects = store, dates, subjects
        self._writing = asyncio.Lock()
        begun = store.pose_tracks.since(dates.utc_ns() - FINAL_NS)
        self._tracks = GrowingTracks(GrowingTrack.of(it.content) for it in begun)

    async def keep(
        self,
        states: Mapping[str, SubjectState],
        events: Sequence[ActionEvent] = (),
        alarms: Sequence[Alarm] = (),
    ) -> None:
        """Keep what a report brings.

        Args:
            states: States of subjects.
            events: Events of the report.
            alarms: Alarms that these events have raised or changed.
        """
        now_ns = self._dates.utc_ns()
        grown = [
            PoseTrack(it.alarm_id, it.subject_id, it.raised_ns, it.content())
            for it in self._tracks.add(states, events, alarms, now_ns)
        ]
        async with self._writing:
            contents = {
                name: live_json(state)
                for name, state in states.items()
                if name in self._subjects.expected  # it may have been removed meanwhile
            }
            with suppress(StoreError):
                await asyncio.to_thread(self._write, contents, grown, now_ns)

    async def forget_others(self) -> None:
        """Forget subjects that are watched no more; their tracks stay in the store.

        Raises:
            StoreError: If the store cannot be written.
        """
        expected = frozenset(self._subjects.expected)
        self._tracks.forget_others(expected)
        async with self._writing:
            await asyncio.to_thread(self._remove_others, expected)

    def _write(
        self,
        contents: Mapping[str, dict[str, Any]],
        grown: Sequence[PoseTrack],
        now_ns: int,
    ) -> None:
        if contents:
            self._store.live.put(contents, now_ns)
        for track in grown:
            self._store.pose_tracks.put(track)

    def _remove_others(self, expected: Collection[str]) -> None:
        stored = {state.subject_id for state in self._store.live.all()}
        if gone := stored.difference(expected):
            self._store.live.remove(gone)
