"""Views: what the recogniser is shown of a camera's picture.

    picture    the whole picture, as the camera's source scaled it
    person     each person in it alone, cut out of the picture
    pose       the motion of each person in it, drawn from the finder's landmarks

The views of people need larger pictures, more of them, and make a picture of each
person at each step of the frame grid::

    camera tick   0  1  2  3  4  5  6      every 1/8 s
    finder        p  p  p  p  p  p  p      the body of each person
    shown         0        1        2      a step of the frame grid each

With the view ``pose``, the recogniser is given no pixel of a camera.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from models.person.detector import Detector
from models.person.finder import FinderSettings, Person, PersonFinder
from models.person.landmarks import LandmarkNetwork
from models.person.pose_picture import STEP_S
from pipelines.clock import seconds_to_ns
from pipelines.live.inference import ReuseSettings, cell_luma
from pipelines.live.people import FollowedPerson, PeopleInView
from pipelines.live.windows.assembler import WindowSettings
from pipelines.recognition import RecognizerInfo
from pipelines.records import Frame, PersonPose

_FINDER_SIDE_PX = 640

Draw = Callable[[FollowedPerson, int], UInt8[np.ndarray, "side side 3"]]
"""Drawing of what a person is shown as in a step of ``STEP_S``."""


@dataclass(frozen=True, slots=True)
class PictureForm:
    """What a camera's source has to deliver.

    Attributes:
        side_px: Side of its square pictures.
        step_ns: Time between two pictures.
        pictures_a_step: Pictures in a step of the frame grid.
    """

    side_px: int
    step_ns: int
    pictures_a_step: int


def picture_form(info: RecognizerInfo, windows: WindowSettings) -> PictureForm:
    """Return what the camera's source has to deliver for a recogniser's view."""
    if info.view == "picture":
        return PictureForm(info.image_size_px, windows.step_ns, 1)
    count = max(1, round(windows.step_ns / seconds_to_ns(STEP_S)))
    return PictureForm(_FINDER_SIDE_PX, windows.step_ns // count, count)


@dataclass(frozen=True, slots=True, eq=False)
class ViewedFrame:
    """The recogniser's frames of one camera frame.

    Attributes:
        camera: The camera's frame.
        frames: One frame, or one for each person in view, the leading person first;
            at least one.
        people: The people in view, the leading first; None if the view finds nobody.
    """

    camera: Frame
    frames: tuple[Frame, ...]
    people: tuple[PersonPose, ...] | None = None


@runtime_checkable  # annotations are checked at run time under test
class View(Protocol):
    """Conversion of the cameras' frames to the recogniser's."""

    async def convert(self, frames: Sequence[Frame]) -> list[ViewedFrame]:
        """Return the recogniser's frames of the given frames, or of some of them."""
        ...

    def end(self, subject_id: str) -> list[ViewedFrame]:
        """Return what a subject's last picture shows, unless it was converted."""
        ...

    def forget(self, subject_id: str) -> None:
        """Forget a subject; do nothing if it is not known."""
        ...


def build_view(
    info: RecognizerInfo, windows: WindowSettings, reuse: ReuseSettings, people: int
) -> View:
    """Build the view of a recogniser.

    Args:
        info: The recogniser's.
        windows: The frame grid.
        reuse: When an unchanged picture needs no new search for people.
        people: Greatest number of people that are followed in one camera's view.

    Raises:
        PersonModelError: If it needs the person finder, and a file of that is missing.
    """
    if info.view == "picture":
        return PictureView()
    form, is_drawn = picture_form(info, windows), info.view == "pose"
    draw = draw_motion if is_drawn else partial(draw_body, side_px=info.image_size_px)
    settings = FinderSettings(people=people, silhouettes=not is_drawn)
    return PeopleView(form, reuse, settings, draw)


def draw_motion(person: FollowedPerson, step: int) -> UInt8[np.ndarray, "32 32 3"]:
    """Draw a person's latest poses; black if the person is not in view."""
    return person.history.picture(step)


def draw_body(
    person: FollowedPerson, step: int, side_px: int
) -> UInt8[np.ndarray, "side side 3"]:
    """Show a person alone as last seen; black if the person is not in view."""
    body = person.body
    if body is None or body.silhouette is None or not person.is_in_view(step):
        return np.zeros((side_px, side_px, 3), np.uint8)
    return body.silhouette.isolate(body.box, side_px)


@final
class PictureView:
    """Shows the cameras' frames as they are."""

    async def convert(self, frames: Sequence[Frame]) -> list[ViewedFrame]:
        """See ``View``."""
        return [ViewedFrame(frame, (frame,)) for frame in frames]

    def end(self, subject_id: str) -> list[ViewedFrame]:
        """See ``View``; every picture was converted."""
        return []

    def forget(self, subject_id: str) -> None:
        """See ``View``."""


