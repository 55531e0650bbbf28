"""The cost of drift detection: time per clip, and memory after simulated days."""

import gc
import json
import tracemalloc
from dataclasses import dataclass
from statistics import median

import numpy as np

from models.recognizer import ClipRecognizer
from pipelines.clock import NS_PER_S, Clock
from pipelines.live.drift.settings import DriftSettings
from pipelines.live.drift.subject import Origin, SubjectDrift
from pipelines.progress import Progress
from pipelines.records import Clip, Frame, ImuBatch, Prediction

CLIP_RATE_HZ = 1
_FRAMES_PER_CLIP = 3
"""More than the frame grid has in a second, so that the cost is not too low."""
_ROUNDS = 5
_CLIPS_PER_ROUND = 300
"""Clips of one block of drift detection."""
_ENCODINGS_PER_ROUND = 6
_ORIGIN = Origin("model", "prompts", "camera")
_BLOCKS_PER_DAY = DriftSettings().blocks_per_day


@dataclass(frozen=True, slots=True)
class DriftCost:
    """The measured cost.

    Attributes:
        ms_per_clip: Milliseconds of drift detection per clip, at one clip a second.
        share_of_encoding: Ratio of that time to the time that encoding the clip's
            pictures takes.
        kib_per_subject: Memory of a subject after the simulated days, KiB.
    """

    ms_per_clip: float
    share_of_encoding: float
    kib_per_subject: float


def measure_drift(
    recognizer: ClipRecognizer,
    clock: Clock,
    days: int,
    on_progress: Progress,
    seed: int = 1,
) -> DriftCost:
    """Measure in interleaved rounds, and return the medians.

    Memory is measured after ``days`` simulated days.
    """
    size, dim = recognizer.clip.image_size_px, recognizer.clip.dim
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (_FRAMES_PER_CLIP, size, size, 3), dtype=np.uint8)
    features = rng.standard_normal((8, dim)).astype(np.float32)
    stream = _Stream(pixels, features, rng)
    subject = SubjectDrift("subject", _ORIGIN, DriftSettings(learning_days=2))
    stream.run(subject, _BLOCKS_PER_DAY * 2 + 2, clips_per_block=3)  # past its learning
    ours, theirs = [], []
    for done in range(_ROUNDS):
        began_ns = clock.now_ns()
        stream.run_clips(subject, _CLIPS_PER_ROUND)
        json.dumps(subject.snapshot())  # written at the end of each block
        middle_ns = clock.now_ns()
        for _ in range(_ENCODINGS_PER_ROUND):
            recognizer.encode(pixels)
        ours.append((middle_ns - began_ns) / _CLIPS_PER_ROUND)
        theirs.append((clock.now_ns() - middle_ns) / _ENCODINGS_PER_ROUND)
        on_progress("timing", done + 1, _ROUNDS, "")
    return DriftCost(
        ms_per_clip=median(ours) / 1e6,
        share_of_encoding=median(ours) / median(theirs),
        kib_per_subject=_memory_kib(stream, days, on_progress),
    )


def _memory_kib(stream: "_Stream", days: int, on_progress: Progress) -> float:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    subject = SubjectDrift("subject", _ORIGIN)
    for day in range(days):
        stream.run(subject, _BLOCKS_PER_DAY, clips_per_block=3)
        on_progress("days", day + 1, days, "")
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / 1024


@dataclass(slots=True)
class _Stream:
    """Feeds clips and frames to drift detection, with simulated time."""

    pixels: np.ndarray
    features: np.ndarray
    rng: np.random.Generator
    now_ns: int = 0

    def run(self, subject: SubjectDrift, blocks: int, clips_per_block: int) -> None:
        step_ns = int(DriftSettings().block_s * NS_PER_S / clips_per_block)
        for _ in range(blocks * clips_per_block):
            self._one(subject, step_ns, frames=1)

    def run_clips(self, subject: SubjectDrift, clips: int) -> None:
        for _ in range(clips):
            self._one(subject, NS_PER_S // CLIP_RATE_HZ, frames=_FRAMES_PER_CLIP)

    def _batch(self) -> ImuBatch:
        """Return a second of samples, 50 of them."""
        times_ns = (
            self.now_ns - NS_PER_S + np.arange(1, 51, dtype=np.int64) * 20_000_000
        )
        still = np.zeros((50, 3), np.float32)
        return ImuBatch("wrist", times_ns, still, still.copy())

    def _one(self, subject: SubjectDrift, step_ns: int, frames: int) -> None:
        self.now_ns += step_ns
        for tick in range(frames):
            subject.add_frame(Frame("subject", self.now_ns, tick, self.pixels[tick]))
        subject.add_batch(self._batch())
        confidence = float(self.rng.uniform(0.6, 0.8))
        start_ns = self.now_ns - 3 * NS_PER_S
        clip = Clip(
            subject_id="subject",
            start_ns=start_ns,
            end_ns=self.now_ns,
            features=self.features,
            slots=tuple(range(len(self.features))),
            imu=None,
            imu_rate_hz=None,
            missing_frames=0,
            partial=False,
        )
        prediction = Prediction(
            subject_id="subject",
            start_ns=start_ns,
            end_ns=self.now_ns,
            label="sitting",
            confidence=confidence,
            margin=confidence - 0.2,
            entropy=1 - confidence,
            scores={"sitting": confidence},
            cosines={"sitting": 0.3},
            modality="video",
            model="model",
            prompt_set="prompts",
            partial=False,
            missing_frames=0,
        )
        subject.add_prediction(clip, prediction)
