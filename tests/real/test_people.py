"""Several real people in one view, and one who lies still for long."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import UInt8
from PIL import Image

from models.build import build_recognizer
from models.person.finder import FinderSettings, PersonFinder
from pipelines.clock import NS_PER_S
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.data.decoding import decode, survey
from pipelines.live.inference import ReuseSettings
from pipelines.live.people import PeopleInView
from pipelines.live.subject import Record, Subject, WatchSettings
from pipelines.live.views import PeopleView, PictureForm, draw_motion
from pipelines.live.watch import Watch
from pipelines.records import FALL, ActionEvent, Frame
from tests.fakes import FakeClock, play

ROOT = Path(__file__).parent.parent.parent
SIDE_PX, RATE_HZ, STEP_NS = 640, 8, NS_PER_S // 8
FORM = PictureForm(SIDE_PX, STEP_NS, 3)

pytestmark = [
    pytest.mark.real,
    pytest.mark.gst,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]

Picture = UInt8[np.ndarray, "height width 3"]


def film(file: str) -> list[Picture]:
    """The pictures of a clip of people who fall, 8 a second."""
    path = Path(os.environ["WARDWATCH_FOOTAGE"]) / "fall" / file
    facts = survey(path)
    seconds = facts.pictures / facts.rate_hz
    numbers = [int(i * facts.rate_hz / RATE_HZ) for i in range(int(seconds * RATE_HZ))]
    found = decode(path, sorted(set(numbers)), size_px=SIDE_PX)
    return [found[number] for number in numbers]


def beside(left: Picture, right: Picture) -> Picture:
    """One picture with two halves, each at half of its size."""
    picture = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    half = SIDE_PX // 2
    for place, each in enumerate((left, right)):
        small = np.asarray(Image.fromarray(each).resize((half, half)))
        picture[half // 2 : -half // 2, place * half : (place + 1) * half] = small
    return picture


def pair(left: Sequence[Picture], right: Sequence[Picture]) -> list[Frame]:
    """The first film as a camera sees it beside the second, which is repeated."""
    return [
        Frame("a", i * STEP_NS, i, beside(each, right[i % len(right)]))
        for i, each in enumerate(left)
    ]


def watched(
    frames: Sequence[Frame], recognizer: InProcessRecognizer, people: int
) -> list[Record]:
    async def watch() -> list[Record]:
        subjects = [Subject("a", play(frames))]
        settings = WatchSettings(people=people)
        chain = Watch(subjects, recognizer, FakeClock(), settings)
        return [record async for record in chain.records()]

    return asyncio.run(watch())


def falls(records: Sequence[Record]) -> list[float]:
    """Times of the starts of falls, in seconds."""
    return [
        record.start_ns / NS_PER_S
        for record in records
        if isinstance(record, ActionEvent)
        if (record.name, record.state) == (FALL, "started")
    ]


@pytest.fixture(scope="module")
def recognizer() -> Iterator[InProcessRecognizer]:
    clip = build_recognizer(str(ROOT / "models/bundled/ward-pose"))
    with InProcessRecognizer(clip) as opened:
        yield opened


def lying() -> Picture:
    """Somebody who lies on the floor after a fall."""
    return film("gmdcsa24/S1_Fall_14.mp4")[-8]


def numbers_in_view(frames: Iterator[Frame], reuse: ReuseSettings) -> list[list[int]]:
    """The numbers of the people in view at each step of the frame grid."""
    view = PeopleView(FORM, reuse, FinderSettings(people=2), draw_motion)

    async def show() -> list[list[int]]:
        found = []
        for frame in frames:
            for viewed in await view.convert([frame]):
                assert viewed.people is not None
                found.append([person.number for person in viewed.people])
        return found

    return asyncio.run(show())


@pytest.mark.timeout(600)
def test_somebody_who_lies_still_for_half_an_hour_stays_the_same_person() -> None:
    """The light falls to a third and rises again, one step in two seconds.

    Between two searches, the chain repeats the bodies of an unchanged picture.
    """
    picture, steps = lying().astype(np.float32), 30 * 60 // 2
    share = 0.65 + 0.35 * np.cos(np.linspace(0, 2 * np.pi, steps))
    finder, people = PersonFinder(FinderSettings(people=2)), PeopleInView(2)
    seen = []
    for step in range(steps):
        lit = (picture * share[step]).astype(np.uint8)
        bodies = finder.find(lit, step * 2 * NS_PER_S)
        for tick in range(step * 16, step * 16 + 16):
            people.add(tick, bodies)
        seen.append([pose.number for pose in people.poses(step * 16 + 15)])
    assert seen == [[1]] * steps


@pytest.mark.parametrize("covered_s", [2.0, 30.0])
def test_somebody_who_lies_there_is_found_within_two_seconds_of_a_covered_camera(
    covered_s: float,
) -> None:
    picture = lying()
    black = np.zeros_like(picture)
    films = [(picture, 4.0), (black, covered_s), (picture, 4.0)]
    pixels = [each for each, span_s in films for _ in range(int(span_s * RATE_HZ))]
    frames = (Frame("a", i * STEP_NS, i, each) for i, each in enumerate(pixels))
    seen = numbers_in_view(frames, ReuseSettings())
    step_s = FORM.pictures_a_step / RATE_HZ
    assert not seen[int((4.0 + covered_s) / step_s) - 1]
    assert seen[int((6.0 + covered_s) / step_s) + 1] == [1]


@pytest.mark.parametrize("file", ["S1_Fall_14.mp4", "S2_Fall_13.mp4"])
@pytest.mark.parametrize("is_left", [True, False])
def test_a_fall_is_found_while_somebody_else_walks(
    file: str, is_left: bool, recognizer: InProcessRecognizer
) -> None:
    fall, walk = film(f"gmdcsa24/{file}"), film("gmdcsa24/S1_ADL_10.mp4")
    frames = pair(fall, walk)
    if not is_left:
        frames = [
            Frame("a", each.timestamp_ns, each.tick, each.pixels[:, ::-1].copy())
            for each in frames
        ]
    assert len(falls(watched(frames, recognizer, people=2))) == 1
