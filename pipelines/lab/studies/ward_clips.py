"""Short labelled clips of the simulated ward, for the studies of models.

    plan ─▶ a room and a minute's life ─▶ windows in the middle of each activity
                                            ├─▶ 8 pictures of each, and their parts
                                            └─▶ 3 s of the wearable at the waist

Pictures are rendered only at the moments needed, without a video. A room is stored as
one file, so that an interrupted run can resume.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from pipelines.folders import make_folder
from pipelines.lab.simulation.footage import (
    SIMULATOR_VERSION,
    RecordingPlan,
    Stream,
    in_render_processes,
    simulate_motion,
)
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Track
from pipelines.lab.simulation.picture import Photographer, random_sensor
from pipelines.lab.simulation.wearable import POSITIONS, simulate_sensor
from pipelines.lab.studies.clip_set import ClipSet, squared

FRAMES, WINDOW_S = 8, 3.0
IMU_RATE_HZ = float(SAMPLE_RATE_HZ)
IMU_SAMPLES = round(WINDOW_S * SAMPLE_RATE_HZ)
CLIPS_A_ROOM = 10
"""Approximate number of clips in a room, for planning."""

_MOST_OF_A_LABEL = 2
"""Most clips of a label in a room, because people mostly walk and sit."""


def plan_rooms(clips: int, seed: int, stream: Stream) -> list[RecordingPlan]:
    """Plan enough rooms for an approximate number of clips."""
    count = max(2, -(-clips // CLIPS_A_ROOM))
    return [RecordingPlan(stream, seed, i) for i in range(count)]


def prepare_ward_clips(
    folder: Path,
    plans: Sequence[RecordingPlan],
    labels: Sequence[str],
    *,
    image_size_px: int,
    on_done: Callable[[RecordingPlan], None],
    workers: int | None = None,
) -> ClipSet:
    """Render missing rooms, and read all clips.

    ``folder`` has a file for each room; a clip's group is the index of its room in
    ``plans``.

    Raises:
        FolderError: If the folder cannot be written to.
        PipelineError: If this machine cannot render.
    """
    make_folder(folder)
    paths = {plan: _path(folder, plan, image_size_px) for plan in plans}
    missing = [plan for plan in plans if not paths[plan].exists()]
    for plan in plans:
        if plan not in missing:
            on_done(plan)
    render = partial(_render_room, folder=folder, image_size_px=image_size_px)
    in_render_processes(render, missing, workers, on_done)
    rooms = [_read_room(paths[plan], room, labels) for room, plan in enumerate(plans)]
    return ClipSet.joined(rooms)


def _read_room(path: Path, room: int, labels: Sequence[str]) -> ClipSet:
    place = {label: i for i, label in enumerate(labels)}
    with np.load(path) as kept:
        names = kept["labels"].tolist()
        known = np.array([name in place for name in names], bool)
        return ClipSet(
            frames=kept["frames"][known],
            labels=np.array([place[name] for name in names if name in place], np.int64),
            groups=np.full(int(known.sum()), room, np.int64),
            imu=kept["imu"][known],
            parts=kept["parts"][known],
            imu_rate_hz=IMU_RATE_HZ,
        )


def _path(folder: Path, plan: RecordingPlan, image_size_px: int) -> Path:
    stem = f"{plan.stream.name.lower()}-{plan.seed}-{plan.index:04d}"
    return folder / f"{stem}-{image_size_px}-v{SIMULATOR_VERSION}.npz"


def _render_room(plan: RecordingPlan, folder: Path, image_size_px: int) -> None:
    rng, world, track = simulate_motion(plan)
    starts = list(window_starts(track))
    frames, maps = [], []
    with Photographer(world, random_sensor(rng), rng) as photographer:
        photographer.park_walking_aid(track.qpos)
        for start in starts:
            samples = picture_samples(start)
            shots = [
                photographer.render(track.qpos[at], covered=track.covered[at])
                for at in samples
            ]
            frames.append([squared(shot, image_size_px) for shot in shots])
            middle = samples[len(samples) // 2]
            shown = photographer.segment(
                track.qpos[middle], covered=track.covered[middle]
            )
            maps.append(squared(shown, image_size_px))
    felt = simulate_sensor(world, track, POSITIONS["waist"], rng)
    path = _path(folder, plan, image_size_px)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            frames=np.array(frames, np.uint8),
            labels=np.array([label_of_window(track, start) for start in starts]),
            imu=np.array([felt[at : at + IMU_SAMPLES] for at in starts], np.float32),
            parts=np.array(maps, np.uint8),
        )
    part.replace(path)


def picture_samples(start: int) -> list[int]:
    """Return the samples of the pictures, of which the last ends the window."""
    step = IMU_SAMPLES / FRAMES
    return [start + round((i + 1) * step) - 1 for i in range(FRAMES)]


def label_of_window(track: Track, start: int) -> str:
    """Return the activity in the middle of a window."""
    return track.labels[start + IMU_SAMPLES // 2]


def window_starts(track: Track) -> Iterator[int]:
    """Yield starts of windows in the middle of each activity, a few of each label."""
    seen: Counter[str] = Counter()
    sample = 0
    for label, run in groupby(track.labels):
        length = len(list(run))
        start = sample + length // 2 - IMU_SAMPLES // 2
        sample += length
        inside = 0 <= start <= len(track.labels) - IMU_SAMPLES
        if inside and seen[label] < _MOST_OF_A_LABEL:
            seen[label] += 1
            yield start
