"""Simulated footage on disk: videos, wearables and labels in a footage folder.

Every recording has its own person, room and camera, drawn from a stream of seeds.
``Stream`` separates footage, training and validation: no seed that a user can give
leads to a world used for training or for choosing a setting.
"""

import csv
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from pipelines.errors import FootageError
from pipelines.folders import make_folder
from pipelines.lab.data.footage import (
    LABELS_NAME,
    LabelledSpan,
    parse_labels,
    write_labels,
)
from pipelines.lab.simulation.life import MoreActivities, live
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Track
from pipelines.lab.simulation.picture import (
    HEIGHT_PX,
    WIDTH_PX,
    Photographer,
    random_sensor,
)
from pipelines.lab.simulation.render_probe import require_rendering
from pipelines.lab.simulation.wearable import POSITIONS, simulate_sensor
from pipelines.lab.simulation.world import World, random_world
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from pipelines.sources.wearable.replay import IMU_COLUMNS

Job = TypeVar("Job", bound=Hashable)
Result = TypeVar("Result")

SIMULATOR_VERSION = 6
"""Raise this number when equal plans give other pictures or labels."""

FRAME_RATE_HZ = Fraction(12)
RECORDING_S = 60.0
_SHORTEST_S = 1.0


class Stream(IntEnum):
    """The stream of a recording's seed; streams never overlap.

    ``FOOTAGE`` is for simulated and measured footage, ``TRAINING`` for training,
    ``VALIDATION`` for choosing settings, such as the thresholds of events,
    ``MONTH`` for the hours of a simulated month, and ``PAIRS`` for measuring two people
    in one view.
    """

    FOOTAGE = 0
    TRAINING = 1
    VALIDATION = 2
    MONTH = 3
    PAIRS = 4


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """Everything that determines a recording; equal plans give equal recordings."""

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
        """Return the random generator of the recording."""
        key = (int(self.stream), self.index)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def plan_footage(
    hours: float, seed: int, stream: Stream = Stream.FOOTAGE
) -> list[RecordingPlan]:
    """Split hours of a stream into recordings of a minute.

    The last one may be shorter; a rest below one second is dropped.
    """
    total_s = hours * 3600
    count = max(1, int(np.ceil(total_s / RECORDING_S)))
    lengths = [min(RECORDING_S, total_s - i * RECORDING_S) for i in range(count)]
    lengths = [length for length in lengths if length >= _SHORTEST_S] or lengths[:1]
    return [RecordingPlan(stream, seed, i, length) for i, length in enumerate(lengths)]


def simulate(
    folder: Path,
    plans: list[RecordingPlan],
    *,
    workers: int | None = None,
    on_done: Callable[[RecordingPlan], None] | None = None,
) -> list[LabelledSpan]:
    """Render recordings into a footage folder and write its ``labels.csv``.

    Recordings of the same names are overwritten.

    Returns:
        The rows of ``labels.csv``.

    Raises:
        FolderError: If the folder cannot be written to.
        FootageError: If its ``labels.csv`` labels other recordings than these.
        PipelineError: If this machine cannot render.
    """
    make_folder(folder)
    _refuse_other_labels(folder / LABELS_NAME, plans)
    render = partial(render_recording, folder)
    spans = in_render_processes(render, plans, workers, on_done)
    rows = [row for plan in plans for row in spans[plan]]
    write_labels(folder / LABELS_NAME, rows)
    return rows


def in_render_processes(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: int | None = None,
    on_done: Callable[[Job], None] | None = None,
) -> dict[Job, Result]:
    """Run the same work for every job, such as a plan; see ``as_rendered``.

    Raises:
        PipelineError: If this machine cannot render.
    """
    results: dict[Job, Result] = {}
    for job, result in as_rendered(work, jobs, workers):
        results[job] = result
        if on_done is not None:
            on_done(job)
    return results


