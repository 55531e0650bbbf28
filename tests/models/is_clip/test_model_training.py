import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from models.clip.encoder import encode_pixels
from models.is_clip.fusion import SirmMode, distillation
from models.is_clip.model import IsClip, IsClipSettings
from models.is_clip.tower import teacher_features, trunk_tokens
from tests.models.is_clip_rig import FRAMES, SMALL, deep_clip, draw, make, texts, unit


def loss_of(
    model: IsClip, pixels: Tensor, slots: Tensor | None = None, **given: Tensor
) -> dict[str, Tensor]:
    """Compute the loss of windows from their pictures."""
    if slots is None:
        slots = torch.arange(pixels.shape[1]).repeat(len(pixels), 1)
    tokens = trunk_tokens(model.clip, pixels[slots >= 0])
    known = teacher_features(model.clip, tokens)
    return model.loss_of_tokens(tokens, known, **given, slots=slots)


def soft(scores: np.ndarray) -> np.ndarray:
    powers = [math.exp(score - max(scores)) for score in scores]
    return np.array([power / sum(powers) for power in powers])


def batch(clips: int = 2) -> dict[str, Tensor]:
    acc, gyro = draw(2, clips, 3, 64, 64, seed=2)
    return {
        "pixels": draw(clips, FRAMES, 3, 32, 32, seed=1),
        "acc": acc,
        "gyro": gyro,
        "texts": texts(),
        "labels": torch.arange(clips) % 3,
    }


def test_loss_is_the_sum_of_its_parts_as_computed_one_by_one() -> None:
    model = make(replace(SMALL, imu_weight=0.25, video_weight=0.75))
    slots = torch.tensor([[0, 1, 2, 3], [2, -1, 0, -1]])
    given = batch()
    with torch.no_grad():
        parts = loss_of(model, **given, slots=slots)
        flat = given["pixels"].flatten(0, 1)
        student = model.encode_frames(flat).reshape(2, FRAMES, 12)
        teacher = encode_pixels(model.clip, flat).reshape(2, FRAMES, 12)
        imu = model.encode_imu(given["acc"], given["gyro"])
        fused = model.fuse(student, imu, slots)
        seen = model.fuse(student, None, slots)
    scale = math.exp(model.clip.logit_scale.item())
    for name, vectors in (("clip", fused), ("imu", imu), ("video", seen)):
        surprises = []
        for vector, label in zip(vectors.double().numpy(), (0, 1), strict=True):
            shares = soft(scale * texts().double().numpy() @ unit(vector))
            surprises.append(-math.log(shares[label]))
        assert parts[name].item() == pytest.approx(np.mean(surprises), rel=1e-4)
    kept = distillation(student, teacher, slots >= 0)
    assert kept > 1e-3
    torch.testing.assert_close(parts["distillation"], kept)
    alone = 0.25 * parts["imu"] + 0.75 * parts["video"]
    total = parts["clip"] + parts["distillation"] + alone
    torch.testing.assert_close(parts["total"], total)


def test_shares_of_labels_are_surprised_by_each_as_much() -> None:
    model = make()
    given = batch()
    shares = torch.tensor([[0.3, 0.7, 0.0], [0.0, 0.25, 0.75]])
    with torch.no_grad():
        found = loss_of(model, **given | {"labels": shares})
        whole = [
            loss_of(model, **given | {"labels": torch.tensor(pair)})
            for pair in ([0, 1], [1, 1], [1, 2], [0, 2])
        ]
    # of the first clip 0.3 and 0.7, of the second 0.25 and 0.75
    weights = (0.25, 0.0, 0.7, 0.05)
    for name in ("clip", "imu", "video"):
        expected = sum(w * it[name] for w, it in zip(weights, whole, strict=True))
        torch.testing.assert_close(found[name], expected)


def test_untrained_student_is_not_far_from_the_teacher() -> None:
    with torch.no_grad():
        parts = loss_of(make(shaken=False), **batch())
    assert parts["distillation"].abs() < 1e-6


