import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_tensors
from torch import Tensor
from torch.nn.functional import normalize

from models.clip import ClipEncoder
from models.csn import (
    FeatureNoise,
    FrozenTower,
    NoiseError,
    NoiseSettings,
    PixelNoise,
    _draw_batches,
    _label_tensor,
    load_feature_noise,
    most_confused,
    save_feature_noise,
    train_feature_noise,
    train_pixel_noise,
    triplet_loss,
)

LABELS = ["falling", "lying", "walking", "sitting"]
QUICK = NoiseSettings(epochs=6, rate=1e-2)


def unit_rows(rows: int, dim: int, seed: int) -> np.ndarray:
    numbers = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    unit: np.ndarray = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    return unit


def make_noise(dim: int = 8, length: float = 0.3, seed: int = 1) -> FeatureNoise:
    offsets = length * unit_rows(len(LABELS), dim, seed)
    return FeatureNoise(offsets, unit_rows(len(LABELS), dim, seed=2), epsilon=0.3)


def labelled_features(
    frames: int, seed: int = 3, spread: float = 0.6, dim: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Features around a centre for each label that is not quite the label's text."""
    rng = np.random.default_rng(seed)
    centres = unit_rows(len(LABELS), dim, seed=2) + 0.8 * unit_rows(4, dim, seed=9)
    labels = np.arange(frames) % len(LABELS)
    noise = spread * rng.normal(size=(frames, dim)) / math.sqrt(dim)
    features = (centres[labels] + noise).astype(np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True), labels


def literal_cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))


# Scoring of features


@settings(max_examples=25, deadline=None)
@given(dim=st.integers(2, 40), length=st.floats(0, 0.3), seed=st.integers(0, 999))
def test_two_products_score_as_the_literal_form(
    dim: int, length: float, seed: int
) -> None:
    offsets = np.float32(length) * unit_rows(3, dim, seed)
    bank = unit_rows(3, dim, seed + 1)
    features = unit_rows(5, dim, seed + 2)
    found = FeatureNoise(offsets, bank, epsilon=0.3).score(features, scale=50)
    for row, feature in enumerate(features.astype(np.float64)):
        for label in range(3):
            noisy = feature + offsets[label]
            noisy /= np.linalg.norm(noisy)
            expected = 50 * literal_cosine(noisy, bank[label].astype(np.float64))
            assert found[row, label] == pytest.approx(expected, abs=2e-4)


def test_no_noise_leaves_clips_own_scores() -> None:
    features, bank = unit_rows(5, 8, seed=4), unit_rows(4, 8, seed=2)
    noise = FeatureNoise(np.zeros((4, 8), np.float32), bank, epsilon=0.3)
    expected = 100 * features @ bank.T
    np.testing.assert_allclose(noise.score(features, scale=100), expected, atol=1e-4)


def test_norms_of_features_and_texts_do_not_count() -> None:
    features, bank = unit_rows(5, 8, seed=4), unit_rows(4, 8, seed=2)
    noise = make_noise()
    louder = FeatureNoise(noise.offsets, 5 * bank, epsilon=0.3)
    expected = noise.score(features, scale=1)
    np.testing.assert_allclose(louder.score(3 * features, scale=1), expected, atol=1e-6)


def test_a_score_depends_on_no_other_frame_and_no_label() -> None:
    features, noise = unit_rows(6, 8, seed=4), make_noise()
    together = noise.score(features, scale=1)
    alone = np.concatenate([noise.score(row[None], scale=1) for row in features])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_the_oracle_gives_every_score_the_true_labels_noise() -> None:
    features, noise = unit_rows(6, 8, seed=4), make_noise()
    labels = np.array([0, 3, 2, 1, 0, 2])
    found = noise.score(features, scale=10, oracle=True, labels=labels)
    bank = unit_rows(4, 8, seed=2)
    for row, (feature, label) in enumerate(zip(features, labels, strict=True)):
        for text in range(4):
            noisy = feature + noise.offsets[label]
            expected = 10 * literal_cosine(noisy, bank[text])
            assert found[row, text] == pytest.approx(expected, abs=1e-4)


