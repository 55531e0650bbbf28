"""Stores what is seen, as reports bring it, for a console.

    report ─┬─▶ present of each subject, in place of the one before
            ├─▶ confidence and drift of each block of five minutes
            └─▶ recent poses ── an alarm is raised ─▶ its track, until a minute after

Reports do not wait for it: events matter more. The newest is written by a task of its
own, and what a slow store has no time for is left out.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import final

from pipelines.live.alarms import Alarm
from pipelines.records import ActionEvent
from services.errors import StoreError
from services.hub.clock import HubClock
from services.hub.history.drift_course import DriftCourse
from services.hub.history.live import live_json
from services.hub.history.pose_tracks import FINAL_NS, GrowingTrack, GrowingTracks
from services.hub.reports import SubjectState
from services.hub.subject_states import SubjectStates
from services.store.live import PoseTrack
from services.store.store import Store


@final
class SeenKeeper:
    """Keeps the present of every subject, and the poses around alarms.

    Args:
        store: Keeps both.
        dates: The hub's clock, for UTC.
        subjects: Knows the subjects that are watched.

    Raises:
        StoreError: If the store cannot be read.
    """

    def __init__(self, store: Store, dates: HubClock, subjects: SubjectStates) -> None:
        self._store, self._dates, self._subjects = store, dates, subjects
        begun = store.pose_tracks.since(dates.utc_ns() - FINAL_NS)
        self._tracks = GrowingTracks(GrowingTrack.of(it.content) for it in begun)
        self._course = DriftCourse()
        self._new: dict[str, SubjectState] = {}
        self._grown: dict[str, GrowingTrack] = {}
        self._news = asyncio.Event()
        self._writing = asyncio.Lock()

    def keep(
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
        grown = self._tracks.add(states, events, alarms, self._dates.utc_ns())
        self._grown |= {track.alarm_id: track for track in grown}
        self._new |= states
        self._news.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.write()

    async def write(self) -> None:
        """Write what is new.

        If that fails, the regular round says so. The next report brings the present
        again, and tracks are written with it.
        """
        async with self._writing:
            states = {
                name: state
                for name, state in self._new.items()
                if name in self._subjects.expected  # it may have been removed meanwhile
            }
            self._new = {}
            grown, self._grown = self._grown, {}
            tracks = [
                PoseTrack(it.alarm_id, it.subject_id, it.raised_ns, it.content())
                for it in grown.values()
            ]
            try:
                await asyncio.to_thread(self._put, states, tracks)
            except StoreError:
                self._grown = grown | self._grown

    async def forget_others(self) -> None:
        """Forget subjects that are watched no more; their tracks stay in the store.

        Raises:
            StoreError: If the store cannot be written.
        """
        expected = frozenset(self._subjects.expected)
        self._tracks.forget_others(expected)
        async with self._writing:
            await asyncio.to_thread(self._remove_others, expected)

    def _put(
        self, states: Mapping[str, SubjectState], tracks: Sequence[PoseTrack]
    ) -> None:
        if states:
            contents = {name: live_json(state) for name, state in states.items()}
            self._store.live.put(contents, self._dates.utc_ns())
        if blocks := self._course.new(states):
            self._store.drift_blocks.put(blocks)
            self._course.stored(blocks)
        for track in tracks:
            self._store.pose_tracks.put(track)

    def _remove_others(self, expected: Collection[str]) -> None:
        if gone := self._store.live.stamps().keys() - expected:
            self._store.live.remove(gone)
