"""The parts of SC-CLIP: semantic masks, local adapters and semantic cross-attention.

    raw dense tokens ─▶ window seeds ─▶ one k-means step ─▶ fusion ─▶ masks ─┬─────┐
    student tokens ─▶ adapter: frame t sees frames t-2 to t+2 ─▶ queries ◀───┘     │
    tokens before the last block ─▶ keys, values ─▶ cross-attention ◀─ +1 inside ──┘

The masks cluster the patches of one clip and do not depend on other clips of a batch.
See ``models.sc_clip.model`` for the whole model and its source.

Our choices where the paper is not specific: seeds are means of the unnormalised dense
tokens, scaled to unit norm afterwards; a k-means centre is the unit mean of its unit
tokens, before and after a fusion; clusters fuse when the cosine of their centres is at
least delta, so that a larger delta leaves more clusters, as in the paper's study of
delta; the linear layers of an adapter start from a normal distribution with variance
one over their inputs.
"""

import math
from collections.abc import Sequence
from typing import Literal, final

import torch
from jaxtyping import Bool, Float, Float32, Int64
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn
from torch.nn.functional import (
    avg_pool2d,
    normalize,
    one_hot,
    pad,
    scaled_dot_product_attention,
)
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

AdapterKind = Literal["transformer", "mlp"]
"""A block with attention over neighbouring frames, or its MLP alone."""

REACH = 2
"""Frames on either side of a frame that an adapter sees."""

PAPER_SIDE = 14
"""Patches along a side of the paper's tower, ViT-B/16 at 224 pixels."""

_MASK_BIAS = 1.0  # added to a logit; a mask of minus infinity would change the model
_MLP_RATIO = 4


