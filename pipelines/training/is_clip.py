"""Train an IS-CLIP on labelled windows.

    frames ─▶ trunk, teacher: once ─▶ kept ──┐
    samples ─▶ spectrograms: once a split ───┴─▶ batches ─▶ loss ─┬─▶ Adam: student
                                                                  └─▶ SGD: all else

The trunk is frozen and nothing disturbs the pictures, so what it makes of them is kept
for all trainings on them; it takes most of the time. Source of optimisers and rates: He
et al., as ``models.is_clip`` names them; they do not state momentum and weight decay.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float16, Float32, Int64, UInt8
from torch import Tensor

from models.clip import ClipEncoder, normalise_pixels
from models.is_clip import IsClip
from models.is_clip_tower import teacher_features, trunk_tokens
from models.spectrogram import ImuFormat, SpectrogramScale, spectrograms
from pipelines.errors import TrainingError

OnDone = Callable[[int, int], None]
"""Told how many windows or steps are done, and of how many."""

_CLIPS_AT_ONCE = 4


@final
@dataclass(frozen=True, slots=True)
class IsClipTraining:
    """How both optimisers move what is trained.

    Attributes:
        student_rate: Adam's, for what the student has of CLIP.
        imu_rate: SGD's, for all else.
        momentum: SGD's.
        steps: Batches, drawn from one shuffled pass over the windows after another.
        batch: Windows a step.
        frames: How many of a window's frames a step sees, in their places.
        seed: Of the order of the windows, and of which frames are seen.

    Raises:
        ValueError: If a value is not positive, or the momentum not in [0, 1).
    """

    student_rate: float
    imu_rate: float
    steps: int
    momentum: float = 0.9
    batch: int = 16
    frames: int = 8
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
"""For a tower that a processor can train, in a ninetieth of the steps.

