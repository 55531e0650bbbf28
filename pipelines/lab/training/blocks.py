"""Blocks: the squares of patches that training shows of each picture.

Most patches of a picture show the room. A block around the person costs a fraction of
the whole picture and shows a small tower where to look. Positions are those of the
whole picture, so that blocks may grow to the whole picture. Leaving out patches while
training follows Li et al. 2023, arXiv:2212.00794 (there at random).
"""

import math

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from transformers import CLIPModel

_MANY_TOKENS = 200


def grid_side(model: CLIPModel) -> int:
    """Return the number of patches along a side of a picture."""
    patches: int = model.vision_model.embeddings.num_patches
    return math.isqrt(patches)


def prefer_attention(model: CLIPModel, tokens: int) -> None:
    """Choose the attention implementation that trains faster on a CPU.

    For few tokens torch's fused form has a slower backward pass than the plain one; for
    all patches of a picture it is faster.
    """
    form = "eager" if tokens < _MANY_TOKENS else "sdpa"
    if model.config._attn_implementation != form:
        model.set_attn_implementation(form)


def draw_blocks(
    landmarks: Float32[Tensor, "picture landmark 4"],
    side: int,
    block: int,
    rng: np.random.Generator,
) -> Int64[Tensor, "picture token"]:
    """Draw a block for each picture: near the person if visible, else anywhere.

    Landmarks are fractions of the picture, height, and 1 if visible. Lengths count
    patches; ``block`` is at most ``side``.

    Returns:
        Numbers of the block's patches in the picture, row by row.
    """
    seen = (landmarks[..., 3] > 0)[..., None]
    middle = (landmarks[..., :2] * seen).sum(dim=1) / seen.sum(dim=1).clamp(min=1)
    anywhere = torch.from_numpy(rng.random((len(landmarks), 2))).float()
    middle = torch.where(seen.any(dim=1), middle, anywhere)
    slack = torch.from_numpy(rng.uniform(-block / 4, block / 4, middle.shape)).float()
    corner = (middle * side - block / 2 + slack).round().long().clamp(0, side - block)
    steps = torch.arange(block)
    rows = corner[:, 1, None] + steps
    columns = corner[:, 0, None] + steps
    return (rows[:, :, None] * side + columns[:, None, :]).flatten(1)


def encode_blocks(
    model: CLIPModel,
    pixels: Float32[Tensor, "picture 3 height width"],
    patches: Int64[Tensor, "picture token"],
    middle_layer: int,
) -> tuple[Tensor, Tensor]:
    """Run the picture tower on blocks of pictures.

    Args:
        model: The model, with gradients.
        pixels: Normalised blocks.
        patches: Their patches' numbers in the whole picture, row by row.
        middle_layer: Index of the block whose output is returned as well.

    Returns:
        The pooled token of each picture, and the middle layer's tokens of all patches.
    """
    tower = model.vision_model
    embeddings = tower.embeddings
    places = embeddings.position_embedding.weight
    shown = embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
    shown = shown + places[patches + 1]
    pooled = (embeddings.class_embedding + places[0]).expand(len(pixels), 1, -1)
    tokens = tower.pre_layrnorm(torch.cat((pooled, shown), dim=1))
    middle = tokens
    for layer in tower.encoder.layers[: middle_layer + 1]:
        middle = layer(middle, None)
    tokens = middle
    for layer in tower.encoder.layers[middle_layer + 1 :]:
        tokens = layer(tokens, None)
    return tower.post_layernorm(tokens[:, 0]), middle[:, 1:]