def test_the_oracle_is_right_about_labels_drawn_by_lot_and_honest_scores_are_not() -> (
    None
):
    rng = np.random.default_rng(5)
    bank = unit_rows(10, 64, seed=6)
    features, labels = unit_rows(400, 64, seed=7), rng.integers(0, 10, 400)
    noise = FeatureNoise(0.5 * bank, bank, epsilon=0.5)  # towards each label's text
    honest = noise.score(features, scale=100).argmax(axis=1)
    leaking = noise.score(features, scale=100, oracle=True, labels=labels)
    assert (leaking.argmax(axis=1) == labels).mean() > 0.9
    assert (honest == labels).mean() < 0.2  # one in ten is chance


def test_oracle_and_labels_go_together() -> None:
    features, noise = unit_rows(2, 8, seed=4), make_noise()
    expected = r"^oracle=True and the true labels go together: neither stands alone$"
    with pytest.raises(ValueError, match=expected):
        noise.score(features, scale=1, oracle=True)
    with pytest.raises(ValueError, match=expected):
        noise.score(features, scale=1, labels=np.array([0, 1]))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0], r"^1 labels for 2 frames$"),
        ([0, 4], r"^labels of 0 to 4, expected 0 to 3$"),
        ([-1, 2], r"^labels of -1 to 2, expected 0 to 3$"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: list[int], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        _label_tensor(np.array(labels), 2, 4)


@pytest.mark.parametrize("value", [0, math.nan, math.inf])
def test_a_feature_without_a_direction_is_refused(value: float) -> None:
    features = np.full((1, 8), value, np.float32)
    with pytest.raises(ValueError, match=r"^a vector without a direction$"):
        make_noise().score(features, scale=1)


def test_noise_past_its_bound_is_refused() -> None:
    bank = unit_rows(4, 8, seed=2)
    expected = r"^an offset of 0\.4, expected 0\.3 at most$"
    with pytest.raises(ValueError, match=expected):
        FeatureNoise(np.float32(0.4) * bank, bank, epsilon=0.3)
    with pytest.raises(ValueError, match=r"^an offset of nan, expected 0\.3 at most$"):
        FeatureNoise(np.nan * bank, bank, epsilon=0.3)
    pixels = np.full((4, 3, 2, 2), 0.1, np.float32)
    with pytest.raises(ValueError, match=r"^an offset of 0\.1, expected 0\.05 at most"):
        PixelNoise(pixels, bank, limit=0.05)


# What the raw form does: F = f + N_c, neither brought to unit norm nor bounded


def raw_distances(
    noise: Tensor, negative_noise: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of anchor and positive of label 0, and of that anchor and a negative."""
    anchor, positive, negative = torch.tensor(unit_rows(3, 8, seed=11))
    near = torch.linalg.vector_norm((anchor + noise) - (positive + noise))
    far = torch.linalg.vector_norm((anchor + noise) - (negative + negative_noise))
    return near, far, torch.linalg.vector_norm(anchor - negative)


def test_raw_noise_has_no_gradient_from_anchor_and_positive() -> None:
    noise = (0.02 * torch.tensor(unit_rows(1, 8, seed=12)[0])).requires_grad_()
    near, _, _ = raw_distances(noise, torch.zeros(8))
    (slope,) = torch.autograd.grad(near, noise)
    torch.testing.assert_close(slope, torch.zeros(8), atol=1e-7, rtol=0)


def test_raw_noise_on_the_negative_too_has_no_gradient_at_all() -> None:
    noise = (0.02 * torch.tensor(unit_rows(1, 8, seed=12)[0])).requires_grad_()
    near, far, without = raw_distances(noise, noise)
    torch.testing.assert_close(far, without)
    (slope,) = torch.autograd.grad(near - far, noise)
    torch.testing.assert_close(slope, torch.zeros(8), atol=1e-7, rtol=0)


def test_unit_norm_gives_anchor_and_positive_a_gradient() -> None:
    noise = (0.02 * torch.tensor(unit_rows(1, 8, seed=12)[0])).requires_grad_()
    anchor, positive = torch.tensor(unit_rows(2, 8, seed=11))
    near = torch.linalg.vector_norm(
        normalize(anchor + noise, dim=0) - normalize(positive + noise, dim=0)
    )
    (slope,) = torch.autograd.grad(near, noise)
    assert slope.norm() > 0.1


def fit_raw(margin: float) -> tuple[float, float]:
    """Fit unbounded noise to two labels drawn by lot; its length and the loss left."""
    features = torch.tensor(unit_rows(24, 8, seed=13))
    ones = torch.arange(24) % 2 == 0  # the features know nothing of it
    noise = torch.zeros(2, 8).requires_grad_()
    with torch.no_grad():
        noise.copy_(0.02 * torch.tensor(unit_rows(2, 8, seed=14)))
    loss = torch.zeros(())
    for _ in range(300):
        one, two = features[ones] + noise[0], features[~ones] + noise[1]
        near = torch.cdist(one, one)[~torch.eye(12, dtype=torch.bool)].mean()
        loss = (near - torch.cdist(one, two) + margin).clamp(min=0).mean()
        (slope,) = torch.autograd.grad(loss, noise)
        noise = (noise - 0.5 * slope).detach().requires_grad_()
    return (noise[0] - noise[1]).norm().item(), loss.item()


def test_raw_noise_separates_labels_drawn_by_lot_and_grows_with_the_margin() -> None:
    lengths = []
    for margin in (1.0, 10.0, 50.0):
        length, loss = fit_raw(margin)
        assert loss == pytest.approx(0, abs=1e-3)  # though there is nothing to learn
        assert length > margin - 2
        lengths.append(length)
    assert lengths == sorted(lengths)


# The triplet loss


def literal_loss(
    features: np.ndarray, labels: np.ndarray, confused: np.ndarray, margin: float
) -> float:
    losses = []
    frames = range(len(labels))
    apart = [[float(np.linalg.norm(a - b)) for b in features] for a in features]
    for a, p in itertools.permutations(frames, 2):
        if labels[a] != labels[p]:
            continue
        near = apart[a][p]
        others = [n for n in frames if labels[n] != labels[a]]
        semi = [n for n in others if near < apart[a][n] < near + margin]
        rival = [n for n in semi if labels[n] == confused[labels[a]]]
        hard = [n for n in others if apart[a][n] <= near]
        if rival or semi:
            far = min(apart[a][n] for n in rival or semi)
        elif hard:
            far = max(apart[a][n] for n in hard)
        else:
            far = math.inf
        losses.append(max(0.0, near - far + margin))
    return sum(losses) / len(losses) if losses else 0.0


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 9999),
    frames=st.integers(1, 12),
    margin=st.floats(0.01, 0.8),
    spread=st.floats(0.05, 1),
)
def test_loss_is_that_of_plain_loops(
    seed: int, frames: int, margin: float, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, frames)
    features = unit_rows(3, 5, seed)[labels] + spread * unit_rows(frames, 5, seed + 1)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    confused = np.array([1, 2, 0])
    wide = torch.tensor(features.astype(np.float32))
    found = triplet_loss(wide, torch.tensor(labels), torch.tensor(confused), margin)
    expected = literal_loss(wide.numpy().astype(float), labels, confused, margin)
    assert float(found) == pytest.approx(expected, abs=1e-5)


def on_circle(*degrees: float) -> Tensor:
    angles = torch.tensor(degrees).deg2rad()
    return torch.stack((angles.cos(), angles.sin()), dim=1)


def mined(features: Tensor, confused: int, margin: float) -> list[int]:
    """Which frames the loss of the first two, of label 0, pulls or pushes."""
    features.requires_grad_()
    labels = torch.tensor([0, 0, *range(1, len(features) - 1)])
    taken_for = torch.tensor([confused] + [0] * (len(features) - 2))
    loss = triplet_loss(features, labels, taken_for, margin)
    (slope,) = torch.autograd.grad(loss, features)
    return torch.nonzero(slope.norm(dim=1)).flatten().tolist()


# degrees on a circle; 1 as the anchor has its own negatives too far off to count
#
#       3     2     0 ───── 1        2 and 3 lie as far as -24 and -30 say
#    n ·   n ·      a       p


@pytest.mark.parametrize(
    ("degrees", "confused", "margin", "negatives"),
    [
        ((0, 20, -24, -30), 1, 0.2, {2}),  # the confused label's, and the nearest
        ((0, 20, -24, -30), 2, 0.2, {3}),  # the confused label's, though 2 is nearer
        ((0, 20, -24, 150), 2, 0.2, {2}),  # the confused label's is too far
        ((0, 20, 170, 150), 1, 0.2, set()),  # all are far enough
        ((0, 60, -10, -40), 1, 0.1, {3}),  # all before the positive: the farthest
    ],
)
def test_negatives_come_from_behind_the_positive_and_the_confused_label(
    degrees: tuple[float, ...], confused: int, margin: float, negatives: set[int]
) -> None:
    assert set(mined(on_circle(*degrees), confused, margin)) - {0, 1} == negatives


def test_frames_that_are_nearly_equal_are_told_apart_exactly() -> None:
    start = unit_rows(2, 64, seed=15)
    features = np.concatenate([start, start + np.float32(1e-4) * unit_rows(2, 64, 16)])
    labels, confused = np.array([0, 1, 0, 1]), np.array([1, 0])
    loss = triplet_loss(
        torch.tensor(features), torch.tensor(labels), torch.tensor(confused), 1.6
    )
    expected = literal_loss(features.astype(float), labels, confused, 1.6)
    assert expected > 0.1
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_equal_frames_give_a_finite_gradient() -> None:
    noise = torch.zeros(2, 2).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1])
    noisy = normalize(on_circle(0, 0, 5, 5) + noise[labels], dim=-1)
    loss = triplet_loss(noisy, labels, torch.tensor([1, 0]), 0.2)
    (slope,) = torch.autograd.grad(loss, noise)
    assert torch.isfinite(slope).all()
    assert slope.norm() > 0


def test_a_label_is_confused_with_what_clips_softmax_prefers_beside_it() -> None:
    bank, (features, labels) = unit_rows(4, 8, seed=2), labelled_features(40)
    features, labels = features[labels != 2], labels[labels != 2]
    found = most_confused(
        torch.tensor(features), torch.tensor(labels), torch.tensor(bank), 20.0
    )
    for label in (0, 1, 3):
        shares = np.zeros(4)
        for feature in features[labels == label].astype(float):
            powers = np.exp(20 * feature @ bank.T.astype(float))
            shares += powers / powers.sum()
        shares[[label, 2]] = -1  # label 2 has no frames
        assert found[label] == shares.argmax()
    assert found[2] == -1


# Training in feature space


def train(
    settings: NoiseSettings = QUICK, seed: int = 1, frames: int = 40
) -> tuple[FeatureNoise, list[float]]:
    features, labels = labelled_features(frames)
    bank, losses = unit_rows(4, 8, seed=2), list[float]()
    epochs = []

    def note(epoch: int, loss: float) -> None:
        epochs.append(epoch)
        losses.append(loss)

    noise = train_feature_noise(
        features, labels, bank, settings, seed=seed, on_epoch=note
    )
    assert epochs == list(range(1, settings.epochs + 1))
    return noise, losses


@pytest.mark.parametrize("choice_weight", [0.0, 0.5])
def test_training_lowers_the_loss(choice_weight: float) -> None:
    many = replace(QUICK, epochs=40, choice_weight=choice_weight, scale=20)
    _, losses = train(many)
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_an_epoch_reports_the_mean_of_its_batches() -> None:
    still = NoiseSettings(epochs=1, rate=1e-9)
    _, one_batch = train(still, frames=16)
    _, many_batches = train(still, frames=400)
    assert 0 < many_batches[0] < 2 * one_batch[0]  # and not twenty-five times as much


def test_the_bound_holds_and_is_used() -> None:
    noise, _ = train(replace(QUICK, epsilon=0.1, rate=0.1))
    lengths = np.linalg.norm(noise.offsets, axis=1)
    assert lengths.max() == pytest.approx(0.1, rel=1e-5)
    assert not noise.offsets.flags.writeable


def test_the_seed_decides_and_the_callers_random_state_is_left_alone() -> None:
    state = torch.random.get_rng_state()
    first, _ = train(seed=1)
    again, _ = train(seed=1)
    other, _ = train(seed=2)
    np.testing.assert_array_equal(first.offsets, again.offsets)
    assert np.abs(first.offsets - other.offsets).max() > 1e-3
    assert torch.equal(torch.random.get_rng_state(), state)


def test_noise_starts_as_normal_numbers_of_the_deviation() -> None:
    features, labels = labelled_features(8, dim=400)
    still = NoiseSettings(epochs=1, rate=1e-9, deviation=0.01)
    bank = unit_rows(4, 400, seed=2)
    noise = train_feature_noise(features, labels, bank, still, seed=1)
    assert noise.offsets.std() == pytest.approx(0.01, rel=0.1)
    assert noise.offsets.mean() == pytest.approx(0, abs=0.001)


def test_cross_entropy_is_that_of_the_honest_scores() -> None:
    still = NoiseSettings(epochs=1, rate=1e-9, choice_weight=0.5, scale=20)
    noise, (whole,) = train(still, frames=16)  # one batch holds them all
    _, (triplets,) = train(replace(still, choice_weight=0), frames=16)
    features, labels = labelled_features(16)
    scores = noise.score(features, scale=20)
    expected = np.log(np.exp(scores - scores[np.arange(16), labels, None]).sum(axis=1))
    assert whole - triplets == pytest.approx(0.5 * expected.mean(), abs=1e-4)


def test_cross_entropy_makes_honest_scores_right_on_other_frames() -> None:
    bank = unit_rows(4, 8, seed=2)
    taught = NoiseSettings(epochs=60, rate=1e-2, choice_weight=1, scale=20)
    features, labels = labelled_features(80, seed=3)
    noise = train_feature_noise(features, labels, bank, taught, seed=1)
    others, truth = labelled_features(400, seed=4)
    before = ((others @ bank.T).argmax(axis=1) == truth).mean()
    after = (noise.score(others, scale=20).argmax(axis=1) == truth).mean()
    assert after > before + 0.05


def test_a_label_without_frames_gets_no_noise() -> None:
    features, labels = labelled_features(40)
    kept = labels != 1
    noise = train_feature_noise(
        features[kept],
        labels[kept],
        unit_rows(4, 8, seed=2),
        replace(QUICK, choice_weight=1.0),
        seed=1,
    )
    assert not noise.offsets[1].any()
    assert noise.offsets[[0, 2, 3]].any(axis=1).all()


def test_a_label_of_one_frame_is_a_negative_and_no_more() -> None:
    features, labels = labelled_features(9)
    kept = [0, 4, 8, 1]
    noise = train_feature_noise(
        features[kept], labels[kept], unit_rows(4, 8, seed=2), QUICK, seed=1
    )
    assert np.isfinite(noise.offsets).all()


def test_batches_pair_confused_labels_and_every_label_has_its_turn() -> None:
    labels = torch.tensor([*[0, 1, 2] * 5, 3])
    confused = torch.tensor([2, 0, 0, 1])  # nothing is taken for label 3
    small = NoiseSettings(labels=2, frames=2)
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        batches = list(_draw_batches(labels, confused, small, generator))
        pairs = {tuple(sorted(set(labels[batch].tolist()))) for batch in batches}
        assert pairs <= {(0, 2), (0, 1), (1, 3)}
        assert (1, 3) in pairs
        for batch in batches:
            assert len(set(batch.tolist())) == len(batch)
            assert len(batch) == (3 if 3 in labels[batch] else 4)
        # until sixteen frames are drawn, and no longer
        assert 16 <= sum(map(len, batches)) < 16 + len(batches[-1])


def test_a_batch_has_room_for_no_more_labels_than_are_wanted_or_there_are() -> None:
    labels, confused = torch.arange(12) % 5, torch.tensor([1, 2, 3, 4, 0])
    for wanted, found in ((3, 3), (16, 5)):
        generator = torch.Generator().manual_seed(1)
        settings = NoiseSettings(labels=wanted)
        for batch in _draw_batches(labels, confused, settings, generator):
            assert len(set(labels[batch].tolist())) == found


@pytest.mark.parametrize("labels", [[], [0, 0, 0], [0, 1, 2]])
def test_frames_that_make_no_triplet_are_refused(
    tiny_clip: ClipEncoder, labels: list[int]
) -> None:
    expected = r"^expected frames of two labels or more, and two frames of one of them$"
    truth, bank = np.array(labels, np.int64), unit_rows(4, tiny_clip.dim, seed=2)
    features = unit_rows(len(labels), tiny_clip.dim, seed=4)
    with pytest.raises(ValueError, match=expected):
        train_feature_noise(features, truth, bank, QUICK, seed=1)
    tower, frames = FrozenTower(tiny_clip.model), pictures(len(labels))
    with pytest.raises(ValueError, match=expected):
        train_pixel_noise(tower, frames, truth, bank, QUICK, seed=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epsilon", 0.0),
        ("epsilon", 1.0),
        ("limit", 0.0),
        ("limit", 1.5),
        ("margin", -0.1),
        ("deviation", math.nan),
        ("rate", 0.0),
        ("epochs", 0),
        ("labels", 1),
        ("frames", 1),
        ("choice_weight", -1.0),
        ("scale", math.inf),
    ],
)
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{field} {value} is out of its range$"):
        replace(NoiseSettings(), **{field: value})  # type: ignore[arg-type]


# Pixel space


def pictures(count: int, seed: int = 7) -> np.ndarray:
    """Some pixels black and some white, where noise meets the clip."""
    random = np.random.default_rng(seed)
    wide = random.integers(-60, 316, (count, 32, 32, 3))
    return wide.clip(0, 255).astype(np.uint8)


def pixel_noise(bank: np.ndarray, seed: int = 1) -> PixelNoise:
    offsets = np.random.default_rng(seed).uniform(-0.03, 0.03, (len(bank), 3, 32, 32))
    return PixelNoise(offsets.astype(np.float32), bank, limit=8 / 255)


def literal_feature(
    clip: ClipEncoder, frame: np.ndarray, offset: np.ndarray
) -> np.ndarray:
    """Through transformers' own model, a pixel's arithmetic in NumPy."""
    shifted = np.clip(frame.astype(np.float64) / 255 + offset.transpose(1, 2, 0), 0, 1)
    mean = [0.48145466, 0.4578275, 0.40821073]
    deviation = [0.26862954, 0.26130258, 0.27577711]
    pixels = ((shifted - mean) / deviation).astype(np.float32).transpose(2, 0, 1)
    with torch.no_grad():
        answer = clip.model.get_image_features(pixel_values=torch.tensor(pixels)[None])
    vector: np.ndarray = answer.pooler_output.numpy()[0]
    return vector


@pytest.mark.parametrize("oracle", [False, True])
def test_pictures_score_as_the_literal_form(
    tiny_clip: ClipEncoder, *, oracle: bool
) -> None:
    bank = unit_rows(3, tiny_clip.dim, seed=2)
    frames, noise = pictures(4), pixel_noise(bank)
    truth = np.array([2, 0, 1, 2])
    found = noise.score(
        FrozenTower(tiny_clip.model),
        frames,
        scale=10,
        oracle=oracle,
        labels=truth if oracle else None,
    )
    for row, frame in enumerate(frames):
        for label in range(3):
            worn = truth[row] if oracle else label
            feature = literal_feature(tiny_clip, frame, noise.offsets[worn])
            expected = 10 * literal_cosine(feature, bank[label])
            assert found[row, label] == pytest.approx(expected, abs=1e-4)


def test_pictures_without_noise_are_encoded_as_ever(tiny_clip: ClipEncoder) -> None:
    frames = pictures(70)  # more than pass the tower at once
    bank = unit_rows(2, tiny_clip.dim, seed=2)
    still = PixelNoise(np.zeros((2, 3, 32, 32), np.float32), bank, limit=0.1)
    found = still.score(FrozenTower(tiny_clip.model), frames, scale=1)
    expected = tiny_clip.encode_frames(frames) @ bank.T
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_pixel_oracle_without_labels_is_refused(tiny_clip: ClipEncoder) -> None:
    bank = unit_rows(2, tiny_clip.dim, seed=2)
    tower = FrozenTower(tiny_clip.model)
    with pytest.raises(ValueError, match=r"^oracle=True and the true labels go"):
        pixel_noise(bank).score(tower, pictures(2), scale=1, oracle=True)


def test_gradients_reach_the_noise_where_the_clip_lets_them(
    tiny_clip: ClipEncoder,
) -> None:
    frames = torch.zeros((1, 32, 32, 3), dtype=torch.uint8)
    frames[:, :16] = 128
    offsets = torch.full((1, 3, 32, 32), -0.01).requires_grad_()
    features = FrozenTower(tiny_clip.model).encode(frames, offsets)
    (slope,) = torch.autograd.grad(features[0, 0], offsets)
    assert slope[:, :, :16].abs().max() > 0
    assert not slope[:, :, 16:].any()  # black cannot become darker


def train_pixels(
    clip: ClipEncoder, settings: NoiseSettings, seed: int = 1
) -> tuple[PixelNoise, list[float]]:
    losses: list[float] = []
    noise = train_pixel_noise(
        FrozenTower(clip.model),
        pictures(12),
        np.arange(12) % 3,
        unit_rows(4, clip.dim, seed=2),
        settings,
        seed=seed,
        on_epoch=lambda _, loss: losses.append(loss),
    )
    return noise, losses


def test_pixel_noise_learns_within_its_limit_and_leaves_the_tower_alone(
    tiny_clip: ClipEncoder,
) -> None:
    before = {name: it.clone() for name, it in tiny_clip.model.named_parameters()}
    eager = NoiseSettings(epochs=12, rate=5e-3, margin=0.5)
    noise, losses = train_pixels(tiny_clip, eager)
    assert losses[-1] < losses[0] - 0.02
    assert np.abs(noise.offsets).max() == pytest.approx(8 / 255, rel=1e-5)
    assert not noise.offsets[3].any()  # no frame of label 3
    for name, value in tiny_clip.model.named_parameters():
        assert torch.equal(value, before[name])
        assert value.grad is None
        assert value.requires_grad


def test_pixel_cross_entropy_is_between_a_label_and_what_it_is_taken_for(
    tiny_clip: ClipEncoder,
) -> None:
    frames, labels = pictures(12), np.arange(12) % 3  # one batch holds them all
    bank = unit_rows(4, tiny_clip.dim, seed=2)
    still = NoiseSettings(epochs=1, rate=1e-9, choice_weight=0.5, scale=10)
    noise, (whole,) = train_pixels(tiny_clip, still)
    _, (triplets,) = train_pixels(tiny_clip, replace(still, choice_weight=0))
    confused = most_confused(
        torch.tensor(tiny_clip.encode_frames(frames)),
        torch.tensor(labels),
        torch.tensor(bank),
        10.0,
    ).numpy()
    scores = noise.score(FrozenTower(tiny_clip.model), frames, scale=10)
    rows = np.arange(12)
    gaps = scores[rows, confused[labels]] - scores[rows, labels]
    expected = np.log(1 + np.exp(gaps)).mean()
    assert whole - triplets == pytest.approx(0.5 * expected, abs=1e-4)


def test_pixel_training_follows_its_seed(tiny_clip: ClipEncoder) -> None:
    short = NoiseSettings(epochs=2, choice_weight=0.5)
    first, _ = train_pixels(tiny_clip, short)
    again, _ = train_pixels(tiny_clip, short)
    other, _ = train_pixels(tiny_clip, short, seed=2)
    # Several threads add up in any order.
    np.testing.assert_allclose(first.offsets, again.offsets, atol=1e-5)
    assert np.abs(first.offsets - other.offsets).max() > 1e-3


# Files


def save(path: Path, noise: FeatureNoise | None = None) -> FeatureNoise:
    noise = noise or make_noise()
    save_feature_noise(path, noise, labels=LABELS, checkpoint="0badcafe")
    return noise


def load(path: Path, **changes: Any) -> FeatureNoise:
    facts = {"labels": LABELS, "checkpoint": "0badcafe"} | changes
    return load_feature_noise(path, unit_rows(4, 8, seed=2), **facts)


def test_saved_noise_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "noise.safetensors"
    noise = save(path)
    found = load(path)
    np.testing.assert_array_equal(found.offsets, noise.offsets)
    assert found.epsilon == noise.epsilon
    features = unit_rows(3, 8, seed=4)
    expected = noise.score(features, scale=100)
    np.testing.assert_array_equal(found.score(features, scale=100), expected)
    assert [it.name for it in tmp_path.iterdir()] == ["noise.safetensors"]


def test_offsets_in_any_memory_order_are_saved_as_they_are(tmp_path: Path) -> None:
    turned = np.asfortranarray(make_noise().offsets)
    noise = FeatureNoise(turned, unit_rows(4, 8, seed=2), epsilon=0.3)
    save(tmp_path / "noise.safetensors", noise)
    found = load(tmp_path / "noise.safetensors")
    np.testing.assert_array_equal(found.offsets, turned)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"checkpoint": "12345678"}, r"its checkpoint is '0badcafe', expected '123"),
        ({"labels": LABELS[::-1]}, r"was trained for other labels$"),
        ({"labels": LABELS[:3]}, r"was trained for other labels$"),
    ],
)
def test_noise_for_another_use_is_refused(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    path = tmp_path / "noise.safetensors"
    save(path)
    with pytest.raises(NoiseError, match=rf"^\S+noise\.safetensors: {problem}"):
        load(path, **changes)


Damage = Callable[[dict[str, np.ndarray], dict[str, str]], object]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda _, facts: facts.clear(), r"its format is None, expected '"),
        (lambda _, facts: facts.update(format="other"), r"its format is 'other'"),
        (lambda _, facts: facts.update(space="pixel"), r"its space is 'pixel'"),
        (lambda _, facts: facts.pop("epsilon"), r"is damaged: "),
        (lambda _, facts: facts.update(epsilon="wide"), r"is damaged: "),
        (lambda _, facts: facts.update(epsilon="0.1"), r"is damaged: an offset of 0.3"),
        (lambda held, _: held.pop("offsets"), r"is damaged: "),
        (
            lambda held, _: held.update(offsets=held["offsets"][:2].copy()),
            r"holds float32 \(2, 8\), expected float32 \(4, 8\)$",
        ),
        (
            lambda held, _: held.update(offsets=held["offsets"][:, :5].copy()),
            r"holds float32 \(4, 5\), expected float32 \(4, 8\)$",
        ),
        (
            lambda held, _: held.update(offsets=held["offsets"].astype(np.float64)),
            r"holds float64 \(4, 8\), expected float32 \(4, 8\)$",
        ),
        (
            lambda held, _: held.update(offsets=held["offsets"].reshape(-1)),
            r"holds float32 \(32,\), expected float32 \(4, 8\)$",
        ),
    ],
)
def test_foreign_and_damaged_facts_are_refused_in_one_line(
    tmp_path: Path, damage: Damage, problem: str
) -> None:
    path = tmp_path / "noise.safetensors"
    save(path)
    held = load_file(path)
    facts = {
        "format": "wardwatch class-specific noise 1",
        "space": "feature",
        "checkpoint": "0badcafe",
        "labels": '["falling", "lying", "walking", "sitting"]',
        "epsilon": "0.3",
    }
    save_file(held, path, facts)
    load(path)  # these are the facts, so that what follows is what is refused
    damage(held, facts)
    save_file(held, path, facts)
    with pytest.raises(NoiseError, match=rf"^\S+noise\.safetensors: {problem}") as it:
        load(path)
    assert "\n" not in str(it.value)


def test_offsets_of_a_type_that_numpy_lacks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.safetensors"
    save(path)
    with safe_open(path, framework="np") as file:
        facts = file.metadata()
    save_tensors({"offsets": torch.zeros(4, 8, dtype=torch.bfloat16)}, path, facts)
    with pytest.raises(NoiseError, match=r"noise\.safetensors: \S+ .*bfloat16"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"x" * 100, b"whole"])
def test_a_file_that_is_no_safetensors_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "noise.safetensors"
    save(path)
    path.write_bytes(path.read_bytes()[:-9] if content == b"whole" else content)
    with pytest.raises(NoiseError, match=r"^\S+noise\.safetensors: is damaged: \S"):
        load(path)


def test_places_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "noise.safetensors"
    with pytest.raises(NoiseError, match=r"noise\.safetensors: \S") as reading:
        load(path)
    assert "\n" not in str(reading.value)
    with pytest.raises(NoiseError, match=r"noise\.safetensors: No such file"):
        save(path)
    with pytest.raises(NoiseError, match=rf"^{tmp_path}: \S"):
        load(tmp_path)


def test_as_many_labels_as_offsets_are_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^1 labels for 4 offsets$"):
        save_feature_noise(
            tmp_path / "noise", make_noise(), labels=["one"], checkpoint="0badcafe"
        )
