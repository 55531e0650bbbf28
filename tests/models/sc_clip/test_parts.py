import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from models.clip.new_checkpoint import small_clip
from models.sc_clip.parts import (
    Adapter,
    cross_attend,
    pool_queries,
    scale_windows,
    semantic_masks,
    window_seeds,
)

WIDTH, HEADS = 6, 2


def unit(vectors: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return scaled


def scene(seed: int, frames: int, side: int, noise: float) -> Tensor:
    """Three things that drift over a grid, each with a direction of its own."""
    rng = np.random.default_rng(seed)
    things = rng.normal(size=(3, 8))
    dense = np.empty((frames, side, side, 8))
    for frame in range(frames):
        for row in range(side):
            for column in range(side):
                thing = (row + frame > side // 2) + (column > side // 2)
                dense[frame, row, column] = things[thing]
    dense += noise * rng.normal(size=dense.shape)
    return torch.tensor(dense.reshape(frames, side * side, 8), dtype=torch.float32)


def written_out_seeds(dense: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    side = math.isqrt(dense.shape[1])
    seeds = []
    for size in sizes:
        stride = max(1, size // 2)
        for frame in dense:
            for top in range(0, side - size + 1, stride):
                for left in range(0, side - size + 1, stride):
                    total = np.zeros(dense.shape[2])
                    for row in range(top, top + size):
                        for column in range(left, left + size):
                            total += frame[row * side + column]
                    seeds.append(unit(total / size**2))
    return seeds


def written_out_masks(
    dense: np.ndarray, sizes: Sequence[int], delta: float
) -> np.ndarray:
    """Semantic query generation a token, a seed and a pair at a time."""
    seeds = written_out_seeds(dense, sizes)
    tokens = [unit(token) for frame in dense for token in frame]
    members: list[list[int]] = [[] for _ in seeds]
    for number, token in enumerate(tokens):
        best = 0
        for place, seed in enumerate(seeds):
            if token @ seed > token @ seeds[best]:
                best = place
        members[best].append(number)
    clusters = [cluster for cluster in members if cluster]
    while True:
        centres = [unit(np.mean([tokens[it] for it in own], 0)) for own in clusters]
        fused: list[list[int]] = []
        taken: set[int] = set()
        for start in range(len(clusters)):
            if start in taken:
                continue
            taken.add(start)
            chain, union = [start], []
            while chain:
                here = chain.pop()
                union += clusters[here]
                for other in range(len(clusters)):
                    if other not in taken and centres[here] @ centres[other] >= delta:
                        taken.add(other)
                        chain.append(other)
            fused.append(union)
        if len(fused) == len(clusters):
            break
        clusters = fused
    masks = np.zeros((len(clusters), len(tokens)), bool)
    for row, own in zip(masks, clusters, strict=True):
        row[own] = True
    return masks.reshape(len(clusters), *dense.shape[:2])


def masks_of(vectors: Sequence[Sequence[float]], delta: float) -> list[list[bool]]:
    """Clusters of frames of one patch each: every frame is a seed."""
    dense = torch.tensor(vectors)[:, None]
    masks: list[list[bool]] = semantic_masks(dense, (1,), delta)[:, :, 0].tolist()
    return masks


@pytest.mark.parametrize(
    ("side", "sizes"),
    [(14, (3, 7)), (7, (2, 4)), (16, (3, 8)), (4, (1, 2)), (2, (1,)), (1, (1,))],
)
def test_windows_cover_the_same_share_of_any_grid(
    side: int, sizes: tuple[int, ...]
) -> None:
    assert scale_windows((3, 7), side) == sizes


def test_the_papers_grid_has_153_seeds_a_frame() -> None:
    assert len(window_seeds(scene(0, 2, 14, 0.1), (3, 7))) == 2 * 153


def test_seeds_are_the_means_of_windows() -> None:
    dense = scene(1, 2, 7, 0.5)
    expected = written_out_seeds(dense.double().numpy(), (2, 4))
    np.testing.assert_allclose(window_seeds(dense, (2, 4)), expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.1, 0.6])
@pytest.mark.parametrize("delta", [0.5, 0.85, 0.97])
def test_masks_are_those_of_the_algorithm_written_out(
    seed: int, noise: float, delta: float
) -> None:
    dense = scene(seed, 3, 5, noise)
    found = semantic_masks(dense, (1, 3), delta)
    expected = written_out_masks(dense.double().numpy(), (1, 3), delta)
    np.testing.assert_array_equal(found, expected)


def test_things_of_a_scene_are_told_apart_over_time() -> None:
    masks = semantic_masks(scene(3, 4, 6, 0.05), (3,), 0.9)
    assert masks.any(dim=2).all(dim=1).tolist() == [True, True, True]


def test_each_patch_is_in_one_cluster() -> None:
    for delta in (-1.0, 0.5, 0.95):
        masks = semantic_masks(scene(4, 3, 6, 1.0), (2, 3), delta)
        assert (masks.sum(dim=0) == 1).all()
        assert masks.any(dim=2).any(dim=1).all()


def test_a_larger_delta_leaves_more_clusters() -> None:
    dense = scene(5, 3, 6, 0.7)
    counts = [len(semantic_masks(dense, (2, 3), delta)) for delta in (-1, 0.85, 0.95)]
    assert counts[0] == 1
    assert counts == sorted(set(counts))


def test_a_chain_of_like_clusters_is_one() -> None:
    angles = [math.radians(degrees) for degrees in (0, 20, 40, 90)]
    vectors = [(math.cos(angle), math.sin(angle)) for angle in angles]
    found = masks_of(vectors, math.cos(math.radians(25)))
    assert found == [[True, True, True, False], [False, False, False, True]]


def test_a_fusion_may_bring_about_another() -> None:
    first, second, third = (1.0, 0.4, 0.0), (1.0, -0.4, 0.0), (1.0, 0.0, 0.9)
    assert masks_of([first, third], 0.71) == [[True, False], [False, True]]
    assert masks_of([second, third], 0.71) == [[True, False], [False, True]]
    # alone unlike either, yet like what they are together
    assert masks_of([first, second, third], 0.71) == [[True, True, True]]


def test_equal_frames_choose_the_same_seed() -> None:
    one, other = (0.6, 0.8, 0.0), (0.0, 0.6, 0.8)
    assert masks_of([one, other, one], 1.0) == [
        [True, False, True],
        [False, True, False],
    ]


def test_one_patch_is_one_cluster_and_no_frames_are_none() -> None:
    assert masks_of([(1.0, 2.0)], 0.9) == [[True]]
    assert semantic_masks(torch.zeros(0, 16, 4), (1, 2), 0.9).shape == (0, 0, 16)


def test_patches_without_a_direction_have_a_cluster_too() -> None:
    assert masks_of([(0.0, 0.0), (1.0, 0.0)], 0.9) == [[True, False], [False, True]]


def test_masks_are_found_in_full_precision_under_autocast() -> None:
    vectors = [(1.0, 0.0), (0.9002, math.sqrt(1 - 0.9002**2))]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert masks_of(vectors, 0.9) == [[True, True]]


def test_masks_keep_nothing_for_a_gradient() -> None:
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda it: it):
        semantic_masks(scene(6, 2, 4, 0.1).requires_grad_(), (1, 2), 0.9)
    assert kept == []


def test_query_is_the_mean_of_patches_and_of_class_tokens_where_it_occurs() -> None:
    tokens = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    masks = torch.zeros(2, 3, 4, dtype=torch.bool)
    masks[0, 0, 1] = masks[0, 2, 0] = masks[0, 2, 3] = True  # not in frame 1
    masks[1] = ~masks[0]
    expected = []
    for mask in masks:
        held = []
        for frame in range(3):
            own = [tokens[frame, 1 + it].numpy() for it in range(4) if mask[frame, it]]
            held += [*own, tokens[frame, 0].numpy()] if own else []
        expected.append(np.mean(held, axis=0))
    np.testing.assert_allclose(pool_queries(tokens, masks), expected, atol=1e-6)


def block_of_a_tower() -> CLIPEncoderLayer:
    clip = small_clip(
        seed=1,
        image_size_px=16,
        patch_size_px=8,
        vision_width=8,
        vision_layers=1,
        vision_heads=2,
    )
    block = clip.vision_model.encoder.layers[0]
    assert isinstance(block, CLIPEncoderLayer)
    return block


def linear(layer: nn.Linear, vector: np.ndarray) -> np.ndarray:
    weight, bias = layer.weight.numpy(force=True), layer.bias.numpy(force=True)
    answer: np.ndarray = weight.astype(float) @ vector + bias
    return answer


def layer_norm(layer: nn.LayerNorm, vector: np.ndarray) -> np.ndarray:
    weight, bias = layer.weight.numpy(force=True), layer.bias.numpy(force=True)
    spread = np.sqrt(vector.var() + layer.eps)
    answer: np.ndarray = (vector - vector.mean()) / spread * weight + bias
    return answer


def attend(
    query: np.ndarray,
    keys: Sequence[np.ndarray],
    values: Sequence[np.ndarray],
    bias: Sequence[float],
) -> np.ndarray:
    """One query in all heads, a key at a time."""
    size = len(query) // HEADS
    mixed = np.zeros(len(query))
    for head in range(HEADS):
        own = slice(head * size, (head + 1) * size)
        logits = [
            query[own] @ key[own] / math.sqrt(size) + more
            for key, more in zip(keys, bias, strict=True)
        ]
        powers = [math.exp(logit) for logit in logits]
        for power, value in zip(powers, values, strict=True):
            mixed[own] += power / sum(powers) * value[own]
    return mixed


def test_cross_attention_is_the_equation_written_out() -> None:
    block = block_of_a_tower()
    draw = torch.Generator().manual_seed(2)
    for value in block.parameters():
        nn.init.normal_(value, std=0.7, generator=draw)
    queries = torch.randn(3, 8, generator=draw)
    tokens = torch.randn(2, 5, 8, generator=draw)
    masks = torch.rand(3, 2, 4, generator=draw) < 0.4
    part = block.self_attn
    expected = np.zeros((2, 3, 8))
    for frame in range(2):
        normed = [
            layer_norm(block.layer_norm1, it) for it in tokens[frame].double().numpy()
        ]
        keys = [linear(part.k_proj, it) for it in normed]
        values = [linear(part.v_proj, it) for it in normed]
        for number, query in enumerate(queries.double().numpy()):
            own = linear(part.q_proj, layer_norm(block.layer_norm1, query))
            bias = [1.0] + [1.0 if it else 0.0 for it in masks[number, frame]]
            mixed = attend(own, keys, values, bias)
            seen = query + linear(part.out_proj, mixed)
            wide = linear(block.mlp.fc1, layer_norm(block.layer_norm2, seen))
            gelu = np.array([it * (1 + math.erf(it / math.sqrt(2))) / 2 for it in wide])
            expected[frame, number] = seen + linear(block.mlp.fc2, gelu)
    found = cross_attend(block, queries, tokens, masks).numpy(force=True)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def adapter(kind: str = "transformer", *, compat: bool = False) -> Adapter:
    assert kind in ("transformer", "mlp")
    return Adapter(
        "transformer" if kind == "transformer" else "mlp",
        WIDTH,
        HEADS,
        zero_pad_compat=compat,
        generator=torch.Generator().manual_seed(0),
    )


def trained_adapter(kind: str = "transformer", *, compat: bool = False) -> Adapter:
    made = adapter(kind, compat=compat)
    draw = torch.Generator().manual_seed(1)
    for value in made.parameters():
        nn.init.normal_(value, std=0.6, generator=draw)
    return made


def clip_tokens(clips: int = 1, frames: int = 6) -> Tensor:
    draw = torch.Generator().manual_seed(3)
    return torch.randn(clips, frames, 3, WIDTH, generator=draw)


def written_out_adapter(made: Adapter, clip: np.ndarray, *, compat: bool) -> np.ndarray:
    """A transformer block a token at a time, over frames t-2 to t+2."""
    part = made.attention
    assert part is not None
    frames, count = clip.shape[:2]
    adapted = np.zeros_like(clip)
    for frame in range(frames):
        keys, values = [], []
        for near in range(frame - 2, frame + 3):
            for token in range(count):
                if 0 <= near < frames:
                    normed = layer_norm(made.layer_norm1, clip[near, token])
                    keys.append(linear(part.k_proj, normed))
                    values.append(linear(part.v_proj, normed))
                elif compat:
                    keys.append(np.zeros(WIDTH))
                    values.append(np.zeros(WIDTH))
        for token in range(count):
            own = clip[frame, token]
            query = linear(part.q_proj, layer_norm(made.layer_norm1, own))
            mixed = attend(query, keys, values, [0.0] * len(keys))
            own = own + linear(part.out_proj, mixed)
            wide = linear(made.fc1, layer_norm(made.layer_norm2, own))
            quick_gelu = wide / (1 + np.exp(-1.702 * wide))
            adapted[frame, token] = own + linear(made.fc2, quick_gelu)
    return adapted


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("frames", [1, 3, 6])
def test_adapter_is_the_block_written_out(frames: int, compat: bool) -> None:
    made = trained_adapter(compat=compat)
    tokens = clip_tokens(clips=2, frames=frames)
    found = made(tokens).numpy(force=True)
    for row, clip in zip(found, tokens.double().numpy(), strict=True):
        expected = written_out_adapter(made, clip, compat=compat)
        np.testing.assert_allclose(row, expected, atol=2e-4)


@pytest.mark.parametrize("kind", ["transformer", "mlp"])
@pytest.mark.parametrize("compat", [False, True])
def test_adapter_starts_as_the_identity(kind: str, compat: bool) -> None:
    tokens = clip_tokens(clips=2)
    made = adapter(kind, compat=compat)
    torch.testing.assert_close(made(tokens), tokens, rtol=0, atol=0)


def test_zeros_beyond_the_edge_change_the_frames_near_it_alone() -> None:
    masked = trained_adapter()(clip_tokens())
    zeros = trained_adapter(compat=True)(clip_tokens())
    changed = (masked - zeros).abs().amax(dim=(0, 2, 3)) > 1e-3
    assert changed.tolist() == [True, True, False, False, True, True]


def test_a_frame_sees_two_frames_either_way_and_the_mlp_none() -> None:
    tokens = clip_tokens()
    other = tokens.clone()
    other[0, 3] *= -1.0
    for kind, seeing in (("transformer", {1, 2, 3, 4, 5}), ("mlp", {3})):
        made = trained_adapter(kind)
        changed = (made(tokens) - made(other)).abs().amax(dim=(0, 2, 3)) > 1e-4
        assert set(changed.nonzero().flatten().tolist()) == seeing


def test_first_weights_come_from_the_generator_alone() -> None:
    before = torch.get_rng_state()
    first, second = adapter(), adapter()
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.fc1.weight, second.fc1.weight)
    assert first.fc1.weight.std().item() == pytest.approx(WIDTH**-0.5, rel=0.2)
