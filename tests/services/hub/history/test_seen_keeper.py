"""A real hub and its store: what a console reads while poses are reported."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from pipelines.clock import NS_PER_S
from pipelines.records import ActionEvent, DriftStatus, SourceStatus
from services.demo.broker import Broker
from services.hub.hub import Hub
from services.hub.reports import Counts, Report
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.live import LiveState, PoseTrack
from services.store.store import Store
from tests.fakes import ColourRecognizer, FakeClock
from tests.services.hub.history.pose_rig import BEGIN_NS, seen, shows
from tests.services.store.rows import event

FALL = replace(event(), start_ns=BEGIN_NS)
LEARNING = DriftStatus("bed-4", "learning", 9.0, None, BEGIN_NS, confidence=0.8)
CAMERA = SourceStatus("bed-4", "camera", "online", BEGIN_NS, "", "sender")


class Ward:
    """A hub on a clock that the test moves, and its store as a console opens it."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.clock = FakeClock(BEGIN_NS)
        self._folder = folder
        hub = {"folder": str(folder), "port": 0, "canary_every_s": 3600}
        self._site = Site.model_validate(
            {"site": "ward-3", "broker": {"port": broker.port}, "hub": hub}
        )

    @property
    def now_s(self) -> float:
        return (self.clock.now_ns() - BEGIN_NS) / NS_PER_S

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        hub = Hub(self._site, ColourRecognizer(), clock=self.clock)
        try:
            await hub.expect({"bed-4": ["camera"]})
            yield hub
        finally:
            await hub.stop()

    async def report(
        self, hub: Hub, *events: ActionEvent, keep_poses: bool = True
    ) -> None:
        """Report what was seen in the last two seconds, two seconds later."""
        self.clock.advance_s(2)
        poses = [seen(self.now_s - 1.5 + step / 2) for step in range(4)]
        seen_now = shows(*poses, keep_poses=keep_poses)
        state = replace(seen_now, camera=CAMERA, drift=LEARNING)
        now_ns = self.clock.now_ns()
        states = {"bed-4": state}
        await hub.accept(Report("watcher-0", now_ns, events, (), states, Counts()))

    @contextmanager
    def store(self) -> Iterator[Store]:
        store = Store.joined(sqlite_url(self._folder))
        yield store
        store.close()

    def track(self) -> PoseTrack | None:
        with self.store() as store:
            return store.pose_tracks.one("e1")

    def times_s(self) -> list[float]:
        track = self.track()
        return [] if track is None else [it["t"] for it in track.content["poses"]]

    def live(self) -> list[LiveState]:
        with self.store() as store:
            return store.live.all()

    def shows(self, state: str) -> bool:
        """Whether a console shows this state of bed 4, with poses while online."""
        is_seen = state == "online"
        contents = [it.content for it in self.live()]
        shown = [(it["state"], bool(it["poses"])) for it in contents]
        return shown == [(state, is_seen)]


async def until(holds: Callable[[], bool], ward: Ward | None = None) -> None:
    """Return once something holds; meanwhile the ward's clock goes on."""
    async with asyncio.timeout(10):
        while not holds():
            if ward is not None:
                ward.clock.advance_s(2)
            await asyncio.sleep(0.01)


def test_an_alarm_gets_its_track_over_many_reports_and_a_restart(
    tmp_path: Path,
) -> None:
    async def scene(ward: Ward) -> None:
        begun = [step / 2 for step in range(-60, 1)]
        async with ward.running() as hub:
            for _ in range(20):
                await ward.report(hub)
            await ward.report(hub, FALL)
            await until(lambda: ward.times_s() == begun)
            await ward.report(hub)
            await until(lambda: ward.times_s() == [*begun, 0.5, 1, 1.5, 2])
        async with ward.running() as hub:
            for _ in range(32):
                await ward.report(hub)
        assert ward.times_s() == [step / 2 for step in range(-60, 121)]

    with Broker() as broker:
        ward = Ward(broker, tmp_path)
        asyncio.run(scene(ward))
    track = ward.track()
    assert track is not None
    assert (track.subject_id, track.at_ns) == ("bed-4", BEGIN_NS + 42 * NS_PER_S)
    assert track.content["onset"] == "2023-11-14T22:13:20+00:00"


def test_the_present_of_a_subject_is_that_of_the_latest_report(tmp_path: Path) -> None:
    async def scene(ward: Ward) -> None:
        async with ward.running() as hub:
            await ward.report(hub)
            await ward.report(hub)
            now_ns = ward.clock.now_ns()
            await until(lambda: [it.at_ns for it in ward.live()] == [now_ns])
            assert ward.shows("online")
            with ward.store() as store:
                (block,) = store.drift_blocks.within("bed-4", 0, now_ns)
            assert (block.confidence, block.level) == (0.8, None)
            await until(lambda: ward.shows("offline"), ward)  # the watcher is silent
            await hub.expect({})
            assert ward.live() == []

    with Broker() as broker:
        asyncio.run(scene(Ward(broker, tmp_path)))


def test_without_keep_poses_an_alarm_has_no_track(tmp_path: Path) -> None:
    async def scene(ward: Ward) -> None:
        async with ward.running() as hub:
            await ward.report(hub, keep_poses=False)
            await ward.report(hub, FALL, keep_poses=False)
        assert ward.track() is None

    with Broker() as broker:
        asyncio.run(scene(Ward(broker, tmp_path)))


def test_nothing_of_a_removed_subject_is_remembered(tmp_path: Path) -> None:
    async def scene(ward: Ward) -> None:
        async with ward.running() as hub:
            for _ in range(3):
                await ward.report(hub)
            await hub.expect({})
            await hub.expect({"bed-4": ["camera"]})
            await ward.report(hub, FALL)
        assert ward.times_s() == [-1.5, -1, -0.5, 0]

    with Broker() as broker:
        asyncio.run(scene(Ward(broker, tmp_path)))


def test_events_are_kept_though_what_is_seen_cannot_be_written_for_a_while(
    tmp_path: Path,
) -> None:
    def rename(ward: Ward, before: str, after: str) -> None:
        with ward.store() as store:
            store.database.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))

    async def scene(ward: Ward) -> None:
        async with ward.running() as hub:
            rename(ward, "pose_tracks", "away")
            await ward.report(hub, FALL)
            assert await hub.open_events(["bed-4"]) == [FALL]
            await until(lambda: ward.shows("online"))
            rename(ward, "away", "pose_tracks")
            assert ward.track() is None
            await hub.accept(Report("watcher-0", 1, (), (), {}, Counts()))
            await until(lambda: ward.times_s() == [-1.5, -1, -0.5, 0])

    with Broker() as broker:
        asyncio.run(scene(Ward(broker, tmp_path)))