So few steps at the published rates would leave the layers that start as zeros about
where they are, so both rates are thirty times as high; frames of one window look alike,
so a step sees two of eight. Chosen, not searched for.
"""


@final
@dataclass(frozen=True, slots=True, eq=False)
class KeptFrames:
    """What the frozen parts make of windows.

    Attributes:
        tokens: Of the trunk, at half precision for their size.
        known: The teacher's features, of unit norm, from tokens of full precision.
    """

    tokens: Float16[Tensor, "clip time token hidden"]
    known: Float32[Tensor, "clip time dim"]

    def take(self, wanted: Int64[np.ndarray, " some"]) -> "KeptFrames":
        """Return some of the windows."""
        return KeptFrames(self.tokens[wanted], self.known[wanted])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Felt:
    """Spectrograms of windows, as ``models.spectrogram`` makes them."""

    acc: Float32[Tensor, "clip 3 64 64"]
    gyro: Float32[Tensor, "clip 3 64 64"]

    def take(self, wanted: Int64[np.ndarray, " some"]) -> "Felt":
        """Return some of the windows."""
        return Felt(self.acc[wanted], self.gyro[wanted])


def keep_frames(
    clip: ClipEncoder,
    frames: UInt8[np.ndarray, "clip time height width 3"],
    on_done: OnDone,
) -> KeptFrames:
    """Run trunk and teacher on every frame.

    Args:
        clip: The checkpoint.
        frames: RGB pictures of its own size; one window at least.
        on_done: Told of windows.
    """
    tokens, known = [], []
    for start in range(0, len(frames), _CLIPS_AT_ONCE):
        part = frames[start : start + _CLIPS_AT_ONCE]
        flat = torch.tensor(part, device=clip.model.device).flatten(0, 1)
        full = trunk_tokens(clip.model, normalise_pixels(flat, *clip.pixel_scale))
        rows = part.shape[:2]
        features = teacher_features(clip.model, full)
        tokens.append(full.half().cpu().reshape(*rows, *full.shape[1:]))
        known.append(features.cpu().reshape(*rows, -1))
        on_done(min(start + _CLIPS_AT_ONCE, len(frames)), len(frames))
    return KeptFrames(torch.cat(tokens), torch.cat(known))


def feel(
    windows: Float32[np.ndarray, "clip sample 6"],
    form: ImuFormat,
    scale: SpectrogramScale,
) -> Felt:
    """Compute the spectrograms of one window at least.

    Raises:
        ValueError: If ``models.spectrogram`` refuses a window.
    """
    pairs = [spectrograms(window, form, scale) for window in windows]
    return Felt(
        torch.stack([acc for acc, _ in pairs]),
        torch.stack([gyro for _, gyro in pairs]),
    )


def train_is_clip(
    model: IsClip,
    kept: KeptFrames,
    felt: Felt,
    texts: Float32[Tensor, "label dim"],
    labels: Int64[np.ndarray, " clip"],
    settings: IsClipTraining,
    on_done: OnDone,
) -> None:
    """Train in place; the model is in evaluation mode afterwards.

    Args:
        model: Of whole windows of as many frames as are kept.
        kept: Of its checkpoint.
        felt: Of the same windows.
        texts: A unit vector for each label that is trained.
        labels: Index of each window's text.
        settings: How.
        on_done: Told of steps.

    Raises:
        TrainingError: If there is no window, or the loss is not finite: the rates are
            too high.
    """
    if len(labels) == 0:
        where, problem = "IS-CLIP", "there is no window to train on"
        raise TrainingError(where, problem)
    student = torch.optim.Adam(model.clip_parameters(), settings.student_rate)
    others = torch.optim.SGD(
        model.imu_parameters(), settings.imu_rate, momentum=settings.momentum
    )
    rng = np.random.default_rng(settings.seed)
    order = np.empty(0, np.int64)
    device = model.projection.weight.device
    model.train()
    for step in range(settings.steps):
        if len(order) == 0:
            order = rng.permutation(len(labels))
        chosen, order = order[: settings.batch], order[settings.batch :]
        slots = draw_slots(len(chosen), model.frames, settings.frames, rng)
        rows = torch.from_numpy(chosen)[:, None].expand_as(slots), slots
        parts = model.loss_of_tokens(
            kept.tokens[rows].flatten(0, 1).to(device),
            kept.known[rows].flatten(0, 1).to(device),
            felt.acc[chosen].to(device),
            felt.gyro[chosen].to(device),
            texts.to(device),
            torch.from_numpy(labels[chosen]).to(device),
            slots.to(device),
        )
        if not parts["total"].isfinite():
            where = f"step {step + 1}"
            problem = "the loss is not finite; lower the learning rates"
            raise TrainingError(where, problem)
        for optimiser in (student, others):
            optimiser.zero_grad()
        torch.autograd.backward(parts["total"])
        for optimiser in (student, others):
            optimiser.step()
        on_done(step + 1, settings.steps)
    model.train(mode=False)


def draw_slots(
    windows: int, frames: int, drawn: int, rng: np.random.Generator
) -> Int64[Tensor, "window drawn"]:
    """Draw places for each window, in order and without repeats; all, if so many."""
    drawn = min(drawn, frames)
    ranks = rng.random((windows, frames)).argsort(axis=1)[:, :drawn]
    return torch.from_numpy(np.sort(ranks, axis=1))


@torch.no_grad()
def encode_windows(
    model: IsClip, kept: KeptFrames, felt: Felt
) -> tuple[Float32[np.ndarray, "clip dim"], Float32[np.ndarray, "clip dim"]]:
    """Encode windows with all their frames.

    Returns:
        Rows of unit norm: of the frames as the samples strengthen them, and of the
        samples alone.
    """
    device = model.projection.weight.device
    seen, worn = [], []
    for part in torch.split(torch.arange(len(kept.known)), _CLIPS_AT_ONCE):
        tokens = kept.tokens[part].to(device)
        features = model.student_features(tokens.flatten(0, 1))
        imu = model.encode_imu(felt.acc[part].to(device), felt.gyro[part].to(device))
        seen.append(model.fuse(features.reshape(*tokens.shape[:2], -1), imu))
        worn.append(torch.nn.functional.normalize(imu, dim=-1))
    return torch.cat(seen).numpy(force=True), torch.cat(worn).numpy(force=True)
