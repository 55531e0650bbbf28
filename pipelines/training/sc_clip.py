"""Teach SC-CLIP what labelled clips show, its frozen trunk run once for each clip.

    pictures ─▶ trunk, once ─▶ kept ─┬─▶ steps: frames drawn ─▶ finish ─▶ loss ─▶ AdamW
                                     └─▶ logits of every head, of all frames

See ``models.sc_clip`` for the model and its source. The same clips, settings and seed
give the same weights.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from models.clip import ClipEncoder, normalise_pixels
from models.sc_clip import ScAnswer, ScClip
from pipelines.errors import TrainingError
from pipelines.progress import Progress

_BATCH_CLIPS = 8  # bounds the memory of what is not trained, not the result


@dataclass(frozen=True, slots=True)
class ScTraining:
    """How SC-CLIP is trained; the defaults are for a small tower and few clips.

    Published for ViT-B/16, every set with 64 clips a step, all 8 frames of each, and 2
    epochs of warm-up: UCF101 rate 5e-5, HMDB51 1e-3 and SSv2 8e-4 in 18 epochs,
    Kinetics-400 4e-4 in 6. Sixteen clips of each of six labels would be two steps an
    epoch so, which is why a step takes fewer here; half of the frames, another half
    each time, cost half as much. The paper is silent on weight decay and clipping,
    which are those of the code that it is built on.

    Attributes:
        epochs: Times that every clip is seen.
        warmup_epochs: In which the rate rises, in equal parts; after it a cosine falls
            to zero.
        clips_a_step: Of which the loss is the mean.
        frames: Drawn of each clip, in their order, whenever it is seen.
        peak_rate: The highest learning rate.
        weight_decay: Of matrices; biases and norms are not decayed.
        most_gradient: Norm that a step's gradient is cut to.

    Raises:
        ValueError: If there is nothing in an epoch, a step or a clip.
    """

    epochs: float = 6
    warmup_epochs: float = 1
    clips_a_step: int = 8
    frames: int = 4
    peak_rate: float = 5e-4
    weight_decay: float = 0.01
    most_gradient: float = 1.0

    def __post_init__(self) -> None:
        least = min(self.epochs, self.clips_a_step, self.frames)
        if least <= 0:
            msg = (
                f"{self.epochs} epochs, {self.clips_a_step} clips a step of"
                f" {self.frames} frames, expected more than 0 of each"
            )
            raise ValueError(msg)

    def steps(self, clips: int) -> int:
        """Return how many steps so many clips take; one at least."""
        return max(1, round(self.epochs * math.ceil(clips / self.clips_a_step)))

    def rate_share(self, step: int, clips: int) -> float:
        """Return the learning rate of a step, from 0, as a share of the highest."""
        steps = self.steps(clips)
        warmup = min(round(steps * self.warmup_epochs / self.epochs), steps - 1)
        if step < warmup:
            return (step + 1) / warmup
        return (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def encode_trunk(
    model: ScClip,
    clip: ClipEncoder,
    frames: UInt8[np.ndarray, "clip frame height width 3"],
    on_progress: Progress,
) -> Float[Tensor, "clip frame token hidden"]:
    """Run what no training changes; models of the same trained layers share it.

    Args:
        model: On any of its settings.
        clip: The encoder whose model it was made of, for its scale of pixels.
        frames: Of one clip at least, at the model's size.
        on_progress: Told of every batch.
    """
    parts = []
    for start in range(0, len(frames), _BATCH_CLIPS):
        some = torch.tensor(frames[start : start + _BATCH_CLIPS])
        pixels = normalise_pixels(
            some.flatten(0, 1).to(model.clip.device), *clip.pixel_scale
        )
        encoded = model.trunk(pixels)
        parts.append(encoded.reshape(*some.shape[:2], *encoded.shape[1:]))
        done = start + len(some)
        on_progress("trunk", done, len(frames), "clips")
    return torch.cat(parts)


def train_sc_clip(
    model: ScClip,
    trunk: Float[Tensor, "clip frame token hidden"],
    labels: Int64[Tensor, " clip"],
    text: Float32[Tensor, "label dim"],
    training: ScTraining,
    *,
    seed: int,
    on_progress: Progress,
) -> list[float]:
    """Change a model's trained parts, and leave it in evaluation mode.

    Args:
        model: Its own seed decides the first weights.
        trunk: As ``encode_trunk`` returned it.
        labels: Row of ``text`` that is true of each clip.
        text: Of the labels that are candidates, of unit norm.
        training: How.
        seed: Of the order of clips and of the frames drawn.
        on_progress: Told of every step.

    Returns:
        The loss of each step.

    Raises:
        TrainingError: If a loss is not finite.
        ValueError: If there is no clip.
    """
    if not len(labels):
        msg = "no clip to train on, expected one at least"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    optimiser = _adamw(model, training)
    order: list[int] = []
    losses: list[float] = []
    steps = training.steps(len(labels))
    model.train()
    for step in range(steps):
        if not order:
            order = rng.permutation(len(labels)).tolist()
        chosen, order = order[: training.clips_a_step], order[training.clips_a_step :]
        frames = _draw_frames(len(chosen), trunk.shape[1], training.frames, rng)
        seen = trunk[torch.tensor(chosen)[:, None], frames]
        heads = model.clip_answer(
            model.finish(seen.flatten(0, 1)),
            clips=len(chosen),
            auxiliary=model.settings.alpha > 0,
        )
        loss = model.loss(model.score(heads, text), labels[chosen])
        if not torch.isfinite(loss):
            where = f"step {step + 1}"
            raise TrainingError(where, "the loss is not finite")
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(
            model.trainable_parameters(), training.most_gradient
        )
        for group in optimiser.param_groups:
            share = training.rate_share(step, len(labels))
            group["lr"] = training.peak_rate * share
        optimiser.step()
        losses.append(loss.item())
        on_progress("training", step + 1, steps, f"loss {losses[-1]:.2f}")
    model.eval()
    return losses


@torch.no_grad()
def score_clips(
    model: ScClip,
    trunk: Float[Tensor, "clip frame token hidden"],
    text: Float32[Tensor, "label dim"],
    on_progress: Progress,
) -> ScAnswer:
    """Score clips, all their frames, without the head that only the loss needs.

    Args:
        model: In evaluation mode.
        trunk: Of one clip at least, as ``encode_trunk`` returned it.
        text: Of unit norm. A label's logit does not depend on the other labels.
        on_progress: Told of every batch.
    """
    answers = []
    for start in range(0, len(trunk), _BATCH_CLIPS):
        part = trunk[start : start + _BATCH_CLIPS]
        state = model.finish(part.flatten(0, 1))
        heads = model.clip_answer(state, clips=len(part), auxiliary=False)
        answers.append(model.score(heads, text))
        done = start + len(part)
        on_progress("scoring", done, len(trunk), "clips")
    queries = [answer.query for answer in answers if answer.query is not None]
    return ScAnswer(
        torch.cat([answer.logits for answer in answers]),
        torch.cat([answer.video for answer in answers]),
        torch.cat(queries) if queries else None,
        None,
    )


def _adamw(model: ScClip, training: ScTraining) -> torch.optim.AdamW:
    values = model.trainable_parameters()
    matrices = [value for value in values if value.ndim > 1]
    others = [value for value in values if value.ndim == 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": training.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=training.peak_rate)


def _draw_frames(
    clips: int, there: int, wanted: int, rng: np.random.Generator
) -> Int64[Tensor, "clip frame"]:
    """Draw frames of each clip without repeating one; all, if there are no more."""
    keys = rng.random((clips, there))
    drawn = keys.argsort(axis=1)[:, :wanted]
    return torch.from_numpy(np.sort(drawn, axis=1))
