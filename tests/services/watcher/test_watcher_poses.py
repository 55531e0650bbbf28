"""What a watcher reports of a person in view: joints, and no pixel."""

import asyncio
import pickle
from fractions import Fraction
from pathlib import Path

import pytest

from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.picture import Photographer, random_sensor
from pipelines.live.subject import WatchSettings
from pipelines.live.zones import Zone
from pipelines.records import PeopleCount
from pipelines.sources.camera.framing import PAD
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from services.hub.history.seen import MOST_POSES
from services.hub.reports import SubjectState
from services.watcher.watched import WatchedSubject
from services.watcher.watcher import Watcher
from tests.pipelines.live.test_views import Recorder
from tests.services.hub.history.pose_rig import leaves
from tests.services.watcher.test_watcher import ReportList

pytestmark = [pytest.mark.gst, pytest.mark.slow]

PLAIN = {int, float, str, bool, type(None)}
BED = Zone("left", "bed", ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2)))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of somebody in a room."""
    plan = RecordingPlan(Stream.FOOTAGE, 43, 4, 6.0, Fraction(8))
    rng, world, track = simulate_motion(plan)
    path = tmp_path_factory.mktemp("film") / "room.mp4"
    with Photographer(world, random_sensor(rng), rng) as photographer:
        pictures = [
            photographer.render(track.qpos[i], covered=False)
            for i in range(0, len(track.labels), SAMPLE_RATE_HZ // 8)
        ]
    height, width, _ = pictures[0].shape
    with VideoFileWriter(path, width, height, Fraction(8)) as video:
        for picture in pictures:
            video.write(picture)
    return path


def has_poses(state: SubjectState) -> bool:
    return state.view is not None and any(seen.people for seen in state.view.poses)


def test_the_joints_of_a_person_are_reported_without_a_pixel(film: Path) -> None:
    async def scene() -> ReportList:
        hub = ReportList()
        watcher = Watcher("watcher-0", WatchSettings(), Recorder(), hub)
        given = WatchedSubject(
            *("bed-4", str(film), None, PAD), zones=(BED,), keep_poses=False
        )
        try:
            await watcher.change([given])
            await hub.until(lambda it: has_poses(it) and it.label == "up", 30.0)
        finally:
            await watcher.stop()
        return hub

    hub = asyncio.run(scene())
    (state,) = hub.states()
    assert isinstance(state.people, PeopleCount)
    assert (state.zones, state.keep_poses) == ((BED,), False)
    assert state.confidence == pytest.approx(0.9)
    for report in hub.reports:
        assert {type(value) for value in leaves(report)} <= PLAIN
        view = report.subjects["bed-4"].view
        assert view is None or len(view.poses) <= MOST_POSES
        assert len(pickle.dumps(report)) < 64 * 64  # less than a tiny grey picture
    views = [report.subjects["bed-4"].view for report in hub.reports]
    poses = [seen for view in views if view is not None for seen in view.poses]
    (person,) = next(seen for seen in poses if seen.people).people
    inside = [0 <= y <= 1000 for y in person.numbers[1::3]]
    assert sum(inside) > len(inside) / 2
