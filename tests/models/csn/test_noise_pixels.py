"""Noise of pictures, and its training through a frozen tower."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.clip.encoder import ClipEncoder
from models.csn.noise import FrozenTower, PixelNoise
from models.csn.training import (
    NoiseSettings,
    most_confused,
    train_pixel_noise,
)
from tests.models.csn_rig import literal_cosine, pictures, unit_rows

QUICK = NoiseSettings(epochs=6, rate=1e-2)


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
    with pytest.raises(ValueError, match=r"^oracle=True needs the true"):
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
