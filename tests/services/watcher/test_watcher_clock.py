"""A watcher whose machine's clock is set while it watches."""

import asyncio
from collections.abc import Sequence

import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.live.subject import WatchSettings
from pipelines.records import ActionEvent, make_event_id
from pipelines.sources.camera.framing import PAD
from services.clips.sealed import SealedClip
from services.hub.reports import Report
from services.watcher.watched import WatchedSubject
from services.watcher.watcher import Watcher
from tests.fakes import ColourRecognizer

pytestmark = pytest.mark.gst

MONTH_NS = 31 * 86_400 * NS_PER_S
REAL = SystemClock()


class Hub:
    """Keeps the reports; one episode has been open since before the watcher began."""

    def __init__(self) -> None:
        begin_ns = REAL.now_ns() - 60 * NS_PER_S
        self.open_event = ActionEvent(
            event_id=make_event_id("bed-4", "fall", begin_ns),
            subject_id="bed-4",
            name="fall",
            label="fallen",
            state="started",
            start_ns=begin_ns,
            end_ns=None,
            decided_ns=begin_ns + NS_PER_S,
            peak_confidence=0.9,
            modality="video",
            model="colour",
            prompt_set="colours@00000000",
        )
        self.reports: list[Report] = []
        self.news = asyncio.Event()

    async def accept(self, report: Report) -> None:
        self.reports.append(report)
        self.news.set()

    async def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        return [self.open_event] if "bed-4" in subject_ids else []

    async def keep_clip(self, clip: SealedClip) -> bool:
        raise NotImplementedError

    def falls(self) -> list[ActionEvent]:
        events = [event for report in self.reports for event in report.events]
        return [event for event in events if event.name == "fall"]

    async def next_report(self) -> Report:
        self.news.clear()
        await self.news.wait()
        return self.reports[-1]


@pytest.mark.slow
def test_reports_are_in_utc_and_an_episode_keeps_its_id_and_its_start() -> None:
    set_by_ns = -MONTH_NS

    def wall_ns() -> int:
        return REAL.now_ns() + set_by_ns

    async def watch() -> tuple[Report, ActionEvent, Hub]:
        nonlocal set_by_ns
        hub = Hub()
        clock = SystemClock(wall_ns)
        set_by_ns = 0  # before the hub is asked what was going on
        recognizer = ColourRecognizer()
        watcher = Watcher("w", WatchSettings(), recognizer, hub, clock=clock)
        await watcher.change([WatchedSubject("bed-4", "test", None, PAD)])
        async with asyncio.timeout(40):
            while not (falls := hub.falls()):
                await hub.next_report()
        (ended,) = falls
        latest = await hub.next_report()
        await watcher.stop()
        return latest, ended, hub

    report, ended, hub = asyncio.run(watch())
    known = hub.open_event
    assert (ended.state, ended.event_id) == ("ended", known.event_id)
    assert abs(ended.start_ns - known.start_ns) < NS_PER_S
    now_ns = REAL.now_ns()
    assert abs(now_ns - ended.decided_ns) < 60 * NS_PER_S
    state = report.subjects["bed-4"]
    assert state.camera is not None
    assert abs(now_ns - state.camera.since_ns) < 60 * NS_PER_S
    assert abs(now_ns - state.predicted_ns) < 60 * NS_PER_S
