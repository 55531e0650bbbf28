"""CLIP's picture tower in two parts: a frozen trunk, and the part IS-CLIP trains.

    pixels ─▶ trunk ─▶ tokens ─▶ last two blocks ─▶ first token ─▶ norm ─▶ projection

The trunk's output can be stored for a whole training, because it never changes.
"""

from typing import Any

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn.functional import normalize, scaled_dot_product_attention
from transformers import CLIPModel

TRAINED_BLOCKS = 2
"""Blocks at the end of the tower that are trained, with the projection."""


@torch.no_grad()
def trunk_tokens(
    clip: CLIPModel, pixels: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "batch token hidden"]:
    """Run the shared blocks on normalised pictures."""
    tower = clip.vision_model
    tokens: Tensor = tower.embeddings(pixels.to(clip.dtype))
    tokens = tower.pre_layrnorm(tokens)
    for block in tower.encoder.layers[:-TRAINED_BLOCKS]:
        tokens = block(tokens, None)
    return tokens


@torch.no_grad()
def teacher_features(
    clip: CLIPModel, tokens: Float[Tensor, "batch token hidden"]
) -> Float32[Tensor, "batch dim"]:
    """Run the rest of the frozen CLIP on the output of ``trunk_tokens``.

    Returns:
        f_v of the teacher, rows of unit norm: CLIP's own features.
    """
    last = clip.vision_model.encoder.layers[-TRAINED_BLOCKS:]
    return finish(clip, tokens, last, clip.visual_projection)


def finish(
    clip: CLIPModel,
    tokens: Float[Tensor, "batch token hidden"],
    blocks: nn.ModuleList,
    projection: nn.Linear,
) -> Float32[Tensor, "batch dim"]:
    """Run the rest of the tower on the output of ``trunk_tokens``.

    The dtype of the projection is used for the computation.

    Returns:
        Rows of unit norm.
    """
    dtype = projection.weight.dtype
    tokens = tokens.to(dtype)
    for block in blocks[:-1]:
        tokens = block(tokens, None)
    first = _first_token(blocks[-1], tokens)
    # both use the last norm, which stays frozen
    pooled = clip.vision_model.post_layernorm(first.to(clip.dtype))
    return normalize(projection(pooled.to(dtype)).float(), dim=-1)


def _first_token(block: Any, tokens: Tensor) -> Any:  # noqa: ANN401 a block of transformers, whose parts are not typed
    """Run the last block for its first token alone, because no other token is used.

    The result is the same as that of the whole block, with fewer products.
    """
    attention = block.self_attn
    normed = block.layer_norm1(tokens)
    query, key, value = (
        layer(given).unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
        for layer, given in (
            (attention.q_proj, normed[:, :1]),
            (attention.k_proj, normed),
            (attention.v_proj, normed),
        )
    )
    joined = scaled_dot_product_attention(query, key, value, scale=attention.scale)
    attended = attention.out_proj(joined.transpose(1, 2).flatten(1))
    first = tokens[:, 0] + attended
    return first + block.mlp(block.layer_norm2(first))
