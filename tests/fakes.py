"""Fakes for tests: a clock set by hand, a recogniser by colour, finite sources.

Only tests import this module.
"""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from models.window import Modality
from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.views import ViewedFrame
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import Clip, Frame, ImuBatch, PersonPose, SourceStatus

_TURNS_BEFORE_JUMP = 10
"""Turns of the event loop that other tasks get before an idle clock jumps."""


@dataclass(order=True, slots=True)
class _Sleeper:
    deadline_ns: int
    order: int
    awake: asyncio.Future[None] = field(compare=False)


@final
class FakeClock:
    """A ``Clock`` that moves only when a test moves it.

    ``advance_s`` and ``move_to_ns`` advance the time and wake the sleepers whose
    deadline has passed. With ``auto_advance`` the clock jumps to the next deadline once
    every task had a few turns, so that hours of sleep pass at once. It does not wait
    for tasks that wait for something external (a process, a socket).

    Args:
        start_ns: Time at the start, nanoseconds of UTC.
        auto_advance: Whether sleeping advances the time.
    """

    def __init__(
        self, start_ns: int = 1_700_000_000 * NS_PER_S, *, auto_advance: bool = False
    ) -> None:
        self._now_ns = start_ns
        self._correction_ns = 0
        self._auto_advance = auto_advance
        self._sleepers: list[_Sleeper] = []
        self._slept = 0
        self._fell_asleep = asyncio.Event()
        self._jump_planned = False

    def now_ns(self) -> int:
        """Return the time that was set last, nanoseconds of UTC."""
        return self._now_ns

    def correction_ns(self) -> int:
        """Return the sum of all corrections, in nanoseconds."""
        return self._correction_ns

    def correct_s(self, duration_s: float) -> None:
        """Set the system clock forward or back; pipeline time is not changed."""
        self._correction_ns += seconds_to_ns(duration_s)

    def advance_s(self, duration_s: float) -> None:
        """Advance the time by ``duration_s`` seconds.

        Raises:
            ValueError: If ``duration_s`` is negative.
        """
        self.move_to_ns(self._now_ns + seconds_to_ns(duration_s))

    def move_to_ns(self, now_ns: int) -> None:
        """Set the time to ``now_ns``; wake the sleepers with deadlines up to then.

        Raises:
            ValueError: If ``now_ns`` is in the past.
        """
        if now_ns < self._now_ns:
            msg = f"time never goes back: it is {self._now_ns} ns, asked for {now_ns}"
            raise ValueError(msg)
        self._now_ns = now_ns
        while self._sleepers and self._sleepers[0].deadline_ns <= now_ns:
            sleeper = heapq.heappop(self._sleepers)
            if not sleeper.awake.done():
                sleeper.awake.set_result(None)

    async def sleep_s(self, duration_s: float) -> None:
        """Return once ``duration_s`` seconds have passed on this clock."""
        if duration_s <= 0:
            await asyncio.sleep(0)
            return
        self._slept += 1
        awake = asyncio.get_running_loop().create_future()
        deadline_ns = self._now_ns + seconds_to_ns(duration_s)
        sleeper = _Sleeper(deadline_ns, self._slept, awake)
        heapq.heappush(self._sleepers, sleeper)
        self._fell_asleep.set()
        self._plan_jump()
        try:
            await awake
        finally:
            self._forget(sleeper)

    async def wait_for_sleepers(self, count: int = 1) -> None:
        """Return once at least ``count`` tasks sleep on this clock."""
        while len(self._sleepers) < count:
            self._fell_asleep.clear()
            await self._fell_asleep.wait()

    def _forget(self, sleeper: _Sleeper) -> None:
        if sleeper in self._sleepers:
            self._sleepers.remove(sleeper)
            heapq.heapify(self._sleepers)

    def _plan_jump(self) -> None:
        if self._auto_advance and self._sleepers and not self._jump_planned:
            self._jump_planned = True
            self._count_down(_TURNS_BEFORE_JUMP)

    def _count_down(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._count_down, turns - 1)
            return
        self._jump_planned = False
        if self._sleepers:
            self.move_to_ns(max(self._now_ns, self._sleepers[0].deadline_ns))
            self._plan_jump()


COLOURS = {
    "walking": (0, 200, 0),
    "falling": (250, 0, 0),
    "fallen": (120, 0, 40),
    "empty room": (0, 0, 0),
}
"""The colour of each label of ``ColourRecognizer``."""

COLOUR_EVENTS = {"falling": "fall", "fallen": "fall"}
"""The event of each label whose event has another name than the label."""


