import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from models.clip.averaging import average_clip
from models.clip.encoder import encode_pixels
from models.clip.new_checkpoint import small_clip
from models.is_clip.fusion import SirmMode, distillation
from models.is_clip.model import IsClip, IsClipSettings, Sensors
from models.is_clip.spectrogram import SpectrogramScale
from models.is_clip.tower import teacher_features, trunk_tokens

FRAMES = 4
SMALL = IsClipSettings(heads=3, imu_width=64)
SCALE = SpectrogramScale(50.0, 0.25, 1.5, 0.5, 2.0)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def deep_clip() -> CLIPModel:
    """Three blocks: one in the trunk, two that are trained."""
    return small_clip(
        seed=0,
        image_size_px=32,
        vision_width=24,
        vision_layers=3,
        vision_heads=2,
        text_width=16,
        text_layers=1,
        text_heads=2,
        dim=12,
    )


def make(settings: IsClipSettings = SMALL, *, shaken: bool = True) -> IsClip:
    """With the layers that start as zeros moved, if ``shaken``."""
    model = IsClip(deep_clip(), settings, frames=FRAMES)
    if shaken:
        with torch.no_grad():
            for seed, value in enumerate(model.trained().values()):
                value.add_(0.1 * draw(*value.shape, seed=seed))
    return model


def felt(model: IsClip, clips: int, seed: int = 5) -> Tensor:
    with torch.no_grad():
        pictures = draw(2, clips, 3, 64, 64, seed=seed)
        return model.encode_imu(pictures[0], pictures[1])


def loss_of(
    model: IsClip, pixels: Tensor, slots: Tensor | None = None, **given: Tensor
) -> dict[str, Tensor]:
    """Compute the loss of windows from their pictures."""
    if slots is None:
        slots = torch.arange(pixels.shape[1]).repeat(len(pixels), 1)
    tokens = trunk_tokens(model.clip, pixels[slots >= 0])
    known = teacher_features(model.clip, tokens)
    return model.loss_of_tokens(tokens, known, **given, slots=slots)


def texts(labels: int = 3) -> Tensor:
    return torch.nn.functional.normalize(draw(labels, 12, seed=9), dim=-1)


def unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return np.array([part / length for part in vector])


def soft(scores: np.ndarray) -> np.ndarray:
    powers = [math.exp(score - max(scores)) for score in scores]
    return np.array([power / sum(powers) for power in powers])


@pytest.mark.parametrize("slots", [[0, 1, 2, 3], [1, 3], [2]])
def test_fusion_is_the_weighted_sum_of_changed_unit_frames(slots: list[int]) -> None:
    model = make()
    assert model.sirm is not None
    assert model.sgam is not None
    features, imu = 7 * draw(2, len(slots), 12), felt(model, 2)
    rows = torch.tensor([slots, slots])
    with torch.no_grad():
        found = model.fuse(features, imu, rows)
        units = torch.nn.functional.normalize(features, dim=-1)
        changed = model.sirm(units, imu, rows >= 0)
        weights = model.sgam(imu, rows)
    for row, frames, shares in zip(found, changed, weights, strict=True):
        total = np.zeros(12)
        for share, frame in zip(shares.tolist(), frames.double().numpy(), strict=True):
            total += share * frame
        np.testing.assert_allclose(row, unit(total), atol=1e-5)


def test_samples_change_weights_and_frames() -> None:
    model = make()
    features = draw(1, FRAMES, 12)
    with torch.no_grad():
        first, second = (model.fuse(features, felt(model, 1, seed)) for seed in (5, 6))
    assert (first - second).abs().max() > 1e-3


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        replace(SMALL, mode="gate"),
        replace(SMALL, mode="residual"),
        replace(SMALL, sirm=False),
        replace(SMALL, sgam=False),
        replace(SMALL, sensors="gyro"),
    ],
)
def test_untrained_it_is_clip_with_averaged_frames(settings: IsClipSettings) -> None:
    model = make(settings, shaken=False)
    pixels = draw(FRAMES, 3, 32, 32)
    with torch.no_grad():
        features = model.encode_frames(pixels)
        torch.testing.assert_close(features, encode_pixels(model.clip, pixels))
        fused = model.fuse(features[None], felt(model, 1))
    np.testing.assert_allclose(fused[0], average_clip(features.numpy()), atol=1e-6)


def test_without_a_wearable_the_students_frames_are_averaged() -> None:
    model = make()
    features = 7 * draw(2, 3, 12)
    slots = torch.tensor([[0, 1, 3], [2, -1, -1]])
    with torch.no_grad():
        found = model.fuse(features, None, slots)
    expected = average_clip(features[0].numpy())
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_allclose(
        found[1], average_clip(features[1, :1].numpy()), atol=1e-6
    )


@pytest.mark.parametrize("imu", [True, False])
def test_rows_without_a_frame_have_no_part(imu: bool) -> None:
    model = make()
    worn = felt(model, 1) if imu else None
    features = draw(1, FRAMES, 12)
    padded = torch.cat((features[:, :2], torch.full((1, 2, 12), math.nan)), dim=1)
    with torch.no_grad():
        found = model.fuse(padded, worn, torch.tensor([[1, 3, -1, -1]]))
        expected = model.fuse(features[:, :2], worn, torch.tensor([[1, 3]]))
    torch.testing.assert_close(found, expected)


