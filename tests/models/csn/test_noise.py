"""Scores under noise are those of the equations, in feature space."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.csn.noise import FeatureNoise, PixelNoise, label_tensor
from tests.models.csn_rig import (
    literal_cosine,
    make_noise,
    unit_rows,
)


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
    expected = r"^oracle=True needs the true labels, and labels need oracle=True$"
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
        label_tensor(np.array(labels), 2, 4)


@pytest.mark.parametrize("value", [0, math.nan, math.inf])
def test_a_feature_without_a_direction_is_refused(value: float) -> None:
    features = np.full((1, 8), value, np.float32)
    with pytest.raises(ValueError, match=r"^a vector without a direction$"):
        make_noise().score(features, scale=1)


def test_noise_past_its_bound_is_refused() -> None:
    bank = unit_rows(4, 8, seed=2)
    expected = r"^an offset of 0\.4, expected at most 0\.3$"
    with pytest.raises(ValueError, match=expected):
        FeatureNoise(np.float32(0.4) * bank, bank, epsilon=0.3)
    with pytest.raises(ValueError, match=r"^an offset of nan, expected at most 0\.3$"):
        FeatureNoise(np.nan * bank, bank, epsilon=0.3)
    pixels = np.full((4, 3, 2, 2), 0.1, np.float32)
    with pytest.raises(ValueError, match=r"^an offset of 0\.1, expected at most 0\.05"):
        PixelNoise(pixels, bank, limit=0.05)
