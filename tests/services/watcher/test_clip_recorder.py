"""Clips are recorded of those who consent, and of nobody else.

  [ ring 35 s )[ 60 s      )[ 15 s )
──────────────▲────────────────────▲
            event             encrypted, sent
"""

import asyncio
import pickle
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, final

import numpy as np
import pytest

from pipelines.clock import NS_PER_S
from pipelines.records import ActionEvent
from services.clips.sealed import ClipCipher, SealedClip
from services.hub.reports import Counting
from services.watcher.clip_recorder import ClipRecorder
from services.watcher.watched import ClipOrder
from tests.clip_rig import KEY, camera_frame
from tests.fakes import FakeClock
from tests.services.store.rows import event

ORDER = ClipOrder(("fall",), KEY)
COMPLETE_S = 75.0


@final
class Scene:
    """A recorder, and a hub that takes clips or not."""

    def __init__(self) -> None:
        self.clock, self.counting = FakeClock(), Counting()
        self.begin_ns = self.clock.now_ns()
        self.sent: list[SealedClip] = []
        self.takes, self.failure = True, ""
        self.asked = asyncio.Event()
        self.recorder = ClipRecorder(self._send, self.clock, self.counting)

    async def _send(self, clip: SealedClip) -> bool:
        self.asked.set()
        if self.failure:
            raise RuntimeError(self.failure)
        self.sent += [clip] if self.takes else []
        return self.takes

    def show(self, *seconds: float, subject: str = "bed-4") -> None:
        for at_s in seconds:
            at_ns = self.begin_ns + round(at_s * NS_PER_S)
            self.recorder.add(camera_frame(at_ns, subject))

    def fall(self, at_s: float, **facts: Any) -> ActionEvent:
        at_ns = self.begin_ns + round(at_s * NS_PER_S)
        happened = replace(event(), start_ns=at_ns, decided_ns=at_ns, **facts)
        self.recorder.happened(happened)
        return happened

    async def complete(self) -> None:
        """Let the time of a clip pass, and wait until the hub was asked."""
        await self.clock.wait_for_sleepers()
        self.clock.advance_s(COMPLETE_S)
        async with asyncio.timeout(10):
            await self.asked.wait()

    def times_s(self) -> list[float]:
        (sealed,) = self.sent
        return [it["t"] for it in ClipCipher(KEY).open(sealed)["pictures"]]


def in_scene(play: Coroutine[Any, Any, None]) -> None:
    asyncio.run(play)


def test_a_clip_begins_30_s_before_its_event_and_ends_60_s_after() -> None:
    async def play() -> None:
        scene = Scene()
        scene.recorder.begin("bed-4", ORDER)
        scene.show(*range(0, 41, 2))
        scene.fall(40)
        scene.show(*range(42, 130, 2))
        await scene.complete()
        assert scene.times_s() == list(range(-30, 61, 2))
        (clip,) = scene.sent
        fall_ns = scene.begin_ns + 40 * NS_PER_S
        assert (clip.alarm_id, clip.subject_id, clip.at_ns) == ("e1", "bed-4", fall_ns)

    in_scene(play())


def test_without_a_consent_no_picture_is_ever_kept() -> None:
    async def play() -> None:
        scene = Scene()
        scene.recorder.begin("bed-4", None)
        scene.recorder.begin("bed-5", ORDER)
        scene.show(*range(10))
        scene.fall(9)
        assert scene.recorder._recordings.keys() == {"bed-5"}
        assert not scene.recorder._recordings["bed-5"].ring
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_scene(play())


def test_a_ring_holds_only_small_blurred_pictures_of_35_s() -> None:
    async def play() -> None:
        scene = Scene()
        scene.recorder.begin("bed-4", ORDER)
        scene.show(*(step / 10 for step in range(0, 600, 2)), 60.0, 60.05)
        ring = scene.recorder._recordings["bed-4"].ring
        assert [ring[0].at_ns, ring[-1].at_ns] == [
            scene.begin_ns + at_s * NS_PER_S for at_s in (25, 60)
        ]
        assert max(len(it.webp) for it in ring) < 4000
        assert len(ring) == 176  # the last picture came too soon

    in_scene(play())


@pytest.mark.parametrize(
    "facts", [{"name": "walking"}, {"state": "ended"}, {"subject_id": "bed-5"}]
)
def test_only_the_start_of_an_event_that_alarms_begins_a_clip(
    facts: dict[str, Any],
) -> None:
    async def play() -> None:
        scene = Scene()
        scene.recorder.begin("bed-4", ORDER)
        scene.show(1, 2)
        scene.fall(2, **facts)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_scene(play())


@pytest.mark.parametrize(
    ("failure", "why"),
    [("", "the hub does not take it"), ("a secret", "RuntimeError")],
)
def test_a_clip_that_the_hub_does_not_get_is_one_line_and_counted(
    caplog: pytest.LogCaptureFixture, failure: str, why: str
) -> None:
    async def play() -> None:
        scene = Scene()
        scene.takes, scene.failure = False, failure
        scene.recorder.begin("bed-4", ORDER)
        scene.show(1, 2)
        scene.fall(2)
        await scene.complete()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        assert scene.counting.take().clips_lost == 1

    in_scene(play())
    assert caplog.messages == [f"the clip of a fall of bed-4 is lost: {why}"]


def test_a_picture_that_cannot_be_blurred_ends_the_clips_and_not_the_watching(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def play() -> None:
        scene = Scene()
        scene.recorder.begin("bed-4", ORDER)
        empty = np.zeros((0, 0, 3), np.uint8)
        scene.recorder.add(replace(camera_frame(scene.begin_ns), pixels=empty))
        assert scene.recorder._recordings == {}

    in_scene(play())
    assert caplog.messages == ["no clips of bed-4 any more"]


def test_a_fourth_clip_at_the_same_time_is_lost() -> None:
    async def play() -> None:
        scene = Scene()
        scene.recorder.begin("bed-4", ORDER)
        scene.show(1)
        for number in (1, 2, 3, 3, 4):
            scene.fall(1, event_id=f"e{number}")
        assert scene.counting.take().clips_lost == 1
        await scene.recorder.end()

    in_scene(play())


def test_a_subject_that_is_closed_leaves_no_picture_and_sends_none() -> None:
    async def play() -> None:
        scene = Scene()
        scene.recorder.begin("bed-4", ORDER)
        scene.show(1, 2)
        scene.fall(2)
        await scene.clock.wait_for_sleepers()
        await scene.recorder.forget("bed-4")
        scene.show(3)
        scene.clock.advance_s(COMPLETE_S)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (scene.recorder._recordings, scene.sent) == ({}, [])

    in_scene(play())


def test_a_clip_has_utc_by_the_corrected_clock() -> None:
    async def play() -> None:
        scene = Scene()
        scene.clock.correct_s(3600)
        scene.recorder.begin("bed-4", ORDER)
        scene.show(1, 2)
        scene.fall(2)
        await scene.complete()
        (clip,) = scene.sent
        assert clip.at_ns == scene.begin_ns + 3602 * NS_PER_S
        assert scene.times_s() == [-1, 0]

    in_scene(play())


def test_an_order_crosses_processes_and_shows_no_key() -> None:
    assert pickle.loads(pickle.dumps(ORDER)) == ORDER
    assert KEY not in repr(ORDER)
