"""What a watcher does and says while it has more pictures than it can process."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, final

import numpy as np
import pytest
from jaxtyping import Float32, UInt8

from pipelines.clock import NS_PER_S
from pipelines.live.subject import WatchSettings
from pipelines.recognition import ClipScores
from pipelines.records import Clip
from pipelines.sources.camera.framing import PAD
from services.demo.rtsp_process import RtspServer
from services.hub.topics import overall_state
from services.watcher.overload import build_thinning
from services.watcher.watched import WatchedSubject
from services.watcher.watcher import Watcher
from tests.camera_rig import write_numbered
from tests.fakes import ColourRecognizer
from tests.services.watcher.test_watcher import ReportList

SOON_S, ENCODE_S = 30.0, 0.7
View = Literal["picture", "person", "pose"]


@pytest.mark.parametrize(("view", "most"), [("picture", 80), ("pose", 240)])
def test_each_camera_has_a_picture_in_thirty_seconds_and_each_change_is_said(
    view: View, most: int, caplog: pytest.LogCaptureFixture
) -> None:
    changes: list[int] = []
    info = replace(ColourRecognizer().info, view=view)
    thinning = build_thinning(
        "watcher-0", info, WatchSettings(), lambda: changes.append(1)
    )
    with caplog.at_level(logging.WARNING):
        for minute in range(3):
            began_ns = minute * 60 * NS_PER_S
            thinning.add_turn(began_ns, began_ns + 60 * NS_PER_S, waiting=8)
        assert thinning.every == most
        for second in range(180, 240):
            thinning.add_turn(second * NS_PER_S, second * NS_PER_S + 1, waiting=0)
    assert thinning.every == 1
    said = [record.getMessage() for record in caplog.records]
    assert f"watcher-0 is overloaded: it uses 1 of {most} pictures" in said
    assert said[-1] == "watcher-0 uses all pictures again"
    assert len(changes) == len(said)


@final
class SlowRecognizer:
    """Needs longer for each request to encode than the step of the grid."""

    info = ColourRecognizer().info

    def __init__(self) -> None:
        self._fast = ColourRecognizer()

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch 3"]:
        await asyncio.sleep(ENCODE_S)
        return await self._fast.encode(frames)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        return await self._fast.classify(clips)


@pytest.mark.gst
@pytest.mark.slow
def test_an_overload_is_reported_with_every_subject_of_the_watcher(
    tmp_path: Path,
) -> None:
    video = write_numbered(tmp_path / "ward.mkv", 90)

    async def scene(server: RtspServer) -> tuple[str, str]:
        hub = ReportList()
        watcher = Watcher("watcher-0", WatchSettings(), SlowRecognizer(), hub)
        try:
            address = server.address("bed-4")
            await watcher.change([WatchedSubject("bed-4", address, None, PAD)])
            await hub.until(lambda it: it.every > 1, SOON_S)
            return overall_state(hub.states()[0])
        finally:
            await watcher.stop()

    with RtspServer({"bed-4": video}, loop=True) as server:
        assert asyncio.run(scene(server)) == ("degraded", "recognition: overloaded")
