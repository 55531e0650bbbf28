import copy
import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPConfig, CLIPModel

from models.sc_clip.model import ScClip
from models.sc_clip.settings import ScSettings
from tests.models.sc_clip_rig import (
    FRAMES,
    LABELS,
    SPLIT,
    answer,
    assert_same,
    disturb,
    pictures,
    texts,
    tiny_clip,
    trained,
)


def test_trunk_kept_from_before_is_enough_to_train_on() -> None:
    model = trained()
    pixels = pictures()[0]
    kept, fresh = model.finish(model.trunk(pixels)), model.frame_state(pixels)
    torch.testing.assert_close(kept.last, fresh.last)
    assert kept.last.requires_grad
    assert not model.trunk(pixels).requires_grad


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


@pytest.mark.slow
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
