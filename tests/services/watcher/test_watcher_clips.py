"""What leaves a watcher of two people who fall, one of whom consents to clips."""

import asyncio
import base64
from fractions import Fraction
from pathlib import Path
from typing import final

import numpy as np
import pytest

from pipelines.clock import SystemClock
from pipelines.live.events.settings import EventSettings
from pipelines.live.subject import WatchSettings
from pipelines.live.windows.assembler import WindowSettings
from pipelines.sources.camera.framing import PAD
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from services.clips.blur import MOST_SIDE_PX
from services.clips.sealed import ClipCipher
from services.watcher.watched import ClipOrder, WatchedSubject
from services.watcher.watcher import Watcher
from tests.clip_rig import KEY, pixels_of
from tests.fakes import COLOURS, ColourRecognizer
from tests.services.hub.history.pose_rig import leaves
from tests.services.watcher.test_watcher import ReportList
from tests.services.watcher.test_watcher_poses import PLAIN

pytestmark = [pytest.mark.gst, pytest.mark.slow]

QUICK = WatchSettings(
    windows=WindowSettings(frames=4, seconds=0.4),
    events=EventSettings(enter=0.6, minimum_duration_s=0.0, merge_gap_s=0.2),
)
WITHIN_S = 20.0


@final
class PatientClock:
    """The system's clock; a minute's sleep ends when a test says so."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.minute_is_over = asyncio.Event()

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def correction_ns(self) -> int:
        return self._clock.correction_ns()

    async def sleep_s(self, duration_s: float) -> None:
        if duration_s >= 60:
            await self.minute_is_over.wait()
        else:
            await self._clock.sleep_s(duration_s)


def write_fall(path: Path) -> str:
    """A film: somebody walks, then falls; finely striped, which blurring removes."""
    with VideoFileWriter(path, 160, 120, Fraction(10)) as video:
        for label in ("walking",) * 8 + ("falling",) * 15:
            picture = np.full((120, 160, 3), COLOURS[label], np.uint8)
            picture[::2] //= 2
            video.write(picture)
    return str(path)


def test_only_who_consents_has_a_clip_and_it_leaves_the_watcher_encrypted(
    tmp_path: Path,
) -> None:
    film = write_fall(tmp_path / "fall.mkv")

    async def scene() -> ReportList:
        hub, clock = ReportList(), PatientClock()
        recognizer = ColourRecognizer(image_size_px=64)
        watcher = Watcher("watcher-0", QUICK, recognizer, hub, clock=clock)
        order = ClipOrder(("fall",), KEY)
        consents = WatchedSubject("bed-4", film, None, PAD, clips=order)
        others = WatchedSubject("bed-5", film, None, PAD)
        try:
            await watcher.change([consents, others])
            async with asyncio.timeout(WITHIN_S):
                await hub.until_events(2)
            assert watcher._clips._recordings.keys() == {"bed-4"}
            assert hub.clips == []
            clock.minute_is_over.set()
            async with asyncio.timeout(WITHIN_S):
                await hub.until_clips(1)
        finally:
            await watcher.stop()
        return hub

    hub = asyncio.run(scene())
    (clip,) = hub.clips
    falls = {it.subject_id: it.event_id for each in hub.reports for it in each.events}
    assert falls.keys() == {"bed-4", "bed-5"}
    assert (clip.subject_id, clip.alarm_id) == ("bed-4", falls["bed-4"])
    assert b"WEBP" not in base64.urlsafe_b64decode(clip.sealed)
    for report in hub.reports:
        assert {type(value) for value in leaves(report)} <= PLAIN
    shown = ClipCipher(KEY).open(clip)["pictures"]
    assert len(shown) > 5
    for picture in shown:
        pixels = pixels_of(base64.b64decode(picture["webp"]))
        assert pixels.shape == (36, MOST_SIDE_PX, 3)
        rows = pixels[:, 10:-10].mean(axis=(1, 2))
        assert np.abs(np.diff(rows)).max() < 10  # no stripes are left
