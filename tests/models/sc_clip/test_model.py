import copy
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import CLIPConfig, CLIPModel

from models.bundled import PICTURE_CHECKPOINT_FOLDER
from models.clip.encoder import load_clip
from models.clip.new_checkpoint import small_clip
from models.sc_clip.model import FrameState, ScAnswer, ScClip
from models.sc_clip.parts import cross_attend, pool_queries
from models.sc_clip.settings import Head, ScSettings

LAYERS, FRAMES, LABELS = 3, 6, 4
SPLIT = ScSettings(delta=0.97)  # a random tower's patches are much alike


def tiny_clip(layers: int = LAYERS) -> CLIPModel:
    return small_clip(
        seed=5,
        image_size_px=32,
        patch_size_px=8,
        vision_width=24,
        vision_layers=layers,
        vision_heads=2,
        text_width=16,
        text_layers=1,
        text_heads=2,
        dim=12,
    )


def disturb(model: ScClip, loudness: float = 0.1) -> ScClip:
    """Move what is trained away from where it starts, as training would."""
    draw = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for value in model.trainable_parameters():
            value.add_(loudness * torch.randn(value.shape, generator=draw))
    return model


def trained(settings: ScSettings = SPLIT) -> ScClip:
    return disturb(ScClip(tiny_clip(), settings))