def as_rendered(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int | None = None
) -> Generator[tuple[Job, Result], None, None]:
    """Run the same work for every job, in processes that can render.

    The first failure or an interrupt stops it: work that has not begun is cancelled,
    and running work is not waited for.

    By default there is a process for each core; ``work`` can be pickled. Jobs come in
    the order in which they finish.

    Raises:
        PipelineError: If this machine cannot render.
    """
    if not jobs:
        return
    require_rendering()
    cores = len(os.sched_getaffinity(0))
    # Spawned, because GL contexts and GStreamer do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        min(workers or cores, len(jobs)),
        mp_context=context,
        initializer=prepare_worker,
    )
    # The processes inherit it: a terminal's Ctrl-C is for this one alone.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    futures = {pool.submit(work, job): job for job in jobs}
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        for future in as_completed(list(futures)):
            yield futures.pop(future), future.result()
    except BaseException:
        # Cancelled one by one: a pool that is dropped at once forgets cancel_futures.
        for future in futures:
            future.cancel()
        pool.shutdown(wait=False)
        raise
    pool.shutdown()


def prepare_worker() -> None:
    """Prepare a worker process for rendering.

    Its renderer uses one thread, because two processes with one thread each render
    faster than one with two. The parent process handles interrupts.
    """
    os.environ["LP_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def simulate_motion(
    plan: RecordingPlan, more: MoreActivities | None = None
) -> tuple[np.random.Generator, World, Track]:
    """Create a recording's world and simulate its life, without taking pictures.

    ``more`` are further activities, as of ``life.live``.
    """
    rng = plan.generator()
    world = random_world(rng)
    return rng, world, live(world, rng, plan.duration_s, more)


def render_recording(
    folder: Path, plan: RecordingPlan, *, turned_deg: float = 0.0
) -> list[LabelledSpan]:
    """Write one recording's video and wearables; return its labels.

    ``turned_deg`` rotates the camera about the vertical, as after a knock.
    """
    rng, world, track = simulate_motion(plan)
    world.turn_camera(turned_deg)
    video = folder / plan.name
    film(video, plan.rate_hz, world, track, rng)
    for position, site in POSITIONS.items():
        felt = simulate_sensor(world, track, site, rng)
        _write_imu(video.with_suffix(f".{position}.imu.csv"), felt)
    return list(labelled_spans(plan.name, track))


def film(
    path: Path, rate_hz: Fraction, world: World, track: Track, rng: np.random.Generator
) -> None:
    """Write what a random camera sensor in the world's camera sees of a life."""
    with (
        VideoFileWriter(path, WIDTH_PX, HEIGHT_PX, rate_hz) as writer,
        Photographer(world, random_sensor(rng), rng) as photographer,
    ):
        for picture in shots(photographer, track, rate_hz):
            writer.write(picture)


def shots(
    photographer: Photographer, track: Track, rate_hz: Fraction
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Yield each picture of a film of a life."""
    photographer.park_walking_aid(track.qpos)
    for sample in picture_samples(track, rate_hz):
        yield photographer.render(track.qpos[sample], covered=track.covered[sample])


def _refuse_other_labels(path: Path, plans: Sequence[RecordingPlan]) -> None:
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    names = {plan.name for plan in plans}
    if any(row.file not in names for row in parse_labels(text, str(path))):
        problem = "labels other recordings; choose another folder"
        raise FootageError(str(path), problem)


def picture_samples(track: Track, rate_hz: Fraction) -> Iterator[int]:
    """Yield the sample that each picture of a film shows."""
    count = int(len(track.labels) * rate_hz / SAMPLE_RATE_HZ)
    for n in range(count):
        yield min(round(n * SAMPLE_RATE_HZ / rate_hz), len(track.labels) - 1)


def labelled_spans(file: str, track: Track) -> Iterator[LabelledSpan]:
    """Yield the labels of a film, one for each run of equal activities."""
    sample = 0
    for (label, note), run in groupby(zip(track.labels, track.notes, strict=True)):
        end = sample + len(list(run))
        yield LabelledSpan(
            file=file,
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
