"""Train an IS-CLIP on labelled windows.

    frames ─▶ trunk, teacher: once ─▶ kept ──┐
    samples ─▶ spectrograms: once a split ───┴─▶ batches ─▶ loss ─┬─▶ Adam: student
                                                                  └─▶ SGD: all else

The trunk is frozen and nothing disturbs the pictures, so what it makes of them is kept
for all trainings on them; it takes most of the time. Source of optimisers and rates: He
et al., as ``models.is_clip`` names them; they do not state momentum and weight decay.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
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
"""Told how many steps are done, and of how many."""

_FRAMES_AT_ONCE, _CLIPS_AT_ONCE = 32, 4


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
        decays: Whether both rates fall to zero, in equal parts from step to step.
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
"""For a tower that a processor can train, in a ninetieth of the steps.

So few steps at the published rates would leave the layers that start as zeros about
where they are, so both rates are thirty times as high; frames of one window look alike,
so a step sees two of eight. Chosen, not searched for.
"""


@final
@dataclass(frozen=True, slots=True, eq=False)
class KeptFrames:
    """What the frozen parts make of frames, and the windows that share them.

    Attributes:
        tokens: Of the trunk, at half precision for their size.
        known: The teacher's features, of unit norm, from tokens of full precision.
        places: Which frame stands in each place of each window; -1 for none.
    """

    tokens: Float16[Tensor, "frame token hidden"]
    known: Float32[Tensor, "frame dim"]
    places: Int64[Tensor, "clip time"]

    def take(self, wanted: Int64[np.ndarray, " some"]) -> "KeptFrames":
        """Return some of the windows."""
        return replace(self, places=self.places[wanted])


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
    runs: Iterable[UInt8[np.ndarray, "_frame height width 3"]],
    places: Int64[np.ndarray, "clip time"],
    on_done: Callable[[int], None],
) -> KeptFrames:
    """Run trunk and teacher on every frame, once.

    Args:
        clip: The checkpoint.
        runs: RGB pictures of its own size; one run at least, none of them empty.
        places: Of ``KeptFrames``, among the frames of all runs.
        on_done: Told how many runs are done.
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
    labels: Int64[np.ndarray, " clip"] | Float32[np.ndarray, "clip label"],
    settings: IsClipTraining,
    on_done: OnDone,
) -> None:
    """Train in place; the model is in evaluation mode afterwards.

    Args:
        model: Of windows of as many places as are kept.
        kept: Of its checkpoint.
        felt: Of the same windows.
        texts: A unit vector for each label that is trained.
        labels: Index of each window's text, or each text's share of each window.
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
    optimisers = student, others
    falls = [
        torch.optim.lr_scheduler.LinearLR(it, 1.0, 0.0, settings.steps)
        for it in optimisers
        if settings.decays
    ]
    rng = np.random.default_rng(settings.seed)
    order = np.empty(0, np.int64)
    device = model.projection.weight.device
    model.train()
    for step in range(settings.steps):
        if len(order) == 0:
            order = rng.permutation(len(labels))
        chosen, order = order[: settings.batch], order[settings.batch :]
        slots = draw_slots(kept.places[chosen], settings.frames, rng)
        frames = kept.places[chosen].gather(1, slots.clamp(min=0))[slots >= 0]
        parts = model.loss_of_tokens(
            kept.tokens[frames].to(device),
            kept.known[frames].to(device),
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
        for optimiser in optimisers:
            optimiser.zero_grad()
        torch.autograd.backward(parts["total"])
        for optimiser in optimisers:
            optimiser.step()
        for fall in falls:
            fall.step()
        on_done(step + 1, settings.steps)
    model.train(mode=False)


def draw_slots(
    places: Int64[Tensor, "window place"], drawn: int, rng: np.random.Generator
) -> Int64[Tensor, "window drawn"]:
    """Draw places for each window, in order and without repeats; all, if so many.

    Places without a frame are drawn last, and become -1.
    """
    ranks = torch.from_numpy(rng.random(tuple(places.shape)))
    ranks[places < 0] += 1
    slots = ranks.argsort(dim=1)[:, :drawn].sort(dim=1).values
    return slots.masked_fill(places.gather(1, slots) < 0, -1)


@torch.no_grad()
def encode_windows(
    model: IsClip, kept: KeptFrames, felt: Felt
) -> tuple[Float32[np.ndarray, "clip dim"], Float32[np.ndarray, "clip dim"]]:
    """Encode windows with all their frames, one at least in each.

    Returns:
        Rows of unit norm: of the frames as the samples strengthen them, and of the
        samples alone.
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