def pictures(clips: int = 2, frames: int = FRAMES, seed: int = 0) -> Tensor:
    """Clips of coarse patterns, so that patches differ."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.randn(clips * frames, 3, 4, 4, generator=draw)
    fine = coarse.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    return fine.reshape(clips, frames, 3, 32, 32)


def texts(dim: int = 12) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return normalize(torch.randn(LABELS, dim, generator=draw), dim=-1)


@torch.no_grad()
def answer(model: ScClip, pixels: Tensor) -> ScAnswer:
    found = model(pixels, texts())
    assert isinstance(found, ScAnswer)
    return found


def assert_same(found: ScAnswer, expected: ScAnswer) -> None:
    for name in ("logits", "video", "query", "auxiliary"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=0, atol=1e-5
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


def test_trunk_kept_from_before_is_enough_to_train_on() -> None:
    model = trained()
    pixels = pictures()[0]
    kept, fresh = model.finish(model.trunk(pixels)), model.frame_state(pixels)
    torch.testing.assert_close(kept.last, fresh.last)
    assert kept.last.requires_grad
    assert not model.trunk(pixels).requires_grad


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


def test_trained_are_21_26_million_parameters_of_vit_b_16() -> None:
    vision = {"patch_size": 16, "num_hidden_layers": 12, "hidden_size": 768}
    heads = {"num_attention_heads": 12, "intermediate_size": 3072}
    with torch.device("meta"):
        clip = CLIPModel(CLIPConfig(vision_config={**vision, **heads}))
    model = ScClip(clip, ScSettings())
    assert sum(value.numel() for value in model.trainable_parameters()) == 21_263_616
    assert model.shared_blocks == 10
    assert list(model.student) == ["11"]


def test_gradients_reach_what_is_trained_and_nothing_else() -> None:
    model = trained()
    model.train()
    found = model(pictures(), texts())
    torch.autograd.backward(model.loss(found, torch.tensor([0, 3])))
    for name, value in model.named_parameters():
        reached = value.grad is not None and bool(value.grad.abs().sum() > 0)
        is_trained = name.startswith(("student.2.", "query_adap", "auxiliary_adap"))
        # a bias that is the same for every key does not change a softmax
        assert reached == is_trained or name.endswith("k_proj.bias"), name


def test_what_is_frozen_stays_in_evaluation_mode() -> None:
    model = ScClip(tiny_clip(), SPLIT)
    learning = (model.student, model.query_adapter, model.auxiliary_adapter)
    assert not any(part is None or part.training for part in learning)
    model.train()
    assert all(part is not None and part.training for part in learning)
    assert not any(part.training for part in model.clip.modules())


def test_a_few_steps_of_training_lower_the_loss() -> None:
    model = ScClip(tiny_clip(), SPLIT)
    model.train()
    optimiser = torch.optim.AdamW(model.trainable_parameters(), lr=1e-3)
    pixels, labels = pictures(clips=3), torch.tensor([2, 0, 1])
    losses = []
    for _ in range(12):
        loss = model.loss(model(pixels, texts()), labels)
        losses.append(loss.item())
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_mixed_precision_trains_and_answers_much_the_same() -> None:
    model = trained()
    expected = answer(model, pictures())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(pictures(), texts())
        loss = model.loss(found, torch.tensor([0, 3]))
    torch.autograd.backward(loss)
    assert found.auxiliary.dtype == torch.float32
    torch.testing.assert_close(
        found.auxiliary, expected.auxiliary, rtol=0, atol=0.02 * SPLIT.scale
    )
    assert all(
        value.grad is not None and bool(torch.isfinite(value.grad).all())
        for value in model.trainable_parameters()
    )


def test_half_precision_towers_are_taken_as_they_are() -> None:
    clip = tiny_clip()
    nn.Module.to(clip, torch.bfloat16)
    found = answer(ScClip(clip, SPLIT), pictures())
    assert found.logits.dtype == torch.float32
    assert torch.isfinite(found.logits).all()


def cross_entropy(logits: Tensor, labels: list[int]) -> float:
    """A clip and a label at a time."""
    losses: list[float] = []
    for row, label in zip(logits.double().tolist(), labels, strict=True):
        highest = max(row)
        total = sum(math.exp(logit - highest) for logit in row)
        losses.append(math.log(total) + highest - row[label])
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.7), (0.0, 0.7), (0.3, 0.0)])
def test_loss_is_the_equation_written_out(alpha: float, beta: float) -> None:
    model = trained(ScSettings(alpha=alpha, beta=beta))
    found, labels = answer(model, pictures()), [3, 1]
    assert found.query is not None
    assert found.auxiliary is not None
    expected = (
        cross_entropy(found.video, labels)
        + alpha * cross_entropy(found.auxiliary, labels)
        + beta * cross_entropy(found.query, labels)
    )
    loss = model.loss(found, torch.tensor(labels)).item()
    assert loss == pytest.approx(expected, rel=1e-5)


def test_auxiliary_head_can_be_left_out_of_an_answer_but_not_of_the_loss() -> None:
    model = trained()
    with torch.no_grad():
        state = model.frame_state(pictures()[0])
        found = model.score(model.clip_answer(state, auxiliary=False), texts())
    assert found.auxiliary is None
    whole = answer(model, pictures()[:1])
    torch.testing.assert_close(found.logits, whole.logits)
    with pytest.raises(ValueError, match=r"^no auxiliary logits for a loss with alpha"):
        model.loss(found, torch.tensor([0]))


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


def test_without_semantic_queries_f_is_the_student_towers_own_feature() -> None:
    model = ScClip(tiny_clip(), ScSettings(semantic_queries=False))
    found = answer(model, pictures())
    with torch.no_grad():
        own = tiny_clip().get_image_features(pictures().flatten(0, 1)).pooler_output
    logits = 65 * normalize(own, dim=-1) @ texts().T
    expected = logits.reshape(2, FRAMES, LABELS).mean(dim=1)
    torch.testing.assert_close(found.logits, expected, rtol=0, atol=1e-4)
    assert found.query is None
    assert found.auxiliary is not None
    loss = model.loss(found, torch.tensor([0, 1])).item()
    both = [cross_entropy(it, [0, 1]) for it in (found.video, found.auxiliary)]
    assert loss == pytest.approx(both[0] + 0.1 * both[1], rel=1e-5)


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


def test_seed_decides_on_the_first_weights_alone() -> None:
    first, same = (ScClip(tiny_clip(), ScSettings(seed=1)) for _ in range(2))
    other = ScClip(tiny_clip(), ScSettings(seed=2))
    weights = [it.auxiliary_adapter.fc1.weight for it in (first, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert_same(answer(first, pictures()), answer(other, pictures()))


@pytest.mark.parametrize("layer", [0, 3, 4])
def test_layer_that_cannot_be_trained_is_refused(layer: int) -> None:
    with pytest.raises(ValueError, match=rf"^trained layer {layer}, expected 1 to 2$"):
        ScClip(tiny_clip(), ScSettings(trained_layers=(2, layer)))


def test_tower_of_one_block_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a picture tower of 1 blocks, expected at"):
        ScClip(tiny_clip(layers=1), SPLIT)


def test_clip_model_is_frozen_and_its_weights_are_left_alone() -> None:
    clip = tiny_clip()
    before = copy.deepcopy(clip.state_dict())
    disturb(ScClip(clip, SPLIT))
    assert not any(value.requires_grad for value in clip.parameters())
    assert all(torch.equal(before[name], it) for name, it in clip.state_dict().items())


def test_shipped_checkpoint_serves() -> None:
    clip = load_clip(PICTURE_CHECKPOINT_FOLDER).model
    model = ScClip(clip, ScSettings())
    draw = torch.Generator().manual_seed(0)
    pixels = torch.rand(2, 3, 3, 128, 128, generator=draw) * 2 - 1
    with torch.no_grad():
        found = model(pixels, texts(dim=192))
    assert found.logits.shape == (2, LABELS)
    assert torch.isfinite(found.logits).all()
