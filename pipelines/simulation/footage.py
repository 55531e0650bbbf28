"""Simulated footage on disk: videos, wearables and labels in a footage folder.

Every recording has a person, a room and a camera of its own, drawn from a stream of
seeds. ``Stream`` keeps apart what must not meet: no seed that a user can give leads
to a world that training or its validation saw.
"""

import csv
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np

from pipelines.data.footage import LABELS_NAME, LabelledSpan, write_labels
from pipelines.simulation.life import live
from pipelines.simulation.motion import SAMPLE_RATE_HZ, Track
from pipelines.simulation.picture import (
    HEIGHT_PX,
    WIDTH_PX,
    Photographer,
    random_sensor,
)
from pipelines.simulation.wearable import POSITIONS, feel
from pipelines.simulation.world import World, random_world
from pipelines.sources.replay import IMU_COLUMNS
from pipelines.sources.video_file import VideoFileWriter

Result = TypeVar("Result")

FRAME_RATE_HZ = Fraction(12)
RECORDING_S = 60.0


class Stream(IntEnum):
    """Which stream a recording's seed comes from; streams never meet."""

    FOOTAGE = 0
    TRAINING = 1
    VALIDATION = 2


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What makes one recording; equal plans make equal recordings."""

    stream: Stream
    seed: int
    index: int
    duration_s: float = RECORDING_S
    rate_hz: Fraction = FRAME_RATE_HZ

    @property
    def name(self) -> str:
        """The video's file name."""
        return f"ward-{self.seed}-{self.index:04d}.mp4"

    def generator(self) -> np.random.Generator:
        """Return the source of every choice in the recording."""
        key = (int(self.stream), self.index)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def plan_footage(
    hours: float,
    seed: int,
    stream: Stream = Stream.FOOTAGE,
    rate_hz: Fraction = FRAME_RATE_HZ,
) -> list[RecordingPlan]:
    """Cut hours into recordings of a minute; the last one may be shorter."""
    total_s = hours * 3600
    count = max(1, int(np.ceil(total_s / RECORDING_S - 1e-9)))
    lengths = [min(RECORDING_S, total_s - i * RECORDING_S) for i in range(count)]
    return [
        RecordingPlan(stream, seed, i, length, rate_hz)
        for i, length in enumerate(lengths)
    ]


def simulate(
    folder: Path,
    plans: list[RecordingPlan],
    *,
    workers: int = 2,
    on_done: Callable[[RecordingPlan], None] | None = None,
) -> list[LabelledSpan]:
    """Render recordings into a footage folder and write its ``labels.csv``.

    Args:
        folder: Made if it is not there; existing recordings of the same name are
            written anew.
        plans: What to render.
        workers: Processes that render, one recording each at a time.
        on_done: Told of every finished recording, in the order they finish.

    Returns:
        The rows of ``labels.csv``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    render = partial(render_recording, folder)
    spans = in_render_processes(render, plans, workers, on_done)
    rows = [row for plan in plans for row in spans[plan]]
    write_labels(folder / LABELS_NAME, rows)
    return rows


def in_render_processes(
    work: Callable[[RecordingPlan], Result],
    plans: Sequence[RecordingPlan],
    workers: int,
    on_done: Callable[[RecordingPlan], None] | None = None,
) -> dict[RecordingPlan, Result]:
    """Do the same work for every plan, in processes that may render.

    Args:
        work: Can be pickled; one plan at a time in each process.
        plans: What it is called with.
        workers: How many processes.
        on_done: Told of every plan that is done, in the order they finish.
    """
    if not plans:
        return {}
    results: dict[RecordingPlan, Result] = {}
    # Spawned, for GL contexts and GStreamer do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(workers, len(plans)), mp_context=context, initializer=one_render_thread
    ) as pool:
        futures = {pool.submit(work, plan): plan for plan in plans}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            if on_done is not None:
                on_done(futures[future])
    return results


def one_render_thread() -> None:
    """Keep this process' renderer to one thread.

    Two processes with one thread each render more than one process with two.
    """
    os.environ["LP_NUM_THREADS"] = "1"


def perform(plan: RecordingPlan) -> tuple[np.random.Generator, World, Track]:
    """Draw a recording's world and live in it, without taking pictures."""
    rng = plan.generator()
    world = random_world(rng)
    return rng, world, live(world, rng, plan.duration_s)


def render_recording(folder: Path, plan: RecordingPlan) -> list[LabelledSpan]:
    """Write one recording's video and wearables; return its labels."""
    rng, world, track = perform(plan)
    video = folder / plan.name
    with (
        VideoFileWriter(video, WIDTH_PX, HEIGHT_PX, plan.rate_hz) as writer,
        Photographer(world, random_sensor(rng), rng) as photographer,
    ):
        for sample in _picture_samples(track, plan.rate_hz):
            picture = photographer.shoot(
                track.qpos[sample], covered=track.covered[sample]
            )
            writer.write(picture)
    for position, site in POSITIONS.items():
        felt = feel(world, track, site, rng)
        _write_imu(video.with_suffix(f".{position}.imu.csv"), felt)
    return list(_spans(plan, track))


def _picture_samples(track: Track, rate_hz: Fraction) -> Iterator[int]:
    count = int(len(track.labels) * rate_hz / SAMPLE_RATE_HZ)
    for n in range(count):
        yield min(round(n * SAMPLE_RATE_HZ / rate_hz), len(track.labels) - 1)


def _spans(plan: RecordingPlan, track: Track) -> Iterator[LabelledSpan]:
    sample = 0
    for (label, note), run in groupby(zip(track.labels, track.notes, strict=True)):
        end = sample + len(list(run))
        yield LabelledSpan(
            file=plan.name,
            label=label,
            source="simulated ward",
            start_s=sample / SAMPLE_RATE_HZ,
            end_s=end / SAMPLE_RATE_HZ,
            notes=note,
        )
        sample = end


def _write_imu(path: Path, felt: np.ndarray) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(IMU_COLUMNS)
        for i, row in enumerate(felt):
            writer.writerow(
                [f"{i / SAMPLE_RATE_HZ:.2f}", *(f"{value:.4f}" for value in row)]
            )