@pytest.mark.parametrize(
    ("mode", "rate"), [("broadcast", 1e-2), ("gate", 1e-2), ("residual", 1e-3)]
)
def test_training_learns_and_moves_all_that_is_trained_and_nothing_else(
    mode: SirmMode, rate: float
) -> None:
    model = make(replace(SMALL, mode=mode), shaken=False)
    frozen = copy.deepcopy(model.clip.state_dict())
    before = {name: value.clone() for name, value in model.trained().items()}
    model.train()
    optimisers = (
        torch.optim.Adam(model.clip_parameters(), 1e-3),
        torch.optim.SGD(model.imu_parameters(), rate, momentum=0.9),
    )
    losses = []
    for _ in range(8):
        for optimiser in optimisers:
            optimiser.zero_grad()
        total = loss_of(model, **batch())["total"]
        torch.autograd.backward(total)
        for optimiser in optimisers:
            optimiser.step()
        losses.append(total.item())
    assert losses[-1] < 0.7 * losses[0]
    for name, value in model.trained().items():
        # the softmax over keys of one query does not change with a bias of its keys
        untouched = name.endswith("k_proj.bias")
        assert untouched or not torch.equal(value, before[name]), name
    for name, value in model.clip.state_dict().items():
        torch.testing.assert_close(value, frozen[name], rtol=0, atol=0)
    assert all(value.grad is None for value in model.clip.parameters())


def test_groups_of_parameters_are_disjoint_and_all_that_is_trained() -> None:
    model = make()
    student = {id(value) for value in model.clip_parameters()}
    others = {id(value) for value in model.imu_parameters()}
    learnt = {id(value) for value in model.parameters() if value.requires_grad}
    assert not student & others
    assert student | others == learnt
    assert id(model.projection.weight) in student
    assert len(student) == len(list(model.blocks.parameters())) + 1


def test_student_of_vit_b_16_has_14_57_million_parameters() -> None:
    config = CLIPConfig(vision_config={"patch_size": 16}, projection_dim=512)
    with torch.device("meta"):
        clip = CLIPModel(config)
    model = IsClip(clip, IsClipSettings())
    student = sum(value.numel() for value in model.clip_parameters())
    assert student == 2 * 7_087_872 + 768 * 512
    assert round(student / 1e6, 2) == 14.57
    assert model.sirm is not None
    assert model.sgam is not None
    assert model.sgam.places.out_features == 8
    assert {value.device.type for value in model.parameters()} == {"meta"}


def test_frozen_model_stays_in_evaluation() -> None:
    model = make()
    assert not model.training
    assert model.train() is model
    assert model.blocks.training
    assert model.sirm is not None
    assert model.sirm.training
    assert not any(part.training for part in model.clip.modules())


def test_clip_is_never_changed_and_frozen() -> None:
    clip = deep_clip()
    before = copy.deepcopy(clip.state_dict())
    model = IsClip(clip, SMALL, frames=FRAMES)
    with torch.no_grad():
        for value in model.trained().values():
            value.fill_(1.0)
    for name, value in clip.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert not any(value.requires_grad for value in clip.parameters())


def test_clip_of_half_precision_has_a_student_of_full_precision() -> None:
    clip = torch.nn.Module.to(deep_clip(), torch.bfloat16)
    model = IsClip(clip, SMALL, frames=FRAMES)
    assert {value.dtype for value in model.trained().values()} == {torch.float32}
    parts = loss_of(model, **batch())
    torch.autograd.backward(parts["total"])
    assert parts["distillation"] < 0.01


def test_same_seed_gives_the_same_weights_and_leaves_the_callers_state() -> None:
    state = torch.get_rng_state()
    first, again = (IsClip(deep_clip(), SMALL, seed=3) for _ in range(2))
    other = IsClip(deep_clip(), SMALL, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in first.trained().items():
        torch.testing.assert_close(again.trained()[name], value, rtol=0, atol=0)
    assert not torch.equal(first.joint.weight, other.joint.weight)
