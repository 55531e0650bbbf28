import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from models.bundled import PICTURE_CHECKPOINT_FOLDER
from models.clip.encoder import load_clip
from models.sc_clip.model import FrameState, ScClip
from models.sc_clip.parts import cross_attend, pool_queries
from models.sc_clip.settings import Head, ScSettings
from tests.models.sc_clip_rig import (
    FRAMES,
    LABELS,
    SPLIT,
    answer,
    assert_same,
    pictures,
    texts,
    tiny_clip,
    trained,
)


@torch.no_grad()
@pytest.mark.parametrize("layers", [None, (2,), (1,), (1, 2), ()])
def test_shared_trunk_equals_two_towers_run_apart(
    layers: tuple[int, ...] | None,
) -> None:
    model = trained(ScSettings(trained_layers=layers))
    pixels = pictures()[0]
    state = model.frame_state(pixels)
    raw, student = tiny_clip(), tiny_clip()
    for layer, block in model.student.items():
        own = student.vision_model.encoder.layers[int(layer) - 1]
        own.load_state_dict(block.state_dict())
    tokens = raw.vision_model(pixels).last_hidden_state[:, 1:]
    dense = raw.visual_projection(raw.vision_model.post_layernorm(tokens))
    hidden = student.vision_model(pixels, output_hidden_states=True).hidden_states
    torch.testing.assert_close(state.dense, dense)
    torch.testing.assert_close(state.inner, hidden[-2])
    torch.testing.assert_close(state.last, hidden[-1])
    torch.testing.assert_close(model.trunk(pixels), hidden[model.shared_blocks])


def test_trunk_runs_once_for_both_branches() -> None:
    model = trained()
    calls: list[int] = []
    blocks = model.clip.vision_model.encoder.layers
    for layer, block in enumerate(blocks, start=1):
        block.register_forward_hook(lambda *_, layer=layer: calls.append(layer))
    answer(model, pictures())
    assert calls == [1, 2, 3, 3]  # and the student's own block 2, once


def test_before_training_both_branches_are_clip_itself() -> None:
    state = ScClip(tiny_clip(), SPLIT).frame_state(pictures()[0])
    clip = tiny_clip()
    expected = clip.vision_model(pictures()[0]).last_hidden_state
    torch.testing.assert_close(state.last, expected)


@torch.no_grad()
def test_heads_are_the_equations_written_out() -> None:
    model = trained()
    state = model.frame_state(pictures()[0])
    found = model.clip_answer(state)
    clip, last = model.clip, model.clip.vision_model.encoder.layers[-1]
    assert model.query_adapter is not None
    masks = model.masks(state.dense)
    assert len(masks) > 2
    queries = pool_queries(model.query_adapter(state.last[None])[0], masks)
    seen = cross_attend(last, queries, state.inner, masks).double().numpy()
    weight = clip.visual_projection.weight.double().numpy()
    norm = clip.vision_model.post_layernorm
    scale, shift = norm.weight.double().numpy(), norm.bias.double().numpy()
    auxiliary = model.auxiliary_adapter(state.last[None])[0].double().numpy()
    video, added = [], []
    for frame in range(FRAMES):
        normed = []
        for vector in seen[frame]:
            spread = math.sqrt(vector.var() + norm.eps)
            normed.append((vector - vector.mean()) / spread * scale + shift)
        video.append(weight @ np.mean(normed, axis=0))
        added.append(weight @ np.mean(auxiliary[frame], axis=0))
    query = weight @ queries.double().numpy().mean(axis=0)
    assert found.query is not None
    assert found.auxiliary is not None
    np.testing.assert_allclose(found.video[0], video, atol=1e-5)
    np.testing.assert_allclose(found.query[0], query, atol=1e-5)
    np.testing.assert_allclose(found.auxiliary[0], added, atol=1e-5)


def test_logits_are_scaled_cosines_averaged_over_frames() -> None:
    model = trained()
    with torch.no_grad():
        heads = model.clip_answer(model.frame_state(pictures()[0]))
        found = model.score(heads, texts())
    for label, text in enumerate(texts().double().numpy()):
        for features, logits in (
            (heads.video, found.video),
            (heads.query, found.query),
            (heads.auxiliary, found.auxiliary),
        ):
            assert features is not None
            assert logits is not None
            cosines = [
                it @ text / np.linalg.norm(it)
                for it in features.numpy().reshape(-1, 12)
            ]
            expected = 65.0 * sum(cosines) / len(cosines)
            assert logits[0, label].item() == pytest.approx(expected, abs=1e-4)


