"""What a watcher reports while recognition does not answer."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

import pytest

from pipelines.live.subject import WatchSettings
from pipelines.recognition import ClipScores
from pipelines.records import ActionEvent, Clip, SourceState
from pipelines.sources.camera.framing import PAD
from services.clips.sealed import SealedClip
from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from services.hub.reports import Report, SubjectState
from services.hub.topics import overall_state
from services.watcher.watched import WatchedSubject
from services.watcher.watcher import Watcher
from tests.camera_rig import write_numbered
from tests.fakes import ColourRecognizer

SOON_S, START_S, NO_ANSWER_S = 15.0, 20.0, 25.0


@final
class SilentRecognizer:
    """Takes every request and answers none."""

    info = ColourRecognizer().info

    def __init__(self) -> None:
        self.asked = 0

    async def encode(self, frames: object) -> object:
        self.asked += 1
        await asyncio.Event().wait()
        return frames

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        raise NotImplementedError


@final
class ReportList:
    """A hub that keeps every report and every clip."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.clips: list[SealedClip] = []
        self._more = asyncio.Condition()

    async def accept(self, report: Report) -> None:
        async with self._more:
            self.reports.append(report)
            self._more.notify_all()

    async def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        del subject_ids
        return []

    async def keep_clip(self, clip: SealedClip) -> bool:
        async with self._more:
            self.clips.append(clip)
            self._more.notify_all()
        return True

    async def until_clips(self, count: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: len(self.clips) >= count)

    async def until_events(self, count: int) -> None:
        def are_there() -> bool:
            return sum(len(report.events) for report in self.reports) >= count

        async with self._more:
            await self._more.wait_for(are_there)

    def states(self) -> list[SubjectState]:
        """Return the latest state of every subject."""
        return list(self.reports[-1].subjects.values()) if self.reports else []

    async def until(
        self, holds: Callable[[SubjectState], bool], within_s: float
    ) -> None:
        async with asyncio.timeout(within_s), self._more:
            await self._more.wait_for(lambda: any(map(holds, self.states())))


def camera_is(state: SourceState) -> Callable[[SubjectState], bool]:
    return lambda it: it.camera is not None and it.camera.state == state


def wearable_is(state: SourceState) -> Callable[[SubjectState], bool]:
    return lambda it: it.wearable is not None and it.wearable.state == state


@pytest.mark.gst
@pytest.mark.slow
def test_sources_that_go_are_reported_though_recognition_never_answers(
    tmp_path: Path,
) -> None:
    video = write_numbered(tmp_path / "ward.mkv", 90)

    async def scene(server: RtspServer, broker: Broker) -> None:
        hub, recognizer = ReportList(), SilentRecognizer()
        watcher = Watcher("watcher-0", WatchSettings(), recognizer, hub)  # type: ignore[arg-type]
        address, topic = server.address("bed-4"), broker.address("ward/imu/wrist")
        try:
            await watcher.change([WatchedSubject("bed-4", address, topic, PAD)])
            await hub.until(camera_is("online"), START_S)
            await hub.until(lambda it: not it.is_recognised, NO_ANSWER_S)
            assert recognizer.asked == 1
            (state,) = hub.states()
            assert "recognition: does not answer" in overall_state(state)[1]

            server.stop()
            await hub.until(camera_is("offline"), SOON_S)
            broker.stop()
            await hub.until(wearable_is("offline"), SOON_S)
            server.start()
            await hub.until(camera_is("online"), START_S)
        finally:
            await watcher.stop()

    with RtspServer({"bed-4": video}, loop=True) as server, Broker() as broker:
        asyncio.run(scene(server, broker))
