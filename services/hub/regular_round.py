"""What nobody reports: silent watchers, the length of the outbox, the watched time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import final

from pipelines.clock import Clock
from services.errors import StoreError
from services.hub.clock import HubClock
from services.hub.history.seen_keeper import SeenKeeper
from services.hub.history.watched_time import WatchedTime
from services.hub.metrics.metrics import Metrics
from services.hub.subject_states import SubjectStates
from services.hub.writer import StoreWriter
from services.store.store import Store

_ROUND_S = 2.0
_NOTE = "the disk has room"


@final
class RegularRound:
    """Looks every two seconds; ``measure`` is called at the end of each round."""

    def __init__(
        self,
        states: SubjectStates,
        seen: SeenKeeper,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        dates: HubClock,
        metrics: Metrics,
        measure: Callable[[], None],
    ) -> None:
        self._measure, self._seen = measure, seen
        self._states, self._store, self._writer = states, store, writer
        self._clock, self._dates, self._metrics = clock, dates, metrics
        self._watched = WatchedTime(states, store.coverage, clock.now_ns())

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._look(self._clock.now_ns())
            self._measure()
            await self._clock.sleep_s(_ROUND_S)

    async def end(self) -> None:
        """Store the watched time that is not stored yet."""
        self._watched.count(self._clock.now_ns(), self._dates.utc_ns())
        with suppress(StoreError):  # the last half minute, at most
            await asyncio.to_thread(self._watched.store)

    async def _look(self, now_ns: int) -> None:
        self._states.forget_silent_watchers(now_ns)
        unseen = self._states.give_up(now_ns)
        summaries, messages = self._states.changes(unseen, now_ns)
        self._seen.keep(unseen)
        self._watched.count(now_ns, self._dates.utc_ns())
        try:
            corrections = await asyncio.to_thread(self._dates.follow)
            await self._writer.keep([*messages, *corrections])
            await asyncio.to_thread(self._watched.store_if_due, now_ns)
            backlog = await asyncio.to_thread(self._store.outbox.backlog)
            if self._writer.trouble:  # is there room again?
                await asyncio.to_thread(self._store.notes.note, _NOTE, now_ns)
        except StoreError as err:
            self._writer.trouble = str(err)
        else:
            self._writer.trouble = ""
            self._states.announced(summaries)
            self._metrics.outbox(*backlog)