def test_order_of_frames_does_not_count_but_their_slots_do() -> None:
    model = make()
    features, imu = draw(1, FRAMES, 12), felt(model, 1)
    slots = torch.tensor([[3, 0, 2, 1]])
    with torch.no_grad():
        told = model.fuse(features, imu, slots)
        same = model.fuse(features[:, [1, 3, 2, 0]], imu)
        other = model.fuse(features, imu)
    torch.testing.assert_close(told, same)
    assert (told - other).abs().max() > 1e-3


#  frame   0 1 2 3 4 5 6         each encoded once
#  window  [-----)
#            [-----)
#                [-----)
def test_windows_of_kept_features_are_those_of_encoding_each_anew() -> None:
    model = make()
    pixels = draw(7, 3, 32, 32)
    imu = felt(model, 3)
    with torch.no_grad():
        kept = torch.cat([model.encode_frames(pixels[at : at + 1]) for at in range(7)])
        for row, start in enumerate((0, 1, 3)):
            window = slice(start, start + FRAMES)
            anew = model.encode_frames(pixels[window])[None]
            torch.testing.assert_close(
                model.fuse(kept[window][None], imu[row : row + 1]),
                model.fuse(anew, imu[row : row + 1]),
                atol=1e-5,
                rtol=0,
            )


@pytest.mark.parametrize("sensors", ["acc", "gyro"])
def test_sensor_that_is_not_used_is_not_looked_at(sensors: Sensors) -> None:
    model = make(replace(SMALL, sensors=sensors))
    seen, other = draw(2, 2, 3, 64, 64)
    nothing = torch.full_like(other, math.nan)
    pairs = [(seen, other), (seen, nothing)]
    if sensors == "gyro":
        pairs = [(gyro, acc) for acc, gyro in pairs]
    with torch.no_grad():
        first, second = (model.encode_imu(acc, gyro) for acc, gyro in pairs)
    torch.testing.assert_close(first, second)


def test_one_encoder_serves_both_sensors() -> None:
    model = make()
    acc, gyro = draw(2, 2, 3, 64, 64)
    with torch.no_grad():
        apart = torch.cat((model.imu_encoder(acc), model.imu_encoder(gyro)), dim=1)
        torch.testing.assert_close(model.encode_imu(acc, gyro), model.joint(apart))


def test_ablation_leaves_its_part_out() -> None:
    assert make(replace(SMALL, sirm=False)).sirm is None
    assert make(replace(SMALL, sgam=False)).sgam is None
    model = make(replace(SMALL, sirm=False, sgam=False))
    features = draw(1, FRAMES, 12)
    with torch.no_grad():
        fused = model.fuse(features, felt(model, 1))
    np.testing.assert_allclose(fused[0], average_clip(features[0].numpy()), atol=1e-6)


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


def test_scale_is_clips_own_and_at_most_100() -> None:
    model = make()
    vectors = 5 * texts()
    assert model.logits(vectors, texts()).max() == pytest.approx(math.exp(2.6592))
    model.clip.logit_scale.data.fill_(5.0)
    assert model.imu_logits(vectors, texts()).max() == pytest.approx(100)


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


@pytest.mark.parametrize(
    "slots",
    [[[0, 4]], [[0, -2]], [[1, 1]], [[-1, -1]]],
    ids=["too far", "negative", "twice", "none"],
)
def test_slots_that_do_not_fit_are_refused(slots: list[list[int]]) -> None:
    expected = (
        r"^slots must be 0 to 3, each once, or -1 for no frame,"
        r" and a window must have one frame$"
    )
    with pytest.raises(ValueError, match=expected):
        make().fuse(draw(1, 2, 12), None, torch.tensor(slots))


def test_window_with_gaps_must_tell_its_slots() -> None:
    expected = r"^3 frames a window, expected 4, or their slots$"
    with pytest.raises(ValueError, match=expected):
        make().fuse(draw(1, 3, 12))


def test_no_windows_give_no_vectors() -> None:
    model = make()
    assert model.fuse(draw(0, FRAMES, 12), draw(0, 12)).shape == (0, 12)


@pytest.mark.parametrize(
    ("settings", "frames", "message"),
    [
        (SMALL, 0, r"^a window of 0 frames, expected at least one$"),
        (replace(SMALL, heads=8), 4, r"^8 heads do not divide a width of 12$"),
        (replace(SMALL, imu_width=96), 4, r"^imu_width 96, expected a multiple of 64$"),
    ],
)
def test_model_that_cannot_be_made_is_refused(
    settings: IsClipSettings, frames: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        IsClip(deep_clip(), settings, frames=frames)


@pytest.mark.parametrize(
    "change",
    [
        {"heads": 0},
        {"imu_weight": -1.0},
        {"imu_weight": math.nan},
        {"video_weight": -1.0},
        {"video_weight": math.inf},
    ],
)
def test_setting_out_of_range_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(change))} \S+, expected "):
        replace(SMALL, **change)
