"""CLIP's picture tower in two parts: a trunk that is shared, and what IS-CLIP trains.

    pixels ─▶ trunk ─▶ tokens ─▶ last two blocks ─▶ first token ─▶ norm ─▶ projection

The trunk is frozen: what it makes of a picture can be kept for a whole training.
"""

from typing import Any

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn.functional import normalize, scaled_dot_product_attention
from transformers import CLIPModel

TRAINED_BLOCKS = 2
"""At the end of the tower; the projection is trained as well."""


@torch.no_grad()
def trunk_tokens(
    clip: CLIPModel, pixels: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "batch token hidden"]:
    """Run the blocks that student and teacher share on normalised pictures."""
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
    """Run the rest of the frozen CLIP on what ``trunk_tokens`` returned.

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
    """Run the rest of the tower on what ``trunk_tokens`` returned.

    Args:
        clip: The frozen one, for its last norm.
        tokens: Of any dtype.
        blocks: The student's, or the teacher's.
        projection: Likewise; its dtype is that of the work.

    Returns:
        Rows of unit norm.
    """
    dtype = projection.weight.dtype
    tokens = tokens.to(dtype)
    for block in blocks[:-1]:
        tokens = block(tokens, None)
    first = _first_token(blocks[-1], tokens)
    # the last norm stays frozen, and both use it
    pooled = clip.vision_model.post_layernorm(first.to(clip.dtype))
    return normalize(projection(pooled.to(dtype)).float(), dim=-1)


def _first_token(block: Any, tokens: Tensor) -> Any:  # noqa: ANN401 a block of transformers, whose parts are not typed
    """Run a block for its first token alone: after the last, no other is used.

    The same as the whole block gives there, for fewer products.
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
    told = attention.out_proj(joined.transpose(1, 2).flatten(1))
    first = tokens[:, 0] + told
    return first + block.mlp(block.layer_norm2(first))
