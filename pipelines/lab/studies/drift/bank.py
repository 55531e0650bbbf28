"""Measure footage as the chain does, unchanged and with every change.

A room's footage is cut into segments, usually of half a minute. Each segment keeps the
mean of every signal, so that months of blocks can be drawn from an hour of pictures.
Where the footage is labelled it also keeps accuracy and mean confidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float64

from pipelines.clock import Clock, seconds_to_ns
from pipelines.lab.data.footage import Recording
from pipelines.lab.data.truth import Resolve, Truth, read_truth
from pipelines.lab.studies.drift.injections import Change, Pixels, inject
from pipelines.live.drift.picture_stats import PictureMeter
from pipelines.live.drift.settings import SIGNALS
from pipelines.live.drift.subject import (
    clip_embedding,
    clip_signals,
    picture_signals,
)
from pipelines.live.inference import recognise
from pipelines.live.windows.assembler import WindowAssembler, WindowSettings
from pipelines.recognition import ActionRecognizer
from pipelines.records import Clip, Frame, FrameFeature, Prediction
from pipelines.sources.camera.framing import PAD, Framing
from pipelines.sources.camera.source import CameraSource

_REST = "lying in bed"
_BATCH = 16
_STATS_A_SEGMENT = 6
_LEAST_STATS = 3
"""Number of measured pictures in a complete segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A part of a room's footage.

    Attributes:
        signals: Mean of each of ``SIGNALS``; NaN where nothing was measured.
        resting: Whether it was mostly predicted as lying in bed.
        confidence: Mean confidence of the clips that have a true label.
        accuracy: Share of these clips that were right; NaN without such clips.
    """

    signals: Float64[np.ndarray, " signal"]
    resting: bool
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """One subject: the segments of its unchanged footage, and of each injection's."""

    name: str
    plain: tuple[Segment, ...]
    injected: Mapping[str, tuple[Segment, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A room's pictures as the chain selects them, and their truth."""

    name: str
    frames: tuple[Frame, ...]
    truth: Truth | None


@final
class RoomMeter:
    """Measures one room: first its unchanged pictures, then changed ones.

    The plain scenes define the usual view and the typical clip, as a subject's first
    day does.
    """

    def __init__(
        self,
        plain: Sequence[Scene],
        recognizer: ActionRecognizer,
        segment_s: float = 30.0,
    ) -> None:
        self._plain, self._recognizer = plain, recognizer
        self._segment_ns = seconds_to_ns(segment_s)
        self._pictures = PictureMeter(every_s=segment_s / _STATS_A_SEGMENT)
        self._typical: np.ndarray | None = None

    async def measure_plain(self) -> tuple[Segment, ...]:
        """Learn from the unchanged scenes, then measure them."""
        for scene in self._plain:
            for frame in scene.frames:
                self._pictures.measure(frame)
        self._pictures.settle()
        watched = [
            await self._watch(scene, [frame.pixels for frame in scene.frames])
            for scene in self._plain
        ]
        embeddings = [clip_embedding(clip) for clips, _ in watched for clip in clips]
        typical = np.mean(embeddings, axis=0)
        self._typical = typical / np.linalg.norm(typical)
        return tuple(
            segment
            for scene, (clips, predictions) in zip(self._plain, watched, strict=True)
            for segment in self._segments(scene, scene.frames, clips, predictions)
        )

    async def measure(
        self, scene: Scene, change: Change | None, seed: int
    ) -> tuple[Segment, ...]:
        """Measure a scene with every picture changed; call ``measure_plain`` first."""
        frames = [
            frame
            if change is None
            else replace(frame, pixels=inject(change, frame.pixels, seed))
            for frame in scene.frames
        ]
        clips, predictions = await self._watch(
            scene, [frame.pixels for frame in frames]
        )
        return tuple(self._segments(scene, frames, clips, predictions))

    async def _watch(
        self, scene: Scene, pixels: Sequence[Pixels]
    ) -> tuple[list[Clip], list[Prediction]]:
        windows = WindowAssembler(scene.name, WindowSettings())
        clips: list[Clip] = []
        for first in range(0, len(pixels), _BATCH):
            features = await self._recognizer.encode(
                np.stack(pixels[first : first + _BATCH])
            )
            for frame, feature in zip(scene.frames[first:], features, strict=False):
                clips += windows.add(
                    FrameFeature(
                        timestamp_ns=frame.timestamp_ns,
                        tick=frame.tick,
                        feature=feature,
                        reused=False,
                    )
                )
        clips = [clip for clip in clips if not clip.partial]
        return clips, await recognise(self._recognizer, clips)

    def _segments(
        self,
        scene: Scene,
        frames: Sequence[Frame],
        clips: Sequence[Clip],
        predictions: Sequence[Prediction],
    ) -> list[Segment]:
        """Cut a scene's measurements into segments, without an incomplete last one."""
        values: dict[int, dict[str, list[float]]] = {}
        rests: dict[int, list[bool]] = {}
        answers: dict[int, list[tuple[float, bool]]] = {}
        for clip, prediction in zip(clips, predictions, strict=True):
            place = prediction.end_ns // self._segment_ns
            row = values.setdefault(place, {name: [] for name in SIGNALS})
            for name, value in clip_signals(clip, prediction, self._typical).items():
                row[name].append(value)
            row["imu_missing"].append(0.0)
            row["imu_offset"].append(0.0)
            rests.setdefault(place, []).append(prediction.label == _REST)
            true = scene.truth and scene.truth.label_of(
                prediction.start_ns, prediction.end_ns
            )
            if true in prediction.scores:
                right = prediction.label == true
                answers.setdefault(place, []).append((prediction.confidence, right))
        for frame in frames:
            stats = self._pictures.measure(frame)
            place = frame.timestamp_ns // self._segment_ns
            if stats is None or place not in values:
                continue
            for name, value in picture_signals(stats).items():
                values[place][name].append(value)
        whole = [
            place for place, row in values.items() if len(row["luma"]) >= _LEAST_STATS
        ]
        return [
            Segment(
                np.array([_mean(signal) for signal in values[place].values()]),
                bool(np.mean(rests[place]) > 0.5),
                *(
                    _mean([float(answer[which]) for answer in answers.get(place, [])])
                    for which in (0, 1)
                ),
            )
            for place in sorted(whole)
        ]


async def read_scene(
    recording: Recording,
    recognizer: ActionRecognizer,
    resolve: Resolve,
    clock: Clock,
    framing: Framing = PAD,
) -> Scene:
    """Read the pictures of a recording that the chain would select.

    Raises:
        SourceError: If it cannot be read.
    """
    camera = CameraSource(
        recording.file,
        str(recording.video),
        clock=clock,
        image_size_px=recognizer.info.image_size_px,
        step_ns=WindowSettings().step_ns,
        framing=framing,
        fail_fast=True,
        origin_ns=0,
    )
    async with camera:
        frames = [item async for item in camera if isinstance(item, Frame)]
    return Scene(recording.file, tuple(frames), read_truth(recording.spans, resolve))


def parts_of(scene: Scene, length_s: float) -> tuple[Scene, Scene]:
    """Return the first seconds of a scene, and the rest."""
    end_ns = scene.frames[0].timestamp_ns + seconds_to_ns(length_s)
    first = tuple(frame for frame in scene.frames if frame.timestamp_ns < end_ns)
    rest = scene.frames[len(first) :]
    return replace(scene, frames=first), replace(scene, frames=rest)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
