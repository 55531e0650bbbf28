"""The parts of SC-CLIP: semantic masks, local adapters and semantic cross-attention.

    raw dense tokens ─▶ window seeds ─▶ one k-means step ─▶ fusion ─▶ masks ─┬─────┐
    student tokens ─▶ adapter: frame t sees frames t-2 to t+2 ─▶ queries ◀───┘     │
    tokens before the last block ─▶ keys, values ─▶ cross-attention ◀─ +1 inside ──┘

The masks say which patches of a clip belong together, and hold for one clip alone:
what else is in a batch never changes them. See ``models.sc_clip`` for the model that
these make up, and for its source.

Where the paper leaves a choice: seeds are means of the dense tokens as they are, and
are then brought to unit norm; a k-means centre is the unit mean of its unit tokens,
before and after a fusion; clusters fuse when the cosine of their centres reaches delta,
the direction in which a larger delta leaves more clusters, as its study of delta says;
an adapter's linear layers start from a normal distribution of variance one over their
inputs.
"""

import math
from collections.abc import Sequence
from typing import Literal, final

import torch
from jaxtyping import Bool, Float, Float32, Int64
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
"""Frames that an adapter sees on either side of a frame."""

PAPER_SIDE = 14
"""Patches along a side of the paper's tower, ViT-B/16 at 224 pixels."""

_MASK_BIAS = 1.0  # added to a logit; a mask of minus infinity is another model
_MLP_RATIO = 4


def scale_windows(sizes: Sequence[int], side: int) -> tuple[int, ...]:
    """Scale window sizes to a grid, so that they cover the same share of a picture.

    Args:
        sizes: In patches, on a grid of ``PAPER_SIDE``; at least 1.
        side: Patches along a side of the grid at hand.

    Returns:
        Rounded to the nearest size, halves upward, at least 1; rising, each once.
    """
    whole = 2 * PAPER_SIDE
    scaled = {max(1, (2 * size * side + PAPER_SIDE) // whole) for size in sizes}
    return tuple(sorted(scaled))


def window_seeds(
    dense: Float32[Tensor, "time patch dim"], sizes: Sequence[int]
) -> Float32[Tensor, "seed dim"]:
    """Average the dense tokens of square windows, half overlapping.

    Args:
        dense: Row by row of a square grid, one frame at least.
        sizes: Sides of the windows, of at most the grid's; a window of size s moves by
            half of s, rounded down, and at least 1.

    Returns:
        Rows of unit norm: by size, within it by frame, within that by place.
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
    """Tell which patches of one clip belong together.

    Works in float32 whatever the precision around it: ``delta`` decides on small
    differences. Of equal cosines the earlier seed wins.

    Args:
        dense: The raw tower's patch tokens in the space of the texts, of any norm.
        sizes: As ``window_seeds`` takes them.
        delta: Clusters whose centres have this cosine are one.

    Returns:
        Each patch is in one cluster. No frames give no clusters.
    """
    if dense.shape[0] == 0:
        return torch.zeros((0, *dense.shape[:2]), dtype=torch.bool, device=dense.device)
    with torch.autocast(dense.device.type, enabled=False):
        dense = dense.float()
        tokens = normalize(dense.flatten(0, 1), dim=-1)
        seeds = window_seeds(dense, sizes)
        nearest = (tokens @ seeds.T).argmax(dim=1)
        # numbered anew, which leaves out the seeds that no token chose
        _, clusters = torch.unique(nearest, return_inverse=True)
        clusters = _fuse(tokens, clusters, delta)
    return one_hot(clusters).bool().T.reshape(-1, *dense.shape[:2])


def _fuse(
    tokens: Float32[Tensor, "token dim"],
    clusters: Int64[Tensor, " token"],
    delta: float,
) -> Int64[Tensor, " token"]:
    """Join clusters whose centres are alike until no two are.

    Returns:
        The cluster of each token, numbered from zero without a gap.
    """
    while True:
        members = one_hot(clusters).to(tokens.dtype)  # summed by a product: the same
        centres = normalize(members.T @ tokens, dim=-1)  # each time, on any device
        groups = _components(centres @ centres.T >= delta)
        numbers, joined = torch.unique(groups, return_inverse=True)
        if len(numbers) == len(centres):
            return clusters
        clusters = joined[clusters]


def _components(
    alike: Bool[Tensor, "cluster cluster"],
) -> Int64[Tensor, " cluster"]:
    """Name each cluster by the first one that a chain of alike ones leads to."""
    count = len(alike)
    names = torch.arange(count, device=alike.device)
    alike = alike | torch.eye(count, dtype=torch.bool, device=alike.device)
    while True:
        lowest = torch.where(alike, names, count).amin(dim=1)
        lowest = lowest[lowest]  # a name's own name: long chains take few rounds
        if torch.equal(lowest, names):
            return names
        names = lowest


def pool_queries(
    tokens: Float[Tensor, "time token hidden"],
    masks: Bool[Tensor, "cluster time patch"],
) -> Float[Tensor, "cluster hidden"]:
    """Average, over a whole clip, the tokens of each cluster.

    Args:
        tokens: Of each frame, the class token first, then the patches.
        masks: Of clusters with a patch at least. The class token of each frame where a
            cluster occurs counts as one more token of it.
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
    """Let each query look at each frame, through the weights of a tower's block.

    Args:
        block: Its attention takes the queries in place of the frame's own tokens.
        queries: One for each cluster.
        tokens: What the block would take: the class token first, then the patches.
        masks: A patch of its own cluster, and any class token, adds one to a query's
            logit.
    """
    attention = block.self_attn
    keys = block.layer_norm1(tokens)
    query = _split(attention.q_proj(block.layer_norm1(queries)), attention.num_heads)
    # b: the class token's column, one for every cluster and frame
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
    """Attention of each frame's tokens over those of the frames around it.

    ::

        frame     0  1  2  3  4  5          REACH = 2
        query           3
        sees         1  2  3  4  5          all their tokens
        query  0
        sees   0  1  2                      a clip's edge: nothing beyond it

    Args:
        width: Of a token.
        heads: Divides ``width``.
        zero_pad_compat: Beyond a clip's edge lie keys and values of zero, inside the
            softmax, as in the released code: frames at the edge are attenuated.
        generator: Draws the first weights, on the CPU. The output layer starts at zero.
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
        line = tokens.flatten(1, 2)  # frame after frame
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
    """A transformer block before whose training every token passes unchanged.

    Layer norm stands before attention and MLP, a residual around each; the MLP is four
    times as wide and uses QuickGELU. Both end in a layer that starts at zero.

    Args:
        kind: ``mlp`` leaves the attention out, so that no frame sees another.
        width: Of a token.
        heads: Divides ``width``.
        zero_pad_compat: As ``LocalAttention`` takes it.
        generator: Draws the first weights, on the CPU.
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
        """Adapt the tokens of clips, each for itself."""
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
    # made without values: torch would draw them from the global random state
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
