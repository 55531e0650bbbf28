"""Training learns noise within its bound, from triplets as plain loops take them."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from models.clip.encoder import ClipEncoder
from models.csn.noise import FeatureNoise, FrozenTower
from models.csn.training import (
    NoiseSettings,
    _draw_batches,
    most_confused,
    train_feature_noise,
    train_pixel_noise,
    triplet_loss,
)
from tests.models.csn_rig import (
    labelled_features,
    pictures,
    unit_rows,
)

QUICK = NoiseSettings(epochs=6, rate=1e-2)


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


@pytest.mark.slow
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
