"""The loss of the bundled checkpoint's training.

The clip loss is that of the use itself: features of frames are averaged and compared
with texts; the target is the share of the window that each label fills. From it alone a
small tower takes far too long to find the person, so there are auxiliary losses, whose
heads are discarded after training:

    texts ──────────▶ label            brings the wordings of one label together
    whole picture ──▶ label, heights   of the parts of the body, above the floor
    patches, half way up the tower ──▶ the place of each part
    patches that show the body, known from the simulator ──▶ label
"""

from typing import final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot, smooth_l1_loss
from transformers import CLIPModel

from pipelines.lab.training.batches import Batch
from pipelines.lab.training.blocks import encode_blocks, grid_side

_PLACE_WEIGHT = 0.5
_HEIGHT_WEIGHT = 1.0
_TEXT_WEIGHT = 0.3


@final
class BodyHeads(nn.Module):
    """The auxiliary linear heads on the towers."""

    def __init__(self, width: int, landmarks: int, labels: int, dim: int) -> None:
        super().__init__()
        self.place = nn.Linear(width, landmarks)
        self.height = nn.Linear(width, landmarks)
        self.label = nn.Linear(width, labels)
        self.text = nn.Linear(dim, labels)
        self.pointed = nn.Linear(width, labels)


def training_losses(
    model: CLIPModel,
    heads: BodyHeads,
    batch: Batch,
    texts: Float32[Tensor, "label dim"],
    frames: int,
) -> dict[str, Tensor]:
    """Compute the parts of the loss; their weighted sum is ``total``.

    The batch has windows of ``frames`` pictures each.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16()):
        pooled, middle = encode_blocks(
            model,
            batch.pixels,
            batch.patches,
            (model.vision_model.config.num_hidden_layers - 1) // 2,
        )
        projected = model.visual_projection(pooled)
        places = heads.place(middle)
        heights = heads.height(pooled)
        labels = heads.label(pooled)
    features = normalize(projected.float(), dim=-1)
    scale = model.logit_scale.exp().clamp(max=100)
    windows = features.reshape(-1, frames, features.shape[1])
    clips = normalize(windows.mean(dim=1), dim=-1)
    targets = one_hot(batch.frame_labels, len(texts)).float()
    shares = targets.reshape(-1, frames, len(texts)).mean(dim=1)
    token, seen = _tokens_of(batch.landmarks, batch.patches, grid_side(model))
    parts = {
        "clip": cross_entropy(scale * clips @ texts.T, shares),
        "frame": cross_entropy(scale * features @ texts.T, batch.frame_labels),
        "label": cross_entropy(labels.float(), batch.frame_labels),
        "text": cross_entropy(heads.text(10 * texts), torch.arange(len(texts))),
        "pointed": _pointed_loss(
            heads.pointed, middle.float(), batch.frame_labels, token, seen
        ),
        "place": _place_loss(places.float(), token, seen),
        "height": _height_loss(heights.float(), batch.landmarks, seen),
    }
    parts["total"] = (
        parts["clip"]
        + parts["frame"]
        + parts["label"]
        + parts["pointed"]
        + _TEXT_WEIGHT * parts["text"]
        + _PLACE_WEIGHT * parts["place"]
        + _HEIGHT_WEIGHT * parts["height"]
    )
    return parts


def has_fast_bf16() -> bool:
    """Return whether this CPU multiplies bfloat16 faster than float32."""
    fast: bool = torch.cpu._is_avx512_bf16_supported()
    return fast


def _place_loss(
    scores: Float32[Tensor, "picture token landmark"],
    token: Int64[Tensor, "picture landmark"],
    seen: Bool[Tensor, "picture landmark"],
) -> Float32[Tensor, ""]:
    """Return the mean cross-entropy of the token that holds each visible landmark."""
    total = cross_entropy(scores.transpose(1, 2)[seen], token[seen], reduction="sum")
    return total / seen.sum().clamp(min=1)  # for empty rooms 0, not 0 / 0


def _height_loss(
    heights: Float32[Tensor, "picture landmark"],
    landmarks: Float32[Tensor, "picture landmark 4"],
    seen: Bool[Tensor, "picture landmark"],
) -> Float32[Tensor, ""]:
    """Return the mean smooth L1 distance of each visible landmark's height."""
    total = smooth_l1_loss(
        heights[seen], landmarks[..., 2][seen], beta=0.2, reduction="sum"
    )
    return total / seen.sum().clamp(min=1)


def _tokens_of(
    landmarks: Float32[Tensor, "picture landmark 4"],
    patches: Int64[Tensor, "picture token"],
    side: int,
) -> tuple[Int64[Tensor, "picture landmark"], Bool[Tensor, "picture landmark"]]:
    """Find the token whose patch holds each landmark, and whether it is shown."""
    cells = (landmarks[..., :2] * side).long().clamp(0, side - 1)
    patch = cells[..., 1] * side + cells[..., 0]
    held = patches[:, None, :] == patch[..., None]
    return held.long().argmax(dim=-1), held.any(dim=-1) & (landmarks[..., 3] > 0)


def _pointed_loss(
    head: nn.Linear,
    tokens: Float32[Tensor, "picture token width"],
    labels: Int64[Tensor, " picture"],
    token: Int64[Tensor, "picture landmark"],
    seen: Bool[Tensor, "picture landmark"],
) -> Float32[Tensor, ""]:
    """Return the cross-entropy of the label predicted from the body's tokens."""
    share = torch.zeros(tokens.shape[:2]).scatter_add(1, token, seen.float())
    share = share / share.sum(dim=1, keepdim=True).clamp(min=1)
    body = torch.einsum("pt,ptw->pw", share, tokens)
    present = seen.any(dim=1)
    total = cross_entropy(head(body)[present], labels[present], reduction="sum")
    return total / present.sum().clamp(min=1)


def label_texts(
    choices: list[tuple[str, ...]], generator: torch.Generator
) -> list[str]:
    """Draw one sentence for each label."""
    return [
        row[int(torch.randint(len(row), (1,), generator=generator))] for row in choices
    ]
