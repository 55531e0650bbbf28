"""The encoder's gain over CLIP as one would first write it, in one run.

    reference       transformers' CLIPModel in float32, on every picture of every window
    without reuse   our picture tower, on every picture of every window
    ours            the chain's encoder: each picture once, those of all cameras in one
                    batch, unchanged ones reused

The three take turns in rounds, so that other work on the machine meets all of them.
ONNX Runtime is not compared: it would need three more packages and a second form of
each model on the disk.
"""

import asyncio
import resource
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal, final, get_args

import numpy as np
import psutil
import torch
from jaxtyping import Float32, UInt8
from torch.nn.functional import normalize

from models.clip.averaging import average_clip
from models.clip.encoder import normalise_pixels
from models.recognizer import ClipRecognizer
from models.window import Window
from pipelines.clock import NS_PER_S, Clock
from pipelines.in_process import InProcessRecognizer
from pipelines.live.inference import FrameEncoder, ReuseSettings, recognise
from pipelines.live.windows.assembler import WindowAssembler, WindowSettings
from pipelines.progress import Progress
from services.bench.scenes import SCENES, SceneKind, make_frames

Row = Literal["reference", "without reuse", "ours"]
ROWS: tuple[Row, ...] = get_args(Row)

Vectors = Float32[np.ndarray, "clip dim"]
Encode = Callable[[UInt8[np.ndarray, "batch height width 3"]], Vectors]

_WINDOW = WindowSettings().frames
_MS = 1e6


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """How much is measured.

    Attributes:
        rounds: Rounds, of each scene and row.
        windows: Windows in a round of a row that encodes each picture of a window.
        ticks: Steps of the frame grid in a round of ``ours``; longer than a feature is
            reused.
        cameras: Cameras whose pictures form a batch.
    """

    rounds: int = 8
    windows: int = 2
    ticks: int = 24
    cameras: int = 4

    @classmethod
    def quick(cls) -> "EncoderPlan":
        """Return a plan of a few seconds for a small model."""
        return cls(rounds=2, windows=1, ticks=16, cameras=2)


@dataclass(slots=True)
class _Times:
    """Measurements of one row with one scene, a round after another."""

    windows_per_s: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RowCost:
    """What one row costs with one scene.

    Attributes:
        windows_per_s: Windows per second, the median of the rounds.
        cameras: Cameras that this carries at one window a second.
        p50_ms: Median time from a window's last picture to its answer; in ``ours`` that
            of all cameras' windows, which are answered together.
        p95_ms: Its 95th percentile.
        cpu_ms: Processor time of a window, the median of the rounds.
        rss_mb: Memory of the process once the row has run, with the rows before it.
        top1: Share of windows with the same best label as the reference.
        mean_cosine: Mean cosine of the windows' vectors with those of the reference.
    """

    windows_per_s: float
    cameras: int
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    rss_mb: float
    top1: float
    mean_cosine: float


@dataclass(frozen=True, slots=True)
class EncoderCost:
    """The costs of one model.

    ``ratio`` and ``cpu_ratio`` are those of ``ours`` to the reference by scene, in
    windows per second and in windows per second of processor time: the medians of the
    rounds' ratios.
    """

    model: str
    backend: str
    threads: int
    image_size_px: int
    tower_parameters: int
    rows: dict[SceneKind, dict[Row, RowCost]]
    ratio: dict[SceneKind, float]
    cpu_ratio: dict[SceneKind, float]


def measure_encoder(
    recognizer: ClipRecognizer,
    name: str,
    plan: EncoderPlan,
    clock: Clock,
    on_progress: Progress,
) -> EncoderCost:
    """Measure a recogniser of clip averaging, and compare its answers."""
    clip = recognizer.clip
    with InProcessRecognizer(recognizer) as running:
        bench = _Bench(recognizer, running, plan, clock)
        for done in range(plan.rounds):
            for kind in SCENES:
                for row in ROWS:
                    bench.measure(kind, row, done)
            on_progress(name, done + 1, plan.rounds, "")
        rows = {kind: bench.costs(kind) for kind in SCENES}
    return EncoderCost(
        model=name,
        backend=clip.tower.backend,
        threads=torch.get_num_threads(),
        image_size_px=clip.image_size_px,
        tower_parameters=sum(
            each.numel() for each in clip.model.vision_model.parameters()
        ),
        rows=rows,
        ratio={kind: bench.ratio(kind, "windows_per_s") for kind in SCENES},
        cpu_ratio={kind: 1 / bench.ratio(kind, "cpu_ms") for kind in SCENES},
    )


