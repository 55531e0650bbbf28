import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.clip.averaging import average_clip
from models.clip.encoder import encode_pixels
from models.is_clip.model import IsClip, IsClipSettings, Sensors
from models.is_clip.spectrogram import SpectrogramScale
from tests.models.is_clip_rig import (
    FRAMES,
    SMALL,
    deep_clip,
    draw,
    felt,
    make,
    texts,
    unit,
)

SCALE = SpectrogramScale(50.0, 0.25, 1.5, 0.5, 2.0)


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
        found = model.fuse(features, imu, slots)
        same = model.fuse(features[:, [1, 3, 2, 0]], imu)
        other = model.fuse(features, imu)
    torch.testing.assert_close(found, same)
    assert (found - other).abs().max() > 1e-3


#  frame   0 1 2 3 4 5 6         each encoded once
#  window  [-----)
#            [-----)
#                [-----)
def test_windows_of_kept_features_are_those_of_encoding_each_window() -> None:
    model = make()
    pixels = draw(7, 3, 32, 32)
    imu = felt(model, 3)
    with torch.no_grad():
        kept = torch.cat([model.encode_frames(pixels[at : at + 1]) for at in range(7)])
        for row, start in enumerate((0, 1, 3)):
            window = slice(start, start + FRAMES)
            fresh = model.encode_frames(pixels[window])[None]
            torch.testing.assert_close(
                model.fuse(kept[window][None], imu[row : row + 1]),
                model.fuse(fresh, imu[row : row + 1]),
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


def test_scale_is_clips_own_and_at_most_100() -> None:
    model = make()
    vectors = 5 * texts()
    assert model.logits(vectors, texts()).max() == pytest.approx(math.exp(2.6592))
    model.clip.logit_scale.data.fill_(5.0)
    assert model.imu_logits(vectors, texts()).max() == pytest.approx(100)


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
