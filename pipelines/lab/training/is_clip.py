"""Train an IS-CLIP on labelled windows.

    frames ─▶ trunk, teacher: once ─▶ kept ──┐
    samples ─▶ spectrograms: once a split ───┴─▶ batches ─▶ loss ─┬─▶ Adam: student
                                                                  └─▶ SGD: the rest

The trunk is frozen and pictures are not changed at random, so its outputs are stored
and shared by all trainings; computing them takes most of the time. Source of optimisers
and rates: He et al., as in ``models.is_clip.model``; they do not give momentum and
weight decay.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float16, Float32, Int64, UInt8
from torch import Tensor

from models.clip.encoder import ClipEncoder, normalise_pixels
from models.is_clip.model import IsClip
from models.is_clip.spectrogram import ImuFormat, SpectrogramScale, spectrograms
from models.is_clip.tower import teacher_features, trunk_tokens
from pipelines.errors import TrainingError

OnDone = Callable[[int, int], None]
"""Called with the number of finished steps and the total."""

_FRAMES_AT_ONCE, _CLIPS_AT_ONCE = 32, 4


@final
@dataclass(frozen=True, slots=True)
class IsClipTraining:
    """Settings of both optimisers.

    Attributes:
        student_rate: Adam's rate, for the student's copy of CLIP's layers.
        imu_rate: SGD's rate, for the other parameters.
        momentum: SGD's momentum.
        steps: Number of batches, drawn from repeated shuffled passes over the windows.
        batch: Windows in a step.
        frames: Number of a window's frames that a step uses, at their positions.
        decays: Whether both rates fall linearly to zero.
        seed: Seed of the order of windows and the choice of frames.

    Raises:
        ValueError: If a value is not positive, or the momentum is not in [0, 1).
    """

    student_rate: float
    imu_rate: float
    steps: int
    momentum: float = 0.9
    batch: int = 16
    frames: int = 8
    decays: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.student_rate < math.inf and 0 < self.imu_rate < math.inf):
            msg = (
                f"rates {self.student_rate} and {self.imu_rate},"
                " expected above 0 and finite"
            )
            raise ValueError(msg)
        if not 0 <= self.momentum < 1:
            msg = f"momentum {self.momentum}, expected 0 or above and below 1"
            raise ValueError(msg)
        if min(self.steps, self.batch, self.frames) < 1:
            msg = (
                f"{self.steps} steps of {self.batch} windows of {self.frames} frames,"
                " expected 1 or more of each"
            )
            raise ValueError(msg)


PUBLISHED = IsClipTraining(student_rate=1e-5, imu_rate=1e-3, steps=7200)
"""The paper's rates and batches: 50 passes over its 2,291 windows of 16 classes."""

SMALL_TOWER = IsClipTraining(student_rate=3e-4, imu_rate=3e-2, steps=80, frames=2)
"""Settings for a tower that a CPU can train, in a ninetieth of the steps.

So few steps at the published rates would hardly move the layers that start at zero, so
both rates are thirty times as high. Frames of one window are similar, so a step uses
two of eight. These values were chosen, not searched for.
"""


@final
@dataclass(frozen=True, slots=True, eq=False)
class KeptFrames:
    """Outputs of the frozen parts for frames, and the windows that share the frames.

    Attributes:
        tokens: The trunk's tokens, in half precision to save memory.
        known: The teacher's features, of unit norm, from tokens of full precision.
        places: Index of the frame at each position of each window; -1 for none.
    """

    tokens: Float16[Tensor, "frame token hidden"]
    known: Float32[Tensor, "frame dim"]
    places: Int64[Tensor, "clip time"]

    def select(self, wanted: Int64[np.ndarray, " some"]) -> "KeptFrames":
        """Return some of the windows."""
        return replace(self, places=self.places[wanted])


@final
@dataclass(frozen=True, slots=True, eq=False)
class WindowSpectrograms:
    """Spectrograms of windows, as ``models.is_clip.spectrogram`` makes them."""

    acc: Float32[Tensor, "clip 3 64 64"]
    gyro: Float32[Tensor, "clip 3 64 64"]

    def select(self, wanted: Int64[np.ndarray, " some"]) -> "WindowSpectrograms":
        """Return some of the windows."""
        return WindowSpectrograms(self.acc[wanted], self.gyro[wanted])


