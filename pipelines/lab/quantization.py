"""Make a picture tower in eight bits, and measure what that costs.

    videos ─ view ─▶ pictures ─┬─ some ─▶ NNCF ─▶ tower in eight bits
                               └─ others ─▶ features of both towers ─▶ costs

The ranges of eight bits are fitted on pictures of the site itself: the tower then loses
least where it is used. NNCF's post-training quantisation needs no labels. A transformer
needs its own settings: symmetric weights and asymmetric activations (``MIXED``), and
SmoothQuant, which moves outliers of activations into the weights (Xiao et al. 2023,
arXiv:2211.10438). NNCF applies it to models of type ``TRANSFORMER``.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float32, UInt8

from models.clip.backend import speedup
from models.clip.encoder import ClipEncoder
from models.clip.int8_files import (
    Int8Facts,
    checksum,
    graph_path,
    write_facts,
)
from models.clip.openvino_tower import convert_tower, read_tower
from models.quiet_openvino import openvino
from models.recognizer import ClipRecognizer
from pipelines.clock import SystemClock
from pipelines.errors import FootageError, PipelineError
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.data.footage import Recording
from pipelines.lab.studies.events import predict_recording
from pipelines.live.subject import WatchSettings
from pipelines.progress import Progress
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import Clip
from pipelines.sources.camera.framing import PAD

Pictures = UInt8[np.ndarray, "_batch height width 3"]

_VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".ts", ".webm")
_LEAST_PICTURES = 8
_TIMED_ROUNDS = 10


def require_nncf() -> None:
    """Refuse to begin without NNCF.

    Raises:
        PipelineError: If it is not installed.
    """
    if find_spec("nncf") is None:
        msg = "NNCF is not installed: pip install --editable '.[quantize]'"
        raise PipelineError(msg)


def find_videos(folder: Path) -> list[Recording]:
    """Return the videos of a folder and those below it, without labels.

    Raises:
        FootageError: If there is none.
    """
    videos = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in _VIDEOS
    )
    if not videos:
        raise FootageError(str(folder), f"holds no video ({', '.join(_VIDEOS)})")
    return [
        Recording(path.relative_to(folder).as_posix(), path, (), {}) for path in videos
    ]


def gather_pictures(
    recognizer: ClipRecognizer,
    recordings: Sequence[Recording],
    most: int,
    seed: int,
    on_progress: Progress,
) -> tuple[Pictures, Pictures]:
    """Return pictures to calibrate on, and others to measure on.

    They are what the recogniser is asked to encode when it watches the recordings:
    whole pictures, people or poses. The others are of other recordings, or of the
    second half of the only one.

    Args:
        recognizer: The recogniser, for its view.
        recordings: At least one.
        most: Most pictures of each kind.
        seed: Seed of the choice.
        on_progress: Called after each recording.

    Raises:
        SourceError: If a video cannot be read.
        PipelineError: If the recordings hold too few pictures.
    """
    kept: list[list[Pictures]] = []
    with InProcessRecognizer(recognizer) as running:
        for recording in recordings:
            collector = _Collector(running, recognizer.clip.dim)
            each = predict_recording(
                recording, collector, SystemClock(), WatchSettings(), PAD
            )
            asyncio.run(each)
            kept.append(collector.pictures)
            on_progress("watching", len(kept), len(recordings), recording.file)
    if len(kept) == 1:
        middle = len(kept[0]) // 2
        kept = [kept[0][:middle], kept[0][middle:]]
    halves = [list(chain.from_iterable(kept[start::2])) for start in (0, 1)]
    for half in halves:
        if len(half) < _LEAST_PICTURES:
            msg = f"{len(half)} pictures are too few; give longer or more videos"
            raise PipelineError(msg)
    rng = random.Random(seed)
    calibrating, measuring = (
        np.stack(rng.sample(half, min(most, len(half)))) for half in halves
    )
    return calibrating, measuring


@final
class _Collector:
    """A recogniser that keeps the pictures it is asked to encode.

    It encodes nothing, and answers with the same feature for each.
    """

    def __init__(self, inner: InProcessRecognizer, dim: int) -> None:
        self._inner = inner
        self._feature = np.eye(1, dim, dtype=np.float32)
        self.pictures: list[Pictures] = []

    @property
    def info(self) -> RecognizerInfo:
        return self._inner.info

    async def encode(self, frames: Pictures) -> Float32[np.ndarray, "_batch dim"]:
        self.pictures.extend(frames)
        return np.repeat(self._feature, len(frames), axis=0)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        return await self._inner.classify(clips)


def quantize_tower(
    recognizer: ClipRecognizer, calibrating: Pictures, measuring: Pictures, out: Path
) -> tuple[Int8Facts, Path]:
    """Write a recogniser's picture tower in eight bits, with what that costs.

    Args:
        recognizer: The recogniser; its tower must be that of torch.
        calibrating: Pictures to fit the ranges on.
        measuring: Other pictures, to measure the costs on.
        out: An existing folder; files of the same weights and view are replaced.

    Returns:
        The costs, and the path of the graph.

    Raises:
        OSError: If a file cannot be written.
    """
    clip = recognizer.clip
    path = graph_path(clip, out)
    path.with_suffix(".json").unlink(missing_ok=True)  # until all is written
    openvino.save_model(_quantized(clip, calibrating), path, compress_to_fp16=False)
    digits = checksum(path)
    tower = read_tower(clip, path, f"int8-{digits[:8]}")
    exact, rounded = clip.encode_frames(measuring), tower(measuring)
    cosines = (exact * rounded).sum(axis=1)
    bank = recognizer.text_bank.T
    same = (exact @ bank).argmax(axis=1) == (rounded @ bank).argmax(axis=1)
    facts = Int8Facts(
        checkpoint=clip.hash,
        view=clip.card.view,
        calibrated_on=len(calibrating),
        measured_on=len(measuring),
        agreement=float(same.mean()),
        mean_cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
        speedup=speedup(clip, tower, _TIMED_ROUNDS),
        sha256=digits,
    )
    write_facts(path, facts)
    return facts, path


def _quantized(clip: ClipEncoder, pictures: Pictures) -> Any:  # noqa: ANN401 OpenVINO ships no types
    import nncf

    nncf.set_log_level(logging.ERROR)
    dataset = nncf.Dataset(list(pictures), lambda picture: {0: picture[None]})
    with redirect_stdout(sys.stderr):  # for its progress: stdout is for results
        return nncf.quantize(
            convert_tower(clip),
            dataset,
            subset_size=len(pictures),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
        )
