"""What the recogniser is shown of a camera's pictures."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from jaxtyping import Float32, UInt8
from PIL import Image

from models.clip.card import View as ViewName
from models.person.finder import Person
from models.person.pose_picture import PICTURE_SIDE_PX
from models.person.region import Region
from models.person.silhouette import Silhouette
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.picture import Photographer, random_sensor
from pipelines.live.inference import ReuseSettings
from pipelines.live.people import PeopleInView
from pipelines.live.subject import Record, Subject, WatchSettings
from pipelines.live.views import (
    PeopleView,
    PictureView,
    View,
    build_view,
    draw_body,
    picture_form,
)
from pipelines.live.watch import Watch
from pipelines.live.windows.assembler import WindowSettings
from pipelines.live.zones import Zone
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import Clip, Frame, PeopleCount, Prediction
from tests.fakes import ColourRecognizer, FakeClock, play

STEP_NS, SIDE_PX = 125_000_000, 640
STILL = ReuseSettings(longest_s=60.0)


def beside(frames: Sequence[Frame]) -> list[Frame]:
    """Two people: the frames, and beside them the same mirrored."""
    return [
        Frame(
            each.subject_id,
            each.timestamp_ns,
            each.tick,
            squared(np.concatenate((each.pixels, each.pixels[:, ::-1]), axis=1)),
        )
        for each in frames
    ]


def info(view: ViewName) -> RecognizerInfo:
    labels = ("up", "down")
    return RecognizerInfo(
        "model",
        "prompts",
        labels,
        {"up": "up", "down": "fall"},
        PICTURE_SIDE_PX,
        view=view,
    )


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Six seconds of somebody in a room, as a pose view's camera delivers them."""
    plan = RecordingPlan(Stream.FOOTAGE, 43, 4, 6.0, Fraction(8))
    rng, world, track = simulate_motion(plan)
    with Photographer(world, random_sensor(rng), rng) as photographer:
        pictures = [
            photographer.render(track.qpos[i], covered=False)
            for i in range(0, len(track.labels), SAMPLE_RATE_HZ // 8)
        ]
    return [Frame("a", i * STEP_NS, i, squared(it)) for i, it in enumerate(pictures)]


def squared(
    picture: UInt8[np.ndarray, "height width 3"],
) -> UInt8[np.ndarray, "side side 3"]:
    height, width, _ = picture.shape
    large = Image.fromarray(picture).resize((SIDE_PX, SIDE_PX * height // width))
    left = SIDE_PX - large.height
    bars = (left // 2, left - left // 2)
    return np.pad(np.asarray(large), (bars, (0, 0), (0, 0)))


def shown(view: View, frames: Sequence[Frame]) -> list[Frame]:
    async def show() -> list[Frame]:
        found = []
        for frame in frames:
            viewed = await view.convert([frame])
            found += [drawn for each in viewed for drawn in each.frames]
        return found

    return asyncio.run(show())


def view_of(name: ViewName, people: int = 1) -> View:
    view = build_view(info(name), WindowSettings(), ReuseSettings(), people)
    assert isinstance(view, PeopleView)
    return view


def pose_view(people: int = 1) -> View:
    return view_of("pose", people)


def test_a_picture_view_shows_frames_as_they_are(frames: list[Frame]) -> None:
    view = build_view(info("picture"), WindowSettings(), ReuseSettings(), 1)
    assert isinstance(view, PictureView)
    assert shown(view, frames[:3]) == frames[:3]
    form = picture_form(info("picture"), WindowSettings())
    assert (form.side_px, form.step_ns) == (PICTURE_SIDE_PX, 375_000_000)


@pytest.mark.parametrize("view", ["person", "pose"])
def test_a_view_of_people_asks_for_eight_large_pictures_a_second(
    view: ViewName,
) -> None:
    form = picture_form(info(view), WindowSettings())
    assert (form.side_px, form.step_ns, form.pictures_a_step) == (SIDE_PX, STEP_NS, 3)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["person", "pose"])
def test_a_person_is_shown_once_for_each_step_of_the_grid(
    frames: list[Frame], view: ViewName
) -> None:
    """Ticks of the camera 0 1 2 3 4 5 6 7 8, of the grid 0, 1, 2."""
    drawn = shown(view_of(view), frames[:9])
    assert [frame.tick for frame in drawn] == [0, 1, 2]
    assert [frame.timestamp_ns for frame in drawn] == [0, 3 * STEP_NS, 6 * STEP_NS]
    assert all(frame.pixels.shape == (32, 32, 3) for frame in drawn)
    assert all(frame.pixels.any() for frame in drawn)


@pytest.mark.slow
def test_a_lost_camera_picture_delays_the_drawn_one_and_loses_none(
    frames: list[Frame],
) -> None:
    """Tick 3, which begins the grid's second step, is lost."""
    drawn = shown(pose_view(), [*frames[:3], *frames[4:9]])
    assert [frame.tick for frame in drawn] == [0, 1, 2]
    assert drawn[1].timestamp_ns == 4 * STEP_NS


@pytest.mark.slow
def test_motion_is_drawn_from_the_pictures_between_grid_steps(
    frames: list[Frame],
) -> None:
    all_of_them = shown(pose_view(), frames[:25])[-1]
    every_third = shown(pose_view(), frames[:25:3])[-1]
    assert (all_of_them.pixels != every_third.pixels).any()


@pytest.mark.slow
def test_an_unchanged_picture_keeps_the_person_found_in_it(
    frames: list[Frame],
) -> None:
    still = [Frame("a", i * STEP_NS, i, frames[20].pixels) for i in range(40)]
    view = build_view(info("pose"), WindowSettings(), STILL, 1)
    drawn = shown(view, still)
    assert len(drawn) == 14
    last = drawn[-1].pixels.reshape(4, 8, 4, 8, 3)
    assert np.ptp(last[0, 0, 0, :, 0]) == 0  # the nose has not moved
    assert drawn[-1].pixels[:8, :8, 2].min() > 0  # and is seen at every moment


@pytest.mark.slow
@pytest.mark.parametrize("view", ["person", "pose"])
def test_the_camera_s_own_picture_stays_known_for_drift(
    frames: list[Frame], view: ViewName
) -> None:
    viewed = asyncio.run(view_of(view).convert(frames[:4]))
    assert [each.camera for each in viewed] == [frames[0], frames[3]]


@pytest.mark.slow
@pytest.mark.parametrize("view", ["person", "pose"])
def test_an_empty_room_is_shown_black(view: ViewName) -> None:
    room = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)
    frames = [Frame("a", i * STEP_NS, i, room.copy()) for i in range(4)]
    assert not any(frame.pixels.any() for frame in shown(view_of(view), frames))


@pytest.mark.slow
def test_a_stream_that_begins_again_begins_a_new_history(frames: list[Frame]) -> None:
    view = pose_view()
    shown(view, frames[:24])
    again = shown(view, frames[:3])
    assert [frame.tick for frame in again] == [0]
    fresh = shown(pose_view(), frames[:3])
    assert again[0].pixels[0, 4, 2] == fresh[0].pixels[0, 4, 2] == 0  # nothing before


class Recorder:
    """A recogniser that keeps what it is given."""

    def __init__(self, view: ViewName = "pose") -> None:
        self.info = info(view)
        self.given: list[np.ndarray] = []
        self.clips: list[Clip] = []
        self.requests: list[int] = []

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch 4"]:
        self.given.append(frames)
        return np.ones((len(frames), 4), np.float32)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        self.clips += clips
        self.requests.append(len(clips))
        rows = np.tile(np.array([0.9, 0.1], np.float32), (len(clips), 1))
        return ClipScores(rows, rows, tuple("video" for _ in clips))


@pytest.mark.slow
def test_no_camera_picture_reaches_the_recogniser(frames: list[Frame]) -> None:
    """Whatever passes the recogniser's protocol is what Ray would carry."""
    recorder = Recorder()

    async def watch() -> list[Prediction]:
        chain = Watch([Subject("a", play(frames))], recorder, FakeClock())
        return [it async for it in chain.records() if isinstance(it, Prediction)]

    predictions = asyncio.run(watch())
    # one for each step of three pictures, and the last picture, which began none
    assert len(predictions) == -(-len(frames) // 3) + 1
    assert predictions[-1].end_ns == frames[-1].timestamp_ns
    assert {given.shape[1:] for given in recorder.given} == {(32, 32, 3)}
    for clip in recorder.clips:
        assert clip.features.shape[1:] == (4,)


@pytest.mark.slow
def test_a_prediction_says_that_the_person_was_lost(frames: list[Frame]) -> None:
    """The lens is covered after two seconds; poses are every 1/8 s."""
    black = np.zeros_like(frames[0].pixels)
    covered = [
        frame if frame.tick < 16 else replace(frame, pixels=black)
        for frame in frames[:40]
    ]

    async def watch() -> list[Prediction]:
        chain = Watch([Subject("a", play(covered))], Recorder(), FakeClock())
        return [it async for it in chain.records() if isinstance(it, Prediction)]

    is_seen = {it.end_ns // STEP_NS: it.is_seen for it in asyncio.run(watch())}
    assert {tick for tick, seen in is_seen.items() if seen} == set(range(0, 18, 3))


@pytest.mark.slow
def test_a_person_is_shown_without_the_room(frames: list[Frame]) -> None:
    drawn = shown(view_of("person"), frames[:9])
    shares = [frame.pixels.any(axis=2).mean() for frame in drawn]
    assert all(0.03 < share < 0.6 for share in shares)
    corners = [frame.pixels[place] for frame in drawn for place in ((0, 0), (-1, -1))]
    assert not np.any(corners)


@pytest.mark.slow
def test_each_of_two_people_is_cut_out_alone(frames: list[Frame]) -> None:
    """The second is the mirror image of the first."""
    drawn = shown(view_of("person", people=2), beside(frames[:25]))
    first, second = [frame for frame in drawn if frame.tick == drawn[-1].tick]
    assert [first.person, second.person] == [1, 2]
    seen = [frame.pixels.any(axis=2) for frame in (first, second)]
    alike = np.equal(np.fliplr(seen[0]), seen[1])
    assert alike.mean() > 0.9


def body(x: float, colour: int) -> Person:
    """A body that fills its mask, in a picture of one colour."""
    picture = np.full((100, 100, 3), colour, np.uint8)
    mask = np.full((256, 256), 12, np.float32)
    silhouette = Silhouette(picture, Region(100 * x, 50, 20, 0.0), mask)
    landmarks = np.full((33, 3), (x, 0.5, 1), np.float32)
    box = np.array([x - 0.1, 0.4, x + 0.1, 0.6], np.float32)
    return Person(1, landmarks, landmarks, box, 0.9, silhouette)


def test_a_person_is_shown_as_last_seen_until_out_of_view() -> None:
    people = PeopleInView(1)
    people.add(0, [body(0.5, 200)])
    people.add(3, [])
    (person,) = people.shown(3)
    assert draw_body(person, 3, 8)[4, 4].tolist() == [200, 200, 200]
    (person,) = people.shown(13)
    assert not draw_body(person, 13, 8).any()


@pytest.mark.slow
def test_each_of_two_people_is_drawn_alone(frames: list[Frame]) -> None:
    drawn = shown(pose_view(people=2), beside(frames[:25]))
    last = [frame for frame in drawn if frame.tick == drawn[-1].tick]
    assert [frame.person for frame in last] == [1, 2]
    reds = [frame.pixels[7, :8, 0].mean() for frame in last]  # the noses' places across
    assert abs(reds[0] - reds[1]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("view", ["person", "pose"])
def test_people_are_counted_and_recognised_together(
    frames: list[Frame], view: ViewName
) -> None:
    recorder = Recorder(view)
    corner = Zone("door", "door", ((0, 0), (0.1, 0), (0, 0.1)))

    async def watch() -> list[Record]:
        people = [Subject("a", play(beside(frames[:25])), zones=(corner,))]
        chain = Watch(people, recorder, FakeClock(), WatchSettings(people=2))
        return [record async for record in chain.records()]

    records = asyncio.run(watch())
    counts = [each.count for each in records if isinstance(each, PeopleCount)]
    assert counts[-1] == 2
    assert all(one != other for one, other in pairwise(counts))
    predictions = [each for each in records if isinstance(each, Prediction)]
    assert len(predictions) == 9
    assert recorder.requests[-1] == 2


@pytest.mark.parametrize("people", [0, 5])
def test_a_number_of_people_out_of_range_is_refused(people: int) -> None:
    with pytest.raises(ValueError, match=rf"^people must be 1 to 4, got {people}$"):
        WatchSettings(people=people)


def test_the_chain_of_a_picture_view_is_as_it_was() -> None:
    assert ColourRecognizer().info.view == "picture"