def keep_frames(
    clip: ClipEncoder,
    runs: Iterable[UInt8[np.ndarray, "_frame height width 3"]],
    places: Int64[np.ndarray, "clip time"],
    on_done: Callable[[int], None],
) -> KeptFrames:
    """Run trunk and teacher on every frame, once.

    Args:
        clip: The checkpoint.
        runs: RGB pictures of its own size; at least one run, and none of them empty.
        places: Index of the frame at each position of each window, over all runs; see
            ``KeptFrames``.
        on_done: Called with the number of finished runs.
    """
    tokens, known = [], []
    for done, run in enumerate(runs, 1):
        for part in np.array_split(run, -(-len(run) // _FRAMES_AT_ONCE)):
            pictures = torch.tensor(part, device=clip.model.device)
            pixels = normalise_pixels(pictures, *clip.pixel_scale)
            full = trunk_tokens(clip.model, pixels)
            known.append(teacher_features(clip.model, full).cpu())
            tokens.append(full.half().cpu())
        on_done(done)
    return KeptFrames(torch.cat(tokens), torch.cat(known), torch.from_numpy(places))


def all_spectrograms(
    windows: Iterable[Float32[np.ndarray, "_sample 6"]],
    form: ImuFormat,
    scale: SpectrogramScale,
) -> WindowSpectrograms:
    """Compute the spectrograms of at least one window.

    Raises:
        ValueError: If ``models.is_clip.spectrogram`` refuses a window.
    """
    pairs = [spectrograms(window, form, scale) for window in windows]
    return WindowSpectrograms(
        torch.stack([acc for acc, _ in pairs]),
        torch.stack([gyro for _, gyro in pairs]),
    )


def train_is_clip(
    model: IsClip,
    kept: KeptFrames,
    felt: WindowSpectrograms,
    texts: Float32[Tensor, "label dim"],
    labels: Int64[np.ndarray, " clip"] | Float32[np.ndarray, "clip label"],
    settings: IsClipTraining,
    on_done: OnDone,
) -> None:
    """Train a model in place, and leave it in evaluation mode.

    Args:
        model: The model, for windows with as many positions as ``kept`` has.
        kept: Outputs of its checkpoint.
        felt: Spectrograms of the same windows.
        texts: A unit vector for each trained label.
        labels: Index of each window's text, or each text's share of each window.
        settings: Training settings.
        on_done: Called after every step.

    Raises:
        TrainingError: If there is no window, or the loss is not finite because the
            rates are too high.
    """
    if len(labels) == 0:
        where, problem = "IS-CLIP", "there is no window to train on"
        raise TrainingError(where, problem)
    optimisers: tuple[torch.optim.Optimizer, ...] = (
        torch.optim.Adam(model.clip_parameters(), settings.student_rate),
        torch.optim.SGD(
            model.imu_parameters(), settings.imu_rate, momentum=settings.momentum
        ),
    )
    schedules = [
        torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, settings.steps)
        for optimiser in optimisers
        if settings.decays
    ]
    rng = np.random.default_rng(settings.seed)
    order = np.empty(0, np.int64)
    model.train()
    for step in range(settings.steps):
        if len(order) == 0:
            order = rng.permutation(len(labels))
        chosen, order = order[: settings.batch], order[settings.batch :]
        slots = draw_slots(kept.places[chosen], settings.frames, rng)
        loss = _loss(model, kept, felt, texts, labels, chosen, slots)
        if not loss.isfinite():
            where = f"step {step + 1}"
            problem = "the loss is not finite; lower the learning rates"
            raise TrainingError(where, problem)
        for optimiser in optimisers:
            optimiser.zero_grad()
        torch.autograd.backward(loss)
        for optimiser in optimisers:
            optimiser.step()
        for schedule in schedules:
            schedule.step()
        on_done(step + 1, settings.steps)
    model.train(mode=False)


def _loss(
    model: IsClip,
    kept: KeptFrames,
    felt: WindowSpectrograms,
    texts: Float32[Tensor, "label dim"],
    labels: Int64[np.ndarray, " clip"] | Float32[np.ndarray, "clip label"],
    chosen: Int64[np.ndarray, " window"],
    slots: Int64[Tensor, "window drawn"],
) -> Float32[Tensor, ""]:
    """Compute the loss of the chosen windows."""
    device = model.projection.weight.device
    frames = kept.places[chosen].gather(1, slots.clamp(min=0))[slots >= 0]
    return model.loss_of_tokens(
        kept.tokens[frames].to(device),
        kept.known[frames].to(device),
        felt.acc[chosen].to(device),
        felt.gyro[chosen].to(device),
        texts.to(device),
        torch.from_numpy(labels[chosen]).to(device),
        slots.to(device),
    )["total"]


def draw_slots(
    places: Int64[Tensor, "window place"], drawn: int, rng: np.random.Generator
) -> Int64[Tensor, "window drawn"]:
    """Draw positions for each window, in order and without repeats.

    All positions are drawn if there are no more. Positions without a frame are drawn
    last and become -1.
    """
    ranks = torch.from_numpy(rng.random(tuple(places.shape)))
    ranks[places < 0] += 1
    slots = ranks.argsort(dim=1)[:, :drawn].sort(dim=1).values
    return slots.masked_fill(places.gather(1, slots) < 0, -1)


@torch.no_grad()
def encode_windows(
    model: IsClip, kept: KeptFrames, felt: WindowSpectrograms
) -> tuple[Float32[np.ndarray, "clip dim"], Float32[np.ndarray, "clip dim"]]:
    """Encode windows with all their frames, at least one in each.

    Returns:
        Rows of unit norm: for frames with samples, and for samples alone.
    """
    device = model.projection.weight.device
    seen, worn = [], []
    for part in torch.split(torch.arange(len(kept.places)), _CLIPS_AT_ONCE):
        places = kept.places[part]
        tokens = kept.tokens[places.clamp(min=0).flatten()].to(device)
        features = model.student_features(tokens).reshape(*places.shape, -1)
        imu = model.encode_imu(felt.acc[part].to(device), felt.gyro[part].to(device))
        here = torch.arange(places.shape[1]).expand_as(places)
        slots = here.masked_fill(places < 0, -1).to(device)
        seen.append(model.fuse(features, imu, slots))
        worn.append(torch.nn.functional.normalize(imu, dim=-1))
    return torch.cat(seen).numpy(force=True), torch.cat(worn).numpy(force=True)
