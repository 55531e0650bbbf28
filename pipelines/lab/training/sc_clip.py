"""Train SC-CLIP on labelled clips, with its frozen trunk run once for each clip.

    pictures ─▶ trunk, once ─▶ kept ─┬─▶ steps: frames drawn ─▶ finish ─▶ loss ─▶ AdamW
                                     └─▶ logits of every head, of all frames

See ``models.sc_clip.model`` for the model and its source. Equal clips, settings and
seeds give equal weights.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from models.clip.encoder import ClipEncoder, normalise_pixels
from models.sc_clip.model import ScAnswer, ScClip
from pipelines.errors import TrainingError
from pipelines.progress import Progress

_BATCH_CLIPS = 8  # bounds the memory of what is not trained, not the result


@dataclass(frozen=True, slots=True)
class ScTraining:
    """Settings of the training; the defaults are for a small tower and few clips.

    Published for ViT-B/16, with 64 clips in a step, all 8 frames of each, and 2 epochs
    of warm-up: UCF101 rate 5e-5, HMDB51 1e-3 and SSv2 8e-4 in 18 epochs, Kinetics-400
    4e-4 in 6. With sixteen clips of each of six labels this would be two steps in an
    epoch, so a step has fewer clips here. Half of the frames, a different half each
    time, cost half as much. The paper does not give weight decay and clipping; these
    are those of the code that it is built on.

    Attributes:
        epochs: Passes over the clips.
        warmup_epochs: Epochs in which the rate rises linearly; then it falls to zero
            along a cosine.
        clips_a_step: Clips in a step.
        frames: Frames drawn of a clip, in their order, whenever it is used.
        peak_rate: Highest learning rate.
        weight_decay: Weight decay of matrices; none for biases and norms.
        most_gradient: Greatest norm of a step's gradient.

    Raises:
        ValueError: If epochs, clips or frames are not positive.
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
        """Return the number of steps for a number of clips; at least one."""
        return max(1, round(self.epochs * math.ceil(clips / self.clips_a_step)))

    def rate_share(self, step: int, clips: int) -> float:
        """Return a step's learning rate, counted from 0, as a share of the highest."""
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
    """Run the trunk on all frames, for all models with the same trained layers."""
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
    """Train a model in place, and leave it in evaluation mode.

    Labels are indices into ``text``, and ``trunk`` is the output of ``encode_trunk``.
    The model's own seed determines the initial weights.

    Returns:
        The loss of each step.

    Raises:
        TrainingError: If a loss is not finite.
        ValueError: If there is no clip.
    """
    if not len(labels):
        msg = "no clip to train on, expected at least one"
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
        loss = _loss(model, seen, labels[chosen], text)
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


def _loss(
    model: ScClip,
    trunk: Float[Tensor, "clip frame token hidden"],
    labels: Int64[Tensor, " clip"],
    text: Float32[Tensor, "label dim"],
) -> Float32[Tensor, ""]:
    state = model.finish(trunk.flatten(0, 1))
    auxiliary = model.settings.alpha > 0
    heads = model.clip_answer(state, clips=len(trunk), auxiliary=auxiliary)
    return model.loss(model.score(heads, text), labels)


@torch.no_grad()
def score_clips(
    model: ScClip,
    trunk: Float[Tensor, "clip frame token hidden"],
    text: Float32[Tensor, "label dim"],
    on_progress: Progress,
) -> ScAnswer:
    """Score clips with all their frames, without the auxiliary head.

    A label's logit does not depend on the other labels.
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
    """Draw frames of each clip without repeats; all, if there are no more."""
    keys = rng.random((clips, there))
    drawn = keys.argsort(axis=1)[:, :wanted]
    return torch.from_numpy(np.sort(drawn, axis=1))