@final
class PeopleView:
    """Shows each person in view in a picture of their own.

    Args:
        form: The pictures that the cameras' sources deliver.
        reuse: When an unchanged picture needs no new search for people.
        settings: How people are found and followed.
        draw: Drawing of a person's picture.

    Raises:
        PersonModelError: If a file of the person finder is missing or wrong.
    """

    def __init__(
        self,
        form: PictureForm,
        reuse: ReuseSettings,
        settings: FinderSettings,
        draw: Draw,
    ) -> None:
        self._form, self._reuse = form, reuse
        self._settings, self._draw = settings, draw
        self._detector = Detector(settings.threads, settings.least_score)
        self._landmarks = LandmarkNetwork(settings.threads, masks=settings.silhouettes)
        self._subjects: dict[str, _SubjectPeople] = {}

    async def convert(self, frames: Sequence[Frame]) -> list[ViewedFrame]:
        """See ``View``; the search runs in a thread of its own."""
        if not frames:
            return []
        return await asyncio.to_thread(self._convert, frames)

    def end(self, subject_id: str) -> list[ViewedFrame]:
        """See ``View``."""
        if subject_id not in self._subjects:
            return []
        return self._subjects[subject_id].end()

    def forget(self, subject_id: str) -> None:
        """See ``View``."""
        self._subjects.pop(subject_id, None)

    def _convert(self, frames: Sequence[Frame]) -> list[ViewedFrame]:
        viewed = (self._people_of(frame.subject_id).add(frame) for frame in frames)
        return [each for each in viewed if each is not None]

    def _people_of(self, subject_id: str) -> "_SubjectPeople":
        if subject_id not in self._subjects:
            finder = PersonFinder(self._settings, self._detector, self._landmarks)
            self._subjects[subject_id] = _SubjectPeople(
                finder, self._form, self._reuse, self._settings.people, self._draw
            )
        return self._subjects[subject_id]


@final
class _SubjectPeople:
    """The people in the pictures of one camera."""

    def __init__(
        self,
        finder: PersonFinder,
        form: PictureForm,
        reuse: ReuseSettings,
        most: int,
        draw: Draw,
    ) -> None:
        self._finder, self._form, self._reuse = finder, form, reuse
        self._draw, self._most, self._people = draw, most, PeopleInView(most)
        self._bodies: list[Person] = []
        self._luma: Float32[np.ndarray, "row column"] | None = None
        self._searched_ns = 0
        self._shown_tick = -1
        self._waiting: tuple[Frame, int] | None = None
        """The latest frame and its step, if it began no step of the grid."""

    def add(self, frame: Frame) -> ViewedFrame | None:
        """Add a camera's frame; return what is shown if a step of the grid began."""
        step = round(frame.tick * self._form.step_ns / seconds_to_ns(STEP_S))
        tick = frame.tick // self._form.pictures_a_step
        if tick < self._shown_tick:  # a new stream, whose ticks start from 0 again
            self._people, self._shown_tick = PeopleInView(self._most), -1
        self._people.add(step, self._find_bodies(frame))
        if tick == self._shown_tick:
            self._waiting = frame, step
            return None
        return self._show(frame, step, tick)

    def end(self) -> list[ViewedFrame]:
        """Show the last frame, as if it began a step."""
        if self._waiting is None:
            return []
        return [self._show(*self._waiting, self._shown_tick + 1)]

    def _show(self, frame: Frame, step: int, tick: int) -> ViewedFrame:
        self._shown_tick, self._waiting = tick, None
        shown = tuple(
            Frame(
                frame.subject_id,
                frame.timestamp_ns,
                tick,
                self._draw(person, step),
                person.number,
                person.is_seen(step),
            )
            for person in self._people.shown(step)
        )
        return ViewedFrame(frame, shown, self._people.poses(step))

    def _find_bodies(self, frame: Frame) -> list[Person]:
        """Return the bodies in a frame; those before if the picture is unchanged."""
        luma = cell_luma(frame.pixels)
        age_ns = frame.timestamp_ns - self._searched_ns
        if self._luma is not None and 0 <= age_ns <= seconds_to_ns(
            self._reuse.longest_s
        ):
            change = float(np.abs(luma - self._luma).max())
            if change < self._reuse.difference_luma:
                return self._bodies
        self._luma, self._searched_ns = luma, frame.timestamp_ns
        self._bodies = self._finder.find(
            frame.pixels, frame.timestamp_ns, luma, frame.shown_px
        )
        return self._bodies