def scale_windows(sizes: Sequence[int], side: int) -> tuple[int, ...]:
    """Scale window sizes to a grid, so that they cover the same share of a picture.

    Returns:
        Distinct rising sizes, rounded to the nearest (halves upward) and at least 1.
    """
    whole = 2 * PAPER_SIDE
    scaled = {max(1, (2 * size * side + PAPER_SIDE) // whole) for size in sizes}
    return tuple(sorted(scaled))


def window_seeds(
    dense: Float32[Tensor, "time patch dim"], sizes: Sequence[int]
) -> Float32[Tensor, "seed dim"]:
    """Average the dense tokens of square windows that overlap by half.

    Args:
        dense: Tokens of at least one frame, row by row of a square grid.
        sizes: Sides of the windows, at most the grid's; a window of size s moves by
            half of s, rounded down, and at least 1.

    Returns:
        Rows of unit norm, ordered by size, then frame, then place.
    """
    side = math.isqrt(dense.shape[1])
    grid = dense.transpose(1, 2).reshape(len(dense), -1, side, side)
    means = [avg_pool2d(grid, size, max(1, size // 2)) for size in sizes]  # eq. 2
    seeds = [mean.flatten(2).transpose(1, 2).flatten(0, 1) for mean in means]
    return normalize(torch.cat(seeds), dim=-1)


@torch.no_grad()
def semantic_masks(
    dense: Float[Tensor, "time patch dim"], sizes: Sequence[int], delta: float
) -> Bool[Tensor, "cluster time patch"]:
    """Cluster the patches of one clip.

    Computes in float32 even under autocast, because ``delta`` decides on small
    differences. Of equal cosines the earlier seed wins.

    Clusters with a cosine of their centres of at least ``delta`` fuse.

    Returns:
        A mask for each cluster; every patch is in one cluster. Without frames there are
        none.
    """
    if dense.shape[0] == 0:
        return torch.zeros((0, *dense.shape[:2]), dtype=torch.bool, device=dense.device)
    with torch.autocast(dense.device.type, enabled=False):
        dense = dense.float()
        tokens = normalize(dense.flatten(0, 1), dim=-1)
        seeds = window_seeds(dense, sizes)
        nearest = (tokens @ seeds.T).argmax(dim=1)
        # renumbered without the seeds that no token chose
        _, clusters = torch.unique(nearest, return_inverse=True)
        clusters = _fuse(tokens, clusters, delta)
    return one_hot(clusters).bool().T.reshape(-1, *dense.shape[:2])


def _fuse(
    tokens: Float32[Tensor, "token dim"],
    clusters: Int64[Tensor, " token"],
    delta: float,
) -> Int64[Tensor, " token"]:
    """Fuse clusters whose centres are similar until no two are.

    Returns:
        The cluster of each token, numbered from zero without a gap.
    """
    while True:
        members = one_hot(clusters).to(tokens.dtype)
        # summed by a product, which is deterministic on any device
        centres = normalize(members.T @ tokens, dim=-1)
        alike = (centres @ centres.T >= delta).numpy(force=True)
        count, groups = connected_components(alike, directed=False)
        if count == len(centres):
            return clusters
        clusters = torch.tensor(groups, device=clusters.device).long()[clusters]


def pool_queries(
    tokens: Float[Tensor, "time token hidden"],
    masks: Bool[Tensor, "cluster time patch"],
) -> Float[Tensor, "cluster hidden"]:
    """Average the tokens of each cluster over a whole clip.

    Args:
        tokens: Tokens of each frame, the class token first, then the patches.
        masks: Masks of non-empty clusters. The class token of each frame in which a
            cluster occurs counts as one more of its tokens.
    """
    occurs = masks.any(dim=2, keepdim=True)
    held = torch.cat((occurs, masks), dim=2).flatten(1).float()
    shares = held / held.sum(dim=1, keepdim=True)
    return shares.to(tokens.dtype) @ tokens.flatten(0, 1)  # eq. 3


def cross_attend(
    block: CLIPEncoderLayer,
    queries: Float[Tensor, "cluster hidden"],
    tokens: Float[Tensor, "time token hidden"],
    masks: Bool[Tensor, "cluster time patch"],
) -> Float[Tensor, "time cluster hidden"]:
    """Apply a tower's block with queries in place of the frames' own tokens.

    Args:
        block: The block whose weights are used.
        queries: One query for each cluster.
        tokens: The block's usual input: the class token first, then the patches.
        masks: Masks of the clusters. A patch of a query's own cluster, and every class
            token, adds one to the query's logit.
    """
    attention = block.self_attn
    keys = block.layer_norm1(tokens)
    query = _split(attention.q_proj(block.layer_norm1(queries)), attention.num_heads)
    # the first column, one for every cluster and frame, is the class token's
    bias = pad(masks.transpose(0, 1).to(query.dtype), (1, 0), value=1.0) * _MASK_BIAS
    mixed = scaled_dot_product_attention(  # eq. 5
        query.expand(len(tokens), -1, -1, -1),
        _split(attention.k_proj(keys), attention.num_heads),
        _split(attention.v_proj(keys), attention.num_heads),
        attn_mask=bias.unsqueeze(1),
    )
    seen: Tensor = queries + attention.out_proj(_merge(mixed))
    wide: Tensor = block.mlp(block.layer_norm2(seen))
    return seen + wide


@final
class LocalAttention(nn.Module):
    """Attention of each frame's tokens over those of neighbouring frames.

    ::

        frame     0  1  2  3  4  5          REACH = 2
        query           3
        sees         1  2  3  4  5          all their tokens
        query  0
        sees   0  1  2                      at a clip's edge: nothing beyond it

    Args:
        width: Width of a token.
        heads: Attention heads; divides ``width``.
        zero_pad_compat: Whether keys and values beyond a clip's edge are zeros inside
            the softmax, as in the released code, which attenuates frames at the edge.
        generator: Source of the initial weights, on the CPU. The output layer starts at
            zero.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        zero_pad_compat: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.q_proj = _drawn_linear(width, width, generator)
        self.k_proj = _drawn_linear(width, width, generator)
        self.v_proj = _drawn_linear(width, width, generator)
        self.out_proj = _zero_linear(width, width)
        self._heads = heads
        self._zero_pad_compat = zero_pad_compat

    def forward(
        self, tokens: Float[Tensor, "clip time token hidden"]
    ) -> Float[Tensor, "clip time token hidden"]:
        """Mix the tokens of each frame with those of its neighbours, clip by clip."""
        frames, count = tokens.shape[1:3]
        line = tokens.flatten(1, 2)  # frames in order
        query = _split(self.q_proj(line), self._heads)
        key = _split(self.k_proj(line), self._heads)
        value = _split(self.v_proj(line), self._heads)
        before = 0
        if self._zero_pad_compat:
            before = REACH
            edge = (0, 0, REACH * count, REACH * count)
            key, value = pad(key, edge), pad(value, edge)
        mixed = []
        for frame in range(frames):
            own = slice(frame * count, (frame + 1) * count)
            first = max(0, frame + before - REACH)
            near = slice(first * count, (frame + before + REACH + 1) * count)
            mixed.append(
                scaled_dot_product_attention(
                    query[:, :, own], key[:, :, near], value[:, :, near]
                )
            )
        joined: Tensor = self.out_proj(_merge(torch.cat(mixed, dim=2)))
        return joined.reshape(tokens.shape)


@final
class Adapter(nn.Module):
    """A transformer block that is the identity before training.

    Attention and MLP each have a layer norm before them and a residual around them. The
    MLP is four times as wide and uses QuickGELU. Both end in a layer that starts at
    zero.

    A kind of ``mlp`` has no attention, so that no frame sees another.
    ``zero_pad_compat`` is as in ``LocalAttention``.
    """

    def __init__(
        self,
        kind: AdapterKind,
        width: int,
        heads: int,
        *,
        zero_pad_compat: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.attention: LocalAttention | None = None
        if kind == "transformer":
            self.layer_norm1 = nn.LayerNorm(width)
            self.attention = LocalAttention(
                width, heads, zero_pad_compat=zero_pad_compat, generator=generator
            )
        self.layer_norm2 = nn.LayerNorm(width)
        self.fc1 = _drawn_linear(width, _MLP_RATIO * width, generator)
        self.fc2 = _zero_linear(_MLP_RATIO * width, width)

    def forward(
        self, tokens: Float[Tensor, "clip time token hidden"]
    ) -> Float[Tensor, "clip time token hidden"]:
        """Adapt the tokens of clips, independently of each other."""
        if self.attention is not None:
            tokens = tokens + self.attention(self.layer_norm1(tokens))
        wide = self.fc1(self.layer_norm2(tokens))
        quick_gelu = wide * torch.sigmoid(1.702 * wide)
        adapted: Tensor = tokens + self.fc2(quick_gelu)
        return adapted


def _drawn_linear(fan_in: int, fan_out: int, generator: torch.Generator) -> nn.Linear:
    layer = _zero_linear(fan_in, fan_out)
    nn.init.normal_(layer.weight, std=fan_in**-0.5, generator=generator)
    return layer


def _zero_linear(fan_in: int, fan_out: int) -> nn.Linear:
    # created without values: torch would draw them from the global random state
    layer = nn.Linear(fan_in, fan_out, device="meta").to_empty(device="cpu")
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _split(
    vectors: Float[Tensor, "*batch token hidden"], heads: int
) -> Float[Tensor, "*batch {heads} token part"]:
    parts = vectors.reshape(*vectors.shape[:-1], heads, -1)
    return parts.transpose(-2, -3)


def _merge(
    parts: Float[Tensor, "*batch head token part"],
) -> Float[Tensor, "*batch token hidden"]:
    return parts.transpose(-2, -3).flatten(-2)
