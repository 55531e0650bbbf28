"""Training pictures: simulated recordings as the camera source delivers them.

A recording is rendered, encoded, and read back through
``pipelines.sources.camera.source``, so that training and use see the same pictures. Its
pictures are kept as arrays in a folder, which makes the work resumable. File names hold
everything that the pictures depend on, so that several trainings can share a folder.
"""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from models.prompts.prompt_set import PromptSet
from pipelines.clock import NS_PER_S, SystemClock
from pipelines.folders import make_folder
from pipelines.lab.simulation.footage import (
    SIMULATOR_VERSION,
    RecordingPlan,
    in_render_processes,
    render_recording,
    simulate_motion,
)
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.records import Frame
from pipelines.sources.camera.source import CameraSource


@runtime_checkable  # annotations are checked at run time under test
class Labelled(Protocol):
    """Pictures with the activity at each one's time."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The activities."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PictureRun:
    """The pictures of one recording in time order.

    Attributes:
        pictures_path: File of the pictures as the model sees them, uint8 [time, height,
            width, 3].
        labels: Activity at each picture's time.
        landmarks: ``World.landmarks`` in fractions of the square picture; heights in
            metres.
    """

    pictures_path: Path
    labels: tuple[str, ...]
    landmarks: Float32[np.ndarray, "time landmark 4"]

    def pictures(
        self, places: Int64[np.ndarray, " time"]
    ) -> UInt8[np.ndarray, "time height width 3"]:
        """Read the pictures at some indices.

        The file is closed again, because there may be more runs than a process may have
        open files.
        """
        mapped = np.load(self.pictures_path, mmap_mode="r")
        picked: UInt8[np.ndarray, "time height width 3"] = mapped[places]
        return picked


def prepare_runs(
    folder: Path,
    plans: Sequence[RecordingPlan],
    *,
    image_size_px: int,
    step_ns: int,
    on_done: Callable[[RecordingPlan], None],
    workers: int | None = None,
) -> list[PictureRun]:
    """Render missing recordings, and open all.

    Equal plans are rendered once. The folder needs about 50 kB for a picture.

    Raises:
        FolderError: If the folder cannot be written to.
        PipelineError: If this machine cannot render.
    """
    make_folder(folder)
    prepare = _Preparation(folder, image_size_px, step_ns)
    missing = []
    for plan in plans:
        if _is_ready(prepare.stem(plan)):
            on_done(plan)
        else:
            missing.append(plan)
    in_render_processes(prepare, missing, workers, on_done)
    return [_open(prepare.stem(plan)) for plan in plans]


def label_matrix(
    runs: Sequence[Labelled], prompt_set: PromptSet
) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """Return each run's labels as indices into the prompt set's labels.

    A label that is not in the prompt set is -1.
    """
    return [np.array([prompt_set.place(label) for label in run.labels]) for run in runs]


@final
@dataclass(frozen=True, slots=True)
class _Preparation:
    """Renders a plan's pictures, for ``in_render_processes``."""

    folder: Path
    image_size_px: int
    step_ns: int

    def __call__(self, plan: RecordingPlan) -> None:
        with TemporaryDirectory() as scratch:
            render_recording(Path(scratch), plan)
            video = Path(scratch) / plan.name
            frames = asyncio.run(_read(video, self.image_size_px, self.step_ns))
        _keep(self.stem(plan), plan, frames)

    def stem(self, plan: RecordingPlan) -> Path:
        """Return the path of a plan's files without their suffixes."""
        name = f"{plan.stream.name.lower()}-{plan.seed}-{plan.index:04d}"
        rate = f"{plan.rate_hz.numerator}_{plan.rate_hz.denominator}Hz"
        length, step = f"{plan.duration_s * 1000:.0f}ms", f"{self.step_ns}ns"
        facts = (name, length, rate, step, f"{self.image_size_px}px")
        return self.folder / f"{'-'.join(facts)}-v{SIMULATOR_VERSION}"


def _open(stem: Path) -> PictureRun:
    facts = json.loads(stem.with_suffix(".json").read_text())
    return PictureRun(
        stem.with_suffix(".npy"),
        tuple(facts["labels"]),
        np.array(facts["landmarks"], np.float32),
    )


def _is_ready(stem: Path) -> bool:
    return stem.with_suffix(".json").exists()  # written last


def _keep(stem: Path, plan: RecordingPlan, frames: Sequence[Frame]) -> None:
    _, world, track = simulate_motion(plan)
    labels, landmarks = [], []
    for frame in frames:
        sample = round(frame.timestamp_ns * SAMPLE_RATE_HZ / NS_PER_S)
        sample = min(sample, len(track.labels) - 1)
        labels.append(track.labels[sample])
        landmarks_now = world.landmarks(track.qpos[sample])
        # A 4:3 picture is in the middle of its square.
        landmarks_now[:, 1] = 0.5 + (landmarks_now[:, 1] - 0.5) * 3 / 4
        landmarks.append(np.round(landmarks_now, 4).tolist())
    np.save(stem.with_suffix(".npy"), np.stack([frame.pixels for frame in frames]))
    facts = json.dumps({"labels": labels, "landmarks": landmarks})
    part = stem.with_suffix(f".{os.getpid()}.part")
    part.write_text(facts)
    part.replace(stem.with_suffix(".json"))


async def _read(video: Path, image_size_px: int, step_ns: int) -> list[Frame]:
    source = CameraSource(
        "training",
        str(video),
        clock=SystemClock(),
        image_size_px=image_size_px,
        step_ns=step_ns,
    )
    async with source:
        return [item async for item in source if isinstance(item, Frame)]
