"""Poses of filmed people, as the person finder sees them.

They join the simulated lives in training, and the plain rule is applied to them.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float32

from models.person.finder import FinderSettings, Person, PersonFinder
from models.person.pose_picture import JOINTS, STEP_S
from pipelines.clock import Clock, seconds_to_ns
from pipelines.lab.data.footage import Recording
from pipelines.lab.poses.pose_lives import PoseRun, PoseRuns, join_runs, latest_sizes
from pipelines.records import Frame
from pipelines.sources.camera.framing import PAD, Framing
from pipelines.sources.camera.source import CameraSource

UNLABELLED = ""
"""Activity of a time that no span covers."""

_SIDE_PX = 640


@final
@dataclass(frozen=True, slots=True, eq=False)
class FilmedPeople:
    """One picture of a recording.

    Attributes:
        time_ns: Its presentation time.
        step: Number of the step of 1/8 s.
        people: Everybody who was found.
    """

    time_ns: int
    step: int
    people: list[Person]


@final
@dataclass(frozen=True, slots=True, eq=False)
class FilmedPose:
    """One picture of a recording.

    Attributes:
        time_ns: Its presentation time.
        step: Number of the step of 1/8 s.
        joints: x, y and visibility of each joint; None if nobody was found.
    """

    time_ns: int
    step: int
    joints: Float32[np.ndarray, "13 3"] | None


async def filmed_people(
    recording: Recording, clock: Clock, people: int, framing: Framing = PAD
) -> AsyncIterator[FilmedPeople]:
    """Find the people in a recording, eight times a second.

    Args:
        recording: The recording.
        clock: Measures spans only.
        people: Greatest number of people in view.
        framing: How a picture becomes a square.

    Raises:
        SourceError: If its video cannot be read.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    finder = PersonFinder(FinderSettings(people=people))
    camera = CameraSource(
        recording.file,
        str(recording.video.absolute()),
        clock=clock,
        image_size_px=_SIDE_PX,
        step_ns=seconds_to_ns(STEP_S),
        framing=framing,
        fail_fast=True,
    )
    async with AsyncExitStack() as stack:
        async for frame in await stack.enter_async_context(camera):
            if not isinstance(frame, Frame):
                continue
            time_ns, shown_px = frame.timestamp_ns, frame.shown_px
            found = finder.find(frame.pixels, time_ns, shown_px=shown_px)
            yield FilmedPeople(time_ns, frame.tick, found)


async def filmed_poses(
    recording: Recording, clock: Clock, framing: Framing = PAD
) -> AsyncIterator[FilmedPose]:
    """Find the person in a recording, eight times a second; see ``filmed_people``."""
    async for seen in filmed_people(recording, clock, 1, framing):
        joints = seen.people[0].landmarks[list(JOINTS)] if seen.people else None
        yield FilmedPose(seen.time_ns, seen.step, joints)


def filmed_runs(
    recordings: Sequence[Recording],
    clock: Clock,
    on_done: Callable[[int], None],
    cache: Path,
) -> PoseRuns:
    """Find the people in labelled recordings.

    Args:
        recordings: Recordings with labelled spans.
        clock: Measures spans only.
        on_done: Called with the number of finished recordings.
        cache: Folder that keeps the result for another run of the same recordings.

    Raises:
        SourceError: If a video cannot be read.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    facts = repr([(each.file, each.spans) for each in recordings])
    name = hashlib.sha256(facts.encode()).hexdigest()[:8]
    path = cache / f"poses-filmed-{name}.npz"
    if path.exists():
        return PoseRuns.load(path)
    runs = []
    for recording in recordings:
        runs.append(asyncio.run(filmed_run(recording, clock)))
        on_done(len(runs))
    joined = join_runs(runs, pad=True)
    joined.save(path)
    return joined


async def filmed_run(recording: Recording, clock: Clock) -> PoseRun:
    """Find the person in a labelled recording.

    Raises:
        SourceError: If its video cannot be read.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    poses = [pose async for pose in filmed_poses(recording, clock)]
    steps = poses[-1].step + 1 if poses else 1
    labels = tuple(_label_at(recording, step * STEP_S) for step in range(steps))
    return run_of(poses, labels)


def run_of(poses: Iterable[FilmedPose], labels: tuple[str, ...]) -> PoseRun:
    """Return the poses of one person, with the activity of each step."""
    joints = np.zeros((len(labels), len(JOINTS), 3), np.float32)
    found = np.zeros(len(labels), bool)
    for pose in poses:
        if pose.joints is not None:
            joints[pose.step], found[pose.step] = pose.joints, True
    sizes = latest_sizes(joints, found)
    return PoseRun(joints.astype(np.float16), found, sizes, labels)


def _label_at(recording: Recording, time_s: float) -> str:
    for span in recording.spans:
        if span.start_s <= time_s < span.end_s:
            return span.label
    return UNLABELLED