@final
class ColourRecognizer:
    """An ``ActionRecognizer`` by colour that records the sizes of its requests.

    The feature of a picture is its mean colour. The probability of a label is close to
    the share of the clip's frames that have its colour.

    Attributes:
        encoded_batches: Number of pictures in each request to encode.
        classified_batches: Number of clips in each request to classify.
        blinded: Whether every picture is encoded as black.
    """

    def __init__(self, image_size_px: int = 8) -> None:
        labels = tuple(COLOURS)
        self.info = RecognizerInfo(
            model="colour",
            prompt_set="colours@00000000",
            labels=labels,
            events={label: COLOUR_EVENTS.get(label, label) for label in labels},
            image_size_px=image_size_px,
        )
        self.encoded_batches: list[int] = []
        self.classified_batches: list[int] = []
        self.blinded = False
        self._colours = np.array(list(COLOURS.values()), np.float32)

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch 3"]:
        """Return the mean colour of each picture, 0 to 255."""
        self.encoded_batches.append(len(frames))
        means: Float32[np.ndarray, "batch 3"] = frames.mean(
            axis=(1, 2), dtype=np.float32
        )
        return np.zeros_like(means) if self.blinded else means

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score each clip by the share of its frames near each label's colour."""
        self.classified_batches.append(len(clips))
        rows = np.stack([self._shares(clip) for clip in clips])
        modalities: list[Modality] = [
            "video" if clip.imu is None else "fused" for clip in clips
        ]
        return ClipScores(rows, rows - 0.5, tuple(modalities))

    def _shares(self, clip: Clip) -> Float32[np.ndarray, " label"]:
        distances = np.linalg.norm(clip.features[:, None] - self._colours, axis=-1)
        nearness = np.exp(-distances / 10.0)
        shares = nearness / nearness.sum(axis=1, keepdims=True)
        row: Float32[np.ndarray, " label"] = shares.mean(axis=0, dtype=np.float32)
        return row


COLOUR_LETTERS = {"w": "walking", "f": "falling", "l": "fallen", "e": "empty room"}
"""The label of each letter in a drawn row of frames."""


@final
class EvenRecognizer:
    """Finds every label equally likely, from a wearable alone."""

    info = replace(ColourRecognizer().info, needs_frames=False)

    async def encode(self, frames: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        count = len(self.info.labels)
        rows = np.full((len(clips), count), 1 / count, np.float32)
        rests: list[Modality] = ["imu"] * len(clips)
        return ClipScores(rows, rows, tuple(rests))


def colour_frames(
    subject_id: str, row: str, step_ns: int = 375_000_000, first_tick: int = 0
) -> list[Frame]:
    """Return one frame for each letter of a drawn row; a dot is a gap.

    One pixel in the corner depends on the tick, so that neighbouring pictures differ.
    """
    frames = []
    for tick, letter in enumerate(row, start=first_tick):
        if letter != ".":
            pixels = np.full((8, 8, 3), COLOURS[COLOUR_LETTERS[letter]], np.uint8)
            pixels[0, 0] = 10 * tick % 250
            frames.append(Frame(subject_id, tick * step_ns, tick, pixels))
    return frames


@final
class PlacedPeople:
    """A ``View`` of frames as they are, which finds people where a test places them.

    Args:
        people: The people in view at each tick; nobody is found at others.
    """

    def __init__(self, people: Mapping[int, Sequence[PersonPose]]) -> None:
        self._people = people
        self._leading = 0

    async def convert(self, frames: Sequence[Frame]) -> list[ViewedFrame]:
        """Return the frames, each of the first person at its tick, and the people."""
        viewed = []
        for frame in frames:
            people = tuple(self._people.get(frame.tick, ()))
            self._leading = people[0].number if people else self._leading
            shown = replace(frame, person=self._leading)
            viewed.append(ViewedFrame(frame, (shown,), people))
        return viewed

    def end(self, subject_id: str) -> list[ViewedFrame]:
        return []

    def forget(self, subject_id: str) -> None:
        """Do nothing: nothing is kept."""


async def play(
    items: Iterable[Frame | ImuBatch | SourceStatus | Exception],
) -> AsyncGenerator[Frame | ImuBatch | SourceStatus, None]:
    """Yield these items at once as a source does; raise those that are errors."""
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


async def forever(
    *items: Frame | ImuBatch | SourceStatus,
) -> AsyncGenerator[Frame | ImuBatch | SourceStatus, None]:
    """Yield some items, then wait without end."""
    for item in items:
        yield item
    await asyncio.Event().wait()