@final
class _Bench:
    def __init__(
        self,
        recognizer: ClipRecognizer,
        running: InProcessRecognizer,
        plan: EncoderPlan,
        clock: Clock,
    ) -> None:
        self._recognizer, self._running = recognizer, running
        self._plan, self._clock = plan, clock
        clip = recognizer.clip
        shape = plan.cameras, plan.ticks, clip.image_size_px, clip.card.view
        self._frames = {kind: make_frames(kind, *shape) for kind in SCENES}
        """Of each camera, by scene and tick."""
        self._first = {
            kind: np.stack([each[0].pixels for each in frames])
            for kind, frames in self._frames.items()
        }
        """Pictures of the first camera."""
        self._times = {(kind, row): _Times() for kind in SCENES for row in ROWS}
        self._rss_mb: dict[Row, float] = {}
        for row in ROWS:  # in this order, so that a row's memory is not that of a later
            self._run(SCENES[0], row, _Times(), 0)
            self._rss_mb[row] = psutil.Process().memory_info().rss / 1e6

    def measure(self, kind: SceneKind, row: Row, number: int) -> None:
        """Measure one round of a row with a scene."""
        times = self._times[kind, row]
        cpu_s, began_ns = _cpu_s(), self._clock.now_ns()
        windows = self._run(kind, row, times, number)
        took_ns = self._clock.now_ns() - began_ns
        times.windows_per_s.append(windows * NS_PER_S / took_ns)
        times.cpu_ms.append((_cpu_s() - cpu_s) * 1e3 / windows)

    def _run(self, kind: SceneKind, row: Row, times: _Times, number: int) -> int:
        """Run one round; return its number of windows."""
        if row == "ours":
            vectors = asyncio.run(self._ours(kind, times))
            return self._plan.cameras * len(vectors)
        encode = self._reference if row == "reference" else self._recognizer.encode
        starts = self._plan.ticks - _WINDOW + 1
        for window in range(self._plan.windows):
            start = (number * self._plan.windows + window) % starts
            pixels = self._first[kind][start : start + _WINDOW]
            began_ns = self._clock.now_ns()
            features = encode(pixels)
            self._recognizer.classify([Window(features, tuple(range(_WINDOW)))])
            times.latencies_ms.append((self._clock.now_ns() - began_ns) / _MS)
        return self._plan.windows

    @torch.inference_mode()
    def _reference(self, frames: UInt8[np.ndarray, "batch height width 3"]) -> Vectors:
        """Encode as one would first write it, with plain tensors."""
        clip = self._recognizer.clip
        pixels = normalise_pixels(torch.tensor(frames), *clip.pixel_scale)
        answer = clip.model.get_image_features(pixel_values=pixels)
        vectors: Vectors = normalize(answer.pooler_output, dim=-1).numpy()
        return vectors

    async def _ours(self, kind: SceneKind, times: _Times) -> list[Vectors]:
        """Run the chain's encoder; return the cameras' vectors of each whole window."""
        plan = self._plan
        encoder = FrameEncoder(self._running, ReuseSettings())
        names = [f"camera-{camera}" for camera in range(plan.cameras)]
        windows = [WindowAssembler(name, WindowSettings()) for name in names]
        recency = self._recognizer.clip.card.recency
        found = []
        for frames in self._frames[kind]:
            began_ns = self._clock.now_ns()
            features = await encoder.encode(frames)
            clips = [
                clip
                for own, feature in zip(windows, features, strict=True)
                for clip in own.add(feature)
            ]
            await recognise(self._running, clips)
            times.latencies_ms.append((self._clock.now_ns() - began_ns) / _MS)
            found.append(
                np.stack(
                    [average_clip(each.features, each.slots, recency) for each in clips]
                )
            )
        return found

    def costs(self, kind: SceneKind) -> dict[Row, RowCost]:
        """Compare the rows' answers, and return what they cost."""
        ours = asyncio.run(self._ours(kind, _Times()))
        whole = {
            "ours": np.stack([each[0] for each in ours[_WINDOW - 1 :]]),
            "reference": self._windows(kind, self._reference),
            "without reuse": self._windows(kind, self._recognizer.encode),
        }
        return {
            row: self._cost(kind, row, whole[row], whole["reference"]) for row in ROWS
        }

    def _windows(self, kind: SceneKind, encode: Encode) -> Vectors:
        """Return the first camera's vectors of each whole window, in order."""
        recency = self._recognizer.clip.card.recency
        features = encode(self._first[kind])
        starts = range(len(features) - _WINDOW + 1)
        windows = [features[start : start + _WINDOW] for start in starts]
        return np.stack([average_clip(each, recency=recency) for each in windows])

    def _cost(
        self, kind: SceneKind, row: Row, found: Vectors, reference: Vectors
    ) -> RowCost:
        times = self._times[kind, row]
        bank = self._recognizer.text_bank.T
        same = (found @ bank).argmax(axis=1) == (reference @ bank).argmax(axis=1)
        rate = median(times.windows_per_s)
        return RowCost(
            windows_per_s=rate,
            cameras=int(rate),
            p50_ms=float(np.quantile(times.latencies_ms, 0.5)),
            p95_ms=float(np.quantile(times.latencies_ms, 0.95)),
            cpu_ms=median(times.cpu_ms),
            rss_mb=self._rss_mb[row],
            top1=float(same.mean()),
            mean_cosine=float((found * reference).sum(axis=1).mean()),
        )

    def ratio(self, kind: SceneKind, figure: str) -> float:
        """Return the median over rounds of a figure of ours to the reference's."""
        ours, theirs = (
            getattr(self._times[kind, row], figure) for row in ("ours", "reference")
        )
        return float(median(np.divide(ours, theirs).tolist()))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cost_json(costs: Sequence[EncoderCost]) -> dict[str, Any]:
    """Return the costs of models as a JSON object."""
    return {
        "ratio": {cost.model: cost.ratio for cost in costs},
        "cpu_ratio": {cost.model: cost.cpu_ratio for cost in costs},
        "agreement": {
            cost.model: {
                kind: {
                    "top1": rows["ours"].top1,
                    "mean_cosine": rows["ours"].mean_cosine,
                }
                for kind, rows in cost.rows.items()
            }
            for cost in costs
        },
        "load_average": psutil.getloadavg()[0],
        "cores": psutil.cpu_count(),
        "models": {cost.model: asdict(cost) for cost in costs},
    }


_HEADER = (
    "model",
    "scene",
    "row",
    "windows/s",
    "ratio",
    "p50 / p95 ms",
    "CPU ms",
    "RSS MB",
    "top-1",
    "cosine",
)


def cost_rows(costs: Sequence[EncoderCost]) -> tuple[Sequence[str], list[list[str]]]:
    """Return the header and the rows of a table of costs."""
    rows = []
    for cost in costs:
        for kind, by_row in cost.rows.items():
            slowest = by_row["reference"].windows_per_s
            for row, each in by_row.items():
                ratio = (
                    cost.ratio[kind] if row == "ours" else each.windows_per_s / slowest
                )
                name = row if row == "reference" else f"{row}, {cost.backend}"
                rows.append([cost.model, kind, name, *_figures(each, ratio)])
    return _HEADER, rows


def _figures(cost: RowCost, ratio: float) -> list[str]:
    return [
        f"{cost.windows_per_s:.2f}",
        f"{ratio:.1f}",
        f"{cost.p50_ms:.0f} / {cost.p95_ms:.0f}",
        f"{cost.cpu_ms:.1f}",
        f"{cost.rss_mb:.0f}",
        f"{cost.top1:.3f}",
        f"{cost.mean_cosine:.5f}",
    ]
