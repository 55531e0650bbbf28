"""Training an IS-CLIP from what was kept is training it from the pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.clip.encoder import ClipEncoder, load_clip, normalise_pixels
from models.is_clip.model import IsClip, IsClipSettings
from models.is_clip.spectrogram import ImuFormat, fit_scale, spectrograms
from models.is_clip.tower import teacher_features, trunk_tokens
from pipelines.errors import TrainingError
from pipelines.lab.training.is_clip import (
    PUBLISHED,
    SMALL_TOWER,
    IsClipTraining,
    KeptFrames,
    WindowSpectrograms,
    all_spectrograms,
    draw_slots,
    encode_windows,
    keep_frames,
    train_is_clip,
)
from tests.tiny_checkpoint import TINY_PX, save_tiny_checkpoint

CLIPS, FRAMES = 6, 4
SMALL = IsClipSettings(heads=3, imu_width=64)
FORM = ImuFormat(50.0, "mps2", "radps")
FAST = IsClipTraining(
    student_rate=1e-3, imu_rate=1e-2, steps=12, batch=3, frames=2, seed=1
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    folder: Path = tmp_path_factory.mktemp("tiny") / "tiny-clip"
    return load_clip(save_tiny_checkpoint(folder))


def pictures() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (CLIPS, FRAMES, TINY_PX, TINY_PX, 3), np.uint8)


def worn() -> np.ndarray:
    rng = np.random.default_rng(1)
    loud = np.repeat([1.0, 5.0], CLIPS // 2)[:, None, None]
    return (loud * rng.normal(size=(CLIPS, 150, 6))).astype(np.float32)


def texts(base: ClipEncoder) -> torch.Tensor:
    return torch.from_numpy(base.encode_texts(["walking", "falling"]))


def labels() -> np.ndarray:
    return np.repeat(np.array([0, 1], np.int64), CLIPS // 2)


@pytest.fixture(scope="module")
def kept(base: ClipEncoder) -> KeptFrames:
    places = np.arange(CLIPS * FRAMES).reshape(CLIPS, FRAMES)
    return keep_frames(base, pictures(), places, lambda _: None)


@pytest.fixture(scope="module")
def felt() -> WindowSpectrograms:
    return all_spectrograms(worn(), FORM, fit_scale(worn(), FORM))


def trained(
    base: ClipEncoder,
    kept: KeptFrames,
    felt: WindowSpectrograms,
    settings: IsClipTraining,
) -> IsClip:
    model = IsClip(base.model, SMALL, frames=FRAMES, seed=2)
    train_is_clip(model, kept, felt, texts(base), labels(), settings, lambda *_: None)
    return model


def test_what_is_kept_is_what_the_checkpoint_says(
    base: ClipEncoder, kept: KeptFrames
) -> None:
    expected = base.encode_frames(pictures().reshape(-1, TINY_PX, TINY_PX, 3))
    np.testing.assert_allclose(kept.known, expected, atol=1e-5)
    assert len(kept.tokens) == CLIPS * FRAMES
    model = IsClip(base.model, SMALL, frames=FRAMES)
    with torch.no_grad():
        found = model.student_features(kept.tokens)
    np.testing.assert_allclose(found, expected, atol=5e-3)  # half precision


def test_runs_of_any_length_are_kept_side_by_side(base: ClipEncoder) -> None:
    reports: list[int] = []
    flat = pictures().reshape(-1, TINY_PX, TINY_PX, 3)
    long, short = np.concatenate([flat, flat])[:40], flat[40 % len(flat) :]
    found = keep_frames(base, [long, short], np.zeros((1, 1), int), reports.append)
    assert reports == [1, 2]
    expected = base.encode_frames(np.concatenate([long, short]))
    np.testing.assert_allclose(found.known, expected, atol=1e-5)


def test_spectrograms_are_those_of_each_window(felt: WindowSpectrograms) -> None:
    acc, gyro = spectrograms(worn()[4], FORM, fit_scale(worn(), FORM))
    torch.testing.assert_close(felt.acc[4], acc)
    torch.testing.assert_close(felt.select(np.array([4, 0])).gyro[0], gyro)


def test_steps_are_those_of_both_optimisers_on_the_pictures(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    settings = replace(FAST, steps=3, batch=CLIPS, frames=FRAMES)
    found = trained(base, kept, felt, settings)
    model = IsClip(base.model, SMALL, frames=FRAMES, seed=2)
    adam = torch.optim.Adam(model.clip_parameters(), settings.student_rate)
    sgd = torch.optim.SGD(model.imu_parameters(), settings.imu_rate, momentum=0.9)
    flat = torch.from_numpy(pictures()).flatten(0, 1)
    pixels = normalise_pixels(flat, *base.pixel_scale)
    tokens = trunk_tokens(model.clip, pixels)
    frames = tokens, teacher_features(model.clip, tokens)
    slots = torch.arange(FRAMES).repeat(CLIPS, 1)
    for _ in range(settings.steps):
        given = texts(base), torch.from_numpy(labels())
        losses = model.loss_of_tokens(*frames, felt.acc, felt.gyro, *given, slots)
        total = losses["total"]
        adam.zero_grad()
        sgd.zero_grad()
        torch.autograd.backward(total)
        adam.step()
        sgd.step()
    for name, value in found.trained().items():
        if "student" in name or name.startswith(("blocks", "projection")):
            # Adam's first steps have the sign of tiny gradients
            assert (value - model.trained()[name]).abs().mean() < 5e-4, name
        else:
            torch.testing.assert_close(
                value, model.trained()[name], atol=2e-3, rtol=0.02
            )


def test_training_learns_what_it_is_shown(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    settings = replace(FAST, steps=40, batch=6)
    model = trained(base, kept, felt, settings)
    assert not model.training
    seen, imu = encode_windows(model, kept, felt)
    for vectors in (seen, imu):
        said = (vectors @ texts(base).numpy().T).argmax(axis=1)
        np.testing.assert_array_equal(said, labels())
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_same_seed_trains_the_same_and_another_does_not(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    settings = replace(FAST, steps=2)
    first, again = (trained(base, kept, felt, settings) for _ in range(2))
    other = trained(base, kept, felt, replace(settings, seed=5))
    for name, value in first.trained().items():
        torch.testing.assert_close(again.trained()[name], value, rtol=0, atol=0)
    assert not torch.equal(first.joint.weight, other.joint.weight)


def test_windows_are_encoded_as_one_by_one(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    model = trained(base, kept, felt, FAST)
    seen, imu = encode_windows(model, kept, felt)
    one = np.array([5])
    alone = encode_windows(model, kept.select(one), felt.select(one))
    np.testing.assert_allclose(seen[5:], alone[0], atol=1e-5)
    np.testing.assert_allclose(imu[5:], alone[1], atol=1e-5)


def test_slots_are_drawn_in_order_and_all_if_so_many() -> None:
    rng = np.random.default_rng(0)
    drawn = draw_slots(torch.arange(8).repeat(200, 1), 2, rng)
    assert (drawn[:, 0] < drawn[:, 1]).all()
    assert set(drawn.flatten().tolist()) == set(range(8))
    assert draw_slots(torch.arange(4)[None], 8, rng).tolist() == [[0, 1, 2, 3]]


def test_places_without_a_frame_are_drawn_only_for_want_of_others() -> None:
    rng = np.random.default_rng(0)
    places = torch.tensor([[-1, -1, -1, 7], [-1, 4, 5, 6]]).repeat(50, 1)
    drawn = draw_slots(places, 2, rng)
    assert {tuple(row) for row in drawn[::2].tolist()} <= {(-1, 3)}
    assert {tuple(row) for row in drawn[1::2].tolist()} == {(1, 2), (1, 3), (2, 3)}


def test_windows_that_share_frames_are_those_with_frames_of_their_own(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    model = trained(base, kept, felt, FAST)
    places = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4], [-1, -1, 2, 3]])
    two = felt.select(np.array([0, 4, 0]))
    seen, _ = encode_windows(model, replace(kept, places=places), two)
    flat = kept.tokens.float()
    with torch.no_grad():
        imu = model.encode_imu(two.acc, two.gyro)
        whole = model.student_features(flat[places[:2]].flatten(0, 1))
        expected = model.fuse(whole.reshape(2, 4, -1), imu[:2])
        part = model.student_features(flat[2:4])[None]
        late = model.fuse(part, imu[2:], torch.tensor([[2, 3]]))
    np.testing.assert_allclose(seen[:2], expected, atol=1e-5)
    np.testing.assert_allclose(seen[2:], late, atol=1e-5)


def test_rates_that_decay_move_less(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    begun = IsClip(base.model, SMALL, frames=FRAMES, seed=2).trained()["joint.weight"]
    steady, decayed = (
        trained(base, kept, felt, replace(FAST, decays=decays)).trained()
        for decays in (False, True)
    )
    moved = [(it["joint.weight"] - begun).abs().sum() for it in (steady, decayed)]
    assert 0 < moved[1] < moved[0]


def test_loss_that_is_not_finite_ends_the_training(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    with pytest.raises(TrainingError, match=r"^step \d+: the loss is not finite; "):
        trained(base, kept, felt, replace(FAST, imu_rate=1e30))


def test_nothing_to_train_on_is_refused(
    base: ClipEncoder, kept: KeptFrames, felt: WindowSpectrograms
) -> None:
    model = IsClip(base.model, SMALL, frames=FRAMES)
    none = np.empty(0, np.int64)
    with pytest.raises(TrainingError, match=r"^IS-CLIP: there is no window to train"):
        train_is_clip(model, kept, felt, texts(base), none, FAST, lambda *_: None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"student_rate": 0.0}, r"^rates 0\.0 and 0\.01, expected above 0 and finite$"),
        ({"imu_rate": float("inf")}, r"^rates 0\.001 and inf, "),
        ({"momentum": 1.0}, r"^momentum 1\.0, expected 0 or above and below 1$"),
        ({"steps": 0}, r"^0 steps of 3 windows of 2 frames, expected 1 or more"),
        ({"batch": 0}, r"^12 steps of 0 windows of 2 frames"),
        ({"frames": 0}, r"^12 steps of 3 windows of 0 frames"),
    ],
)
def test_settings_out_of_range_are_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(FAST, **change)


def test_published_settings_are_the_papers() -> None:
    assert (PUBLISHED.student_rate, PUBLISHED.imu_rate) == (1e-5, 1e-3)
    assert (PUBLISHED.momentum, PUBLISHED.batch) == (0.9, 16)
    assert PUBLISHED.steps == 50 * -(-2291 // 16)
    assert SMALL_TOWER.student_rate > PUBLISHED.student_rate
