"""What a watcher does while the hub is away, when it is back, and when it refuses."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import final

import numpy as np
import pytest
from jaxtyping import Float32, UInt8

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.live.events.settings import EventSettings
from pipelines.live.subject import WatchSettings
from pipelines.live.windows.assembler import WindowSettings
from pipelines.recognition import ClipScores
from pipelines.records import ActionEvent, Clip
from pipelines.sources.camera.framing import PAD
from services.hub.link import RayHubLink
from services.hub.reports import Report
from services.watcher.watched import WatchedSubject
from services.watcher.watcher import Watcher
from tests.fakes import ColourRecognizer
from tests.services.store.rows import event
from tests.services.supervisor.cluster_rig import Method, raised_over_there

pytestmark = [pytest.mark.gst, pytest.mark.slow]

QUICK = WatchSettings(
    windows=WindowSettings(frames=4, seconds=0.4),
    events=EventSettings(minimum_duration_s=0.0, merge_gap_s=0.2),
)
WINDOWS = 10
"""After so many windows without a fall it has ended."""


@final
class CountedRecognizer:
    """Answers by colour, and lets a test wait for windows."""

    def __init__(self) -> None:
        self._colours = ColourRecognizer()
        self.info = self._colours.info
        self._windows = 0
        self._news = asyncio.Condition()

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch 3"]:
        return await self._colours.encode(frames)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        async with self._news:
            self._windows += len(clips)
            self._news.notify_all()
        return await self._colours.classify(clips)

    async def after_windows(self, count: int) -> None:
        """Return once so many more windows were recognised."""
        async with asyncio.timeout(20), self._news:
            last = self._windows + count
            await self._news.wait_for(lambda: self._windows >= last)


@final
class HubActor:
    """A hub in which a fall of bed-4 is open; it may be away, or refuse reports.

    Attributes:
        is_there: Whether its handle is found.
        refusals: How many of the next reports with events it refuses.
        reports: The reports that it has on its disk.
    """

    def __init__(self) -> None:
        begin_ns = SystemClock().now_ns() - 60 * NS_PER_S
        self.is_there, self.refusals = True, 0
        self.open_fall = replace(event(), start_ns=begin_ns, decided_ns=begin_ns)
        self.reports: list[Report] = []
        self._missed = asyncio.Event()
        self._news = asyncio.Condition()

    def find(self, namespace: str) -> "HubActor":
        del namespace
        if not self.is_there:
            self._missed.set()
            raise ValueError("no actor of that name")  # noqa: EM101  as Ray does
        return self

    @property
    def accept(self) -> Method:
        return Method(self._accept)

    @property
    def open_events(self) -> Method:
        return Method(self._open_events)

    async def _open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        return [self.open_fall] if "bed-4" in subject_ids else []

    async def _accept(self, report: Report) -> None:
        if report.events and self.refusals:
            self.refusals -= 1
            raise raised_over_there(OSError(28, "No space left on device"))
        async with self._news:
            self.reports.append(report)
            self._news.notify_all()

    def falls(self) -> list[tuple[str, str]]:
        """Return the id and the state of each event of a fall that was reported."""
        events = [it for report in self.reports for it in report.events]
        return [(it.event_id, it.state) for it in events if it.name == "fall"]

    async def until_missed_again(self) -> None:
        """Return once it was looked for in vain from now on."""
        self._missed.clear()
        async with asyncio.timeout(20):
            await self._missed.wait()

    async def until_the_fall_ended(self) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(self.falls)


ENDED_ONCE = [("e1", "ended")]


@asynccontextmanager
async def watching(
    hub: HubActor, recognizer: CountedRecognizer
) -> AsyncIterator[Watcher]:
    """Watch a test picture, in which nobody has fallen."""
    watcher = Watcher("watcher-0", QUICK, recognizer, RayHubLink("ward", hub.find))
    try:
        await watcher.change([WatchedSubject("bed-4", "test", None, PAD)])
        yield watcher
    finally:
        await watcher.stop()


def test_what_happens_while_the_hub_is_away_is_reported_once_when_it_is_back() -> None:
    async def scene() -> None:
        hub, recognizer = HubActor(), CountedRecognizer()
        async with watching(hub, recognizer):
            hub.is_there = False
            before = len(hub.reports)
            await recognizer.after_windows(WINDOWS)
            assert len(hub.reports) == before
            hub.is_there = True
            await hub.until_the_fall_ended()
        assert hub.falls() == ENDED_ONCE
        assert "bed-4" in hub.reports[-1].subjects
        windows = sum(it.counts.windows["bed-4", "video"] for it in hub.reports)
        assert windows >= WINDOWS - 1  # one may be in progress

    asyncio.run(scene())


def test_a_report_that_the_hub_refuses_is_sent_again_until_it_is_kept() -> None:
    async def scene() -> None:
        hub, recognizer = HubActor(), CountedRecognizer()
        hub.refusals = 2
        async with watching(hub, recognizer):
            await hub.until_the_fall_ended()
        assert hub.refusals == 0
        assert hub.falls() == ENDED_ONCE

    asyncio.run(scene())


def test_a_watcher_ends_only_when_the_hub_has_its_events() -> None:
    async def scene() -> None:
        hub, recognizer = HubActor(), CountedRecognizer()
        async with watching(hub, recognizer) as watcher:
            hub.is_there = False
            await recognizer.after_windows(WINDOWS)
            stopping = asyncio.create_task(watcher.stop())
            for _ in range(2):
                await hub.until_missed_again()
            assert not stopping.done()
            hub.is_there = True
            await stopping
            assert hub.falls() == ENDED_ONCE

    asyncio.run(scene())
