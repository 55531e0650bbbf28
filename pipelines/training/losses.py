"""What the bundled checkpoint is trained for.

The clip loss is the use itself: frame features averaged and compared with texts; its
target is the share of the window that each label fills. The simulator also knows
where every part of the body is; two small heads that are thrown away afterwards learn
to tell it, so that the tower finds the person long before labels alone would teach it.
"""

from typing import final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot, smooth_l1_loss
from transformers import CLIPModel

from pipelines.training.batches import Batch

_PLACE_WEIGHT = 0.5
_HEIGHT_WEIGHT = 0.5


@final
class BodyHeads(nn.Module):
    """Tell each landmark's patch from the patch tokens, and heights from the whole.

    Args:
        width: Of the picture tower.
        landmarks: How many parts of the body there are.
    """

    def __init__(self, width: int, landmarks: int) -> None:
        super().__init__()
        self.place = nn.Linear(width, landmarks)
        self.height = nn.Linear(width, landmarks)


def training_losses(
    model: CLIPModel,
    heads: BodyHeads,
    batch: Batch,
    texts: Float32[Tensor, "label dim"],
    frames: int,
) -> dict[str, Tensor]:
    """Compute the parts of the loss; their sum is ``total``.

    Args:
        model: With gradients.
        heads: With gradients.
        batch: Windows, each of ``frames`` of its pictures.
        texts: A unit vector for each label, with gradients.
        frames: Pictures a window.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16()):
        answer = model.vision_model(pixel_values=batch.pixels)
        projected = model.visual_projection(answer.pooler_output)
        places = heads.place(answer.last_hidden_state[:, 1:])
        heights = heads.height(answer.pooler_output)
    features = normalize(projected.float(), dim=-1)
    scale = model.logit_scale.exp().clamp(max=100)
    windows = features.reshape(-1, frames, features.shape[1])
    clips = normalize(windows.mean(dim=1), dim=-1)
    targets = one_hot(batch.frame_labels, len(texts)).float()
    shares = targets.reshape(-1, frames, len(texts)).mean(dim=1)
    seen = batch.landmarks[..., 3] > 0
    parts = {
        "clip": cross_entropy(scale * clips @ texts.T, shares),
        "frame": cross_entropy(scale * features @ texts.T, batch.frame_labels),
        "place": _place_loss(places.float(), batch.landmarks, seen),
        "height": smooth_l1_loss(
            heights.float()[seen],
            batch.landmarks[..., 2][seen],
            beta=0.2,
        ),
    }
    parts["total"] = (
        parts["clip"]
        + parts["frame"]
        + _PLACE_WEIGHT * parts["place"]
        + _HEIGHT_WEIGHT * parts["height"]
    )
    return parts


def has_fast_bf16() -> bool:
    """Tell whether this processor multiplies bfloat16 faster than float32."""
    fast: bool = torch.cpu._is_avx512_bf16_supported()
    return fast


def _place_loss(
    scores: Float32[Tensor, "picture token landmark"],
    landmarks: Float32[Tensor, "picture landmark 4"],
    seen: Tensor,
) -> Float32[Tensor, ""]:
    """Cross-entropy of the patch that holds each landmark in sight."""
    side = round(scores.shape[1] ** 0.5)
    cells = (landmarks[..., :2] * side).long().clamp(0, side - 1)
    token: Int64[Tensor, "picture landmark"] = cells[..., 1] * side + cells[..., 0]
    return cross_entropy(scores.transpose(1, 2)[seen], token[seen])


def label_texts(
    choices: list[tuple[str, ...]], generator: torch.Generator
) -> list[str]:
    """Draw one sentence for each label."""
    return [
        row[int(torch.randint(len(row), (1,), generator=generator))] for row in choices
    ]