def picked(state: FrameState, frames: Sequence[int]) -> FrameState:
    """Return some of the frames."""
    rows = list(frames)
    return FrameState(state.dense[rows], state.inner[rows], state.last[rows])


def join_states(states: Sequence[FrameState]) -> FrameState:
    """Put frames one after the other."""
    return FrameState(
        torch.cat([state.dense for state in states]),
        torch.cat([state.inner for state in states]),
        torch.cat([state.last for state in states]),
    )


def test_frames_kept_from_before_give_the_same_answer() -> None:
    model = trained()
    long = pictures(clips=1, frames=10)[0]
    with torch.no_grad():
        states = [model.frame_state(long[it : it + 1]) for it in range(10)]
        for start in (0, 1, 4):
            window = join_states(states[start : start + FRAMES])
            cached = model.score(model.clip_answer(window), texts())
            whole = answer(model, long[None, start : start + FRAMES])
            assert_same(cached, whole)


def test_frames_of_many_cameras_are_encoded_together_and_picked_apart() -> None:
    model = trained()
    pixels = pictures(clips=3)
    with torch.no_grad():
        mixed = model.frame_state(pixels.transpose(0, 1).flatten(0, 1))
        for clip in range(3):
            own = picked(mixed, range(clip, 3 * FRAMES, 3))
            found = model.score(model.clip_answer(own), texts())
            assert_same(found, answer(model, pixels[clip : clip + 1]))


@pytest.mark.parametrize("frames", [1, 2, FRAMES])
def test_answer_does_not_depend_on_the_rest_of_the_batch(frames: int) -> None:
    model = trained()
    pixels = pictures(clips=3, frames=frames)
    together = answer(model, pixels)
    alone = [answer(model, pixels[it : it + 1]) for it in range(3)]
    torch.testing.assert_close(
        together.logits, torch.cat([it.logits for it in alone]), rtol=0, atol=1e-5
    )


def test_clips_of_no_frames_or_uneven_ones_are_refused() -> None:
    model = trained()
    state = model.frame_state(pictures()[0])
    with pytest.raises(ValueError, match=r"^0 frames for 1 clips, expected eq"):
        model.clip_answer(picked(state, []))
    with pytest.raises(ValueError, match=r"^6 frames for 4 clips, expected eq"):
        model.clip_answer(state, clips=4)


def test_half_precision_towers_are_taken_as_they_are() -> None:
    clip = tiny_clip()
    nn.Module.to(clip, torch.bfloat16)
    found = answer(ScClip(clip, SPLIT), pictures())
    assert found.logits.dtype == torch.float32
    assert torch.isfinite(found.logits).all()


@pytest.mark.parametrize("head", ["video", "query", "average"])
def test_head_chooses_what_is_predicted_with(head: Head) -> None:
    found = answer(trained(ScSettings(delta=0.97, head=head)), pictures())
    assert found.query is not None
    expected = {
        "video": found.video,
        "query": found.query,
        "average": (found.video + found.query) / 2,
    }
    torch.testing.assert_close(found.logits, expected[head])
    assert (found.video - found.query).abs().max() > 0.1


def test_settings_reach_the_parts() -> None:
    plain = answer(trained(), pictures()).logits
    for other in (
        ScSettings(delta=0.5),
        ScSettings(delta=0.97, zero_pad_compat=True),
        ScSettings(delta=0.97, query_adapter="mlp"),
        ScSettings(delta=0.97, window_sizes=(14,)),
        ScSettings(delta=0.97, scale=40),
    ):
        assert (answer(trained(other), pictures()).logits - plain).abs().max() > 1e-3
    mlp = trained(ScSettings(auxiliary_adapter="mlp"))
    assert mlp.auxiliary_adapter.attention is None


def test_shipped_checkpoint_serves() -> None:
    clip = load_clip(PICTURE_CHECKPOINT_FOLDER).model
    model = ScClip(clip, ScSettings())
    draw = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 3, 3, 128, 128, generator=draw) * 2 - 1
    with torch.no_grad():
        found = model(pixels, texts(dim=192))
    assert found.logits.shape == (2, LABELS)
    assert torch.isfinite(found.logits).all()
