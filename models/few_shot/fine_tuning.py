"""Train CLIP itself on a few labelled clips: its projection alone, or all weights.

    pooled ──trained projection──▶ clip vector ──▶ cosines with any texts
    frames ──▶ both towers, all weights trained ──▶ cosines with any texts

``pooled`` is the picture tower's output before its projection, of any norm. ``texts``
are vectors of unit norm, constant except in fine-tuning; labels are indices into them.
v is a clip's vector (``models.few_shot.training``):

1. logits = scale · v · textsᵀ

No source states optimiser, rate, epochs or batch for either; ``PROJECTION`` and
``FINE_TUNING`` are our choices. See ``models.few_shot.tip_adapter`` and
``models.few_shot.linear_probe`` for methods that leave CLIP unchanged.
"""

import copy
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn.functional import cross_entropy, linear
from transformers import CLIPModel, PreTrainedTokenizerBase

from models.clip.checkpoint import Colour
from models.clip.encoder import (
    CLIP_DEVIATION,
    CLIP_MEAN,
    MAX_LOGIT_SCALE,
    encode_pixels,
    normalise_pixels,
)
from models.clip.text_bank import embed_labels
from models.few_shot.training import (
    OnEpoch,
    TrainingSettings,
    check_labels,
    clip_vectors,
    train,
)
from models.prompts.prompt_set import PromptSet

_POOLED_AT_ONCE = 64
"""Pictures encoded at a time; limits memory without changing the result."""

PROJECTION = TrainingSettings(rate=1e-4, epochs=20, batch=32)
"""Settings for the projection alone."""

FINE_TUNING = TrainingSettings(rate=1e-3, epochs=5, batch=8)
"""Settings for all weights, chosen naively: CLIP forgets the labels left out.

CLIP tolerates rates of 1e-6 to 1e-5; use ``dataclasses.replace`` for a sweep.
"""


@torch.no_grad()
def pooled_features(
    model: CLIPModel,
    frames: UInt8[Tensor, "clip time height width 3"],
    pixel_scale: tuple[Colour, Colour] = (CLIP_MEAN, CLIP_DEVIATION),
) -> Float32[Tensor, "clip time hidden"]:
    """Run the picture tower up to its projection.

    The pictures have the model's own size.
    """
    parts = []
    for part in torch.split(frames.flatten(0, 1), _POOLED_AT_ONCE):
        pixels = normalise_pixels(part.to(model.device), *pixel_scale)
        answer = model.vision_model(pixel_values=pixels.to(model.dtype))
        parts.append(answer.pooler_output.float())
    return torch.cat(parts).reshape(*frames.shape[:2], -1)


@final
@dataclass(frozen=True, slots=True, eq=False)
class TunedProjection:
    """A trained picture projection; everything else is the frozen model's.

    ``weight`` replaces that of the model's ``visual_projection``; ``scale`` is the
    model's.
    """

    weight: Float32[Tensor, "dim hidden"]
    scale: float

    def vectors(
        self, pooled: Float32[Tensor, "clip time hidden"]
    ) -> Float32[Tensor, "clip dim"]:
        """Project the frames and average each clip to a row of unit norm."""
        return clip_vectors(linear(pooled, self.weight))

    def logits(
        self,
        pooled: Float32[Tensor, "clip time hidden"],
        texts: Float32[Tensor, "label dim"],
    ) -> Float32[Tensor, "clip label"]:
        """Score clips against any labels, including labels it was not trained on."""
        return self.scale * self.vectors(pooled) @ texts.T  # eq. 1


def fit_projection(
    start: TunedProjection,
    pooled: Float32[Tensor, "clip time hidden"],
    labels: Int64[Tensor, " clip"],
    texts: Float32[Tensor, "label dim"],
    settings: TrainingSettings = PROJECTION,
    on_epoch: OnEpoch | None = None,
) -> TunedProjection:
    """Train the picture projection alone, by cross-entropy with the labels' texts.

    ``pooled`` comes from ``pooled_features``; texts have unit norm. ``start`` is not
    changed.

    Raises:
        ValueError: If there is no clip, or a label is not in ``texts``.
    """
    check_labels(labels, len(texts))
    weight = start.weight.detach().clone().requires_grad_()
    moving = replace(start, weight=weight)

    def loss_of(_epoch: int, rows: Int64[Tensor, " row"]) -> Float32[Tensor, ""]:
        return cross_entropy(moving.logits(pooled[rows], texts), labels[rows])

    train([weight], len(labels), settings, loss_of, on_epoch)
    return replace(start, weight=weight.detach())


def fine_tune(
    model: CLIPModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_set: PromptSet,
    frames: UInt8[Tensor, "clip time height width 3"],
    labels: Int64[Tensor, " clip"],
    settings: TrainingSettings = FINE_TUNING,
    on_epoch: OnEpoch | None = None,
    pixel_scale: tuple[Colour, Colour] = (CLIP_MEAN, CLIP_DEVIATION),
) -> CLIPModel:
    """Train all weights of a copy of the model, including text tower and scale.

    Labels are indices into the prompt set; pictures have the model's own size.

    Returns:
        The copy, in float32 and evaluation mode.

    Raises:
        ValueError: If there is no clip, or a label is not in the prompt set.
    """
    check_labels(labels, len(prompt_set.labels))
    tuned = copy.deepcopy(model).requires_grad_()
    torch.nn.Module.to(tuned, torch.float32)  # half precision loses such small steps
    tuned.train(mode=False)  # CLIP has no dropout to switch on

    def loss_of(_epoch: int, rows: Int64[Tensor, " row"]) -> Float32[Tensor, ""]:
        texts = embed_labels(tuned, tokenizer, prompt_set)
        pictures = frames[rows].flatten(0, 1).to(tuned.device)
        encoded = encode_pixels(tuned, normalise_pixels(pictures, *pixel_scale))
        clips = encoded.reshape(len(rows), -1, encoded.shape[1])
        scale = tuned.logit_scale.exp().clamp(max=MAX_LOGIT_SCALE)
        logits = scale * clip_vectors(clips) @ texts.T  # eq. 1
        return cross_entropy(logits, labels[rows].to(tuned.device))

    train(tuned.parameters(), len(labels), settings, loss_of, on_epoch)
    return tuned
