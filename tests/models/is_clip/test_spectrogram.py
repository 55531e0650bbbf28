import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch

from models.is_clip.spectrogram import (
    ImuEncoder,
    ImuFormat,
    SpectrogramScale,
    fit_scale,
    log_spectrograms,
    spectrograms,
)

SLOW = ImuFormat(25.0, "g", "radps")
UNSCALED = SpectrogramScale(25.0, 0.0, 1.0, 0.0, 1.0)


def movement(samples: int, seed: int = 0) -> np.ndarray:
    """Noise, a slow swing, gravity on one axis, and a garbled sample."""
    rng = np.random.default_rng(seed)
    window = rng.normal(0, 0.3, (samples, 6))
    window += np.sin(np.arange(samples) / 7)[:, None] * [1, 0.5, 0.2, 2, 1, 3]
    window[:, 2] += 1
    window[samples // 3, 1] = 40
    return window.astype(np.float32)


def shrink(rows: np.ndarray, side: int) -> np.ndarray:
    """Resize the rows by hand: a triangle of weights around each place of the new grid.

    Where rows become fewer, the triangle is as wide as the rows that it replaces.
    """
    step = len(rows) / side
    reach = max(step, 1.0)
    resized = np.zeros((side, rows.shape[1]))
    for place in range(side):
        middle = (place + 0.5) * step
        weights = [
            max(0.0, 1 - abs(row + 0.5 - middle) / reach) for row in range(len(rows))
        ]
        for row, weight in enumerate(weights):
            resized[place] += weight / sum(weights) * rows[row]
    return resized


def literal(signal: np.ndarray, window: int, hop: int) -> np.ndarray:
    """One axis, step by step, with scipy's filters."""
    clean = scipy.ndimage.median_filter(signal.astype(float), 5, mode="nearest")
    clean = clean - clean.mean()
    _, _, spectrum = scipy.signal.stft(
        clean,
        window="hann",
        nperseg=window,
        noverlap=window - hop,
        nfft=4 * window,
        boundary=None,
        padded=False,
        detrend=False,
    )
    magnitudes = np.abs(spectrum) * 8  # scipy divides by the window's sum
    logs = np.log1p(magnitudes)
    return shrink(shrink(logs, 64).T, 64).T


# 423 samples: the median clip; 25 Hz at 0.64 s: a single column; 3 s at 50 Hz: ward's
@pytest.mark.parametrize(
    ("rate_hz", "samples", "window", "hop"),
    [
        (25.0, 423, 16, 4),
        (25.0, 16, 16, 4),
        (50.0, 150, 32, 8),
        (50.0, 1203, 32, 8),
        (100.0, 333, 64, 16),
    ],
)
def test_pictures_are_those_of_the_literal_steps(
    rate_hz: float, samples: int, window: int, hop: int
) -> None:
    form = replace(SLOW, rate_hz=rate_hz)
    moved = movement(samples)
    found = spectrograms(moved, form, replace(UNSCALED, rate_hz=rate_hz))
    for sensor, picture in enumerate(found):
        assert picture.shape == (3, 64, 64)
        assert picture.dtype == torch.float32
        for axis in range(3):
            expected = literal(moved[:, 3 * sensor + axis], window, hop)
            np.testing.assert_allclose(picture[axis], expected, atol=2e-5)


def test_units_do_not_count() -> None:
    moved = movement(100)
    other = moved * np.array([9.80665] * 3 + [180 / math.pi] * 3)
    form = ImuFormat(25.0, "mps2", "degps")
    torch.testing.assert_close(
        log_spectrograms(other, form),
        log_spectrograms(moved, SLOW),
        atol=1e-5,
        rtol=0,
    )


@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 100.0])
def test_same_movement_is_as_strong_at_any_rate(rate_hz: float) -> None:
    times_s = np.arange(round(4 * rate_hz)) / rate_hz
    swing = np.repeat(np.sin(2 * np.pi * 1.5 * times_s)[:, None], 6, axis=1)
    peak = log_spectrograms(swing, replace(SLOW, rate_hz=rate_hz)).max().item()
    # half the window's sum, a little less for what the median cuts off the tops
    assert peak == pytest.approx(math.log1p(4), rel=0.04)


def test_rows_are_frequencies_and_columns_times() -> None:
    times_s = np.arange(200) / 25
    window = np.zeros((200, 6))
    window[100:, 4] = np.sin(2 * np.pi * 3 * times_s[100:])
    found = log_spectrograms(window, SLOW)
    assert found[0].abs().max() < 1e-6
    assert found[1, [0, 2]].abs().max() < 1e-6
    picture = found[1, 1]
    assert picture[:, :24].max() < 0.2 * picture[:, 40:].max()
    loudest = picture[:, 50].argmax().item()
    assert loudest == pytest.approx(3 / 12.5 * 64, abs=2)


def test_garbled_sample_leaves_no_trace() -> None:
    window = np.zeros((60, 6), np.float32)
    window[30, 0] = 50
    assert log_spectrograms(window, SLOW).abs().max() < 1e-6


def test_gravity_leaves_no_trace_to_the_very_ends() -> None:
    window = np.ones((60, 6), np.float32)
    assert log_spectrograms(window, SLOW).abs().max() < 1e-5


def test_training_data_are_brought_to_mean_0_and_deviation_1() -> None:
    windows = [movement(samples, seed=samples) for samples in (40, 90, 423)]
    scale = fit_scale(iter(windows), SLOW)
    assert scale.rate_hz == 25
    pairs = [spectrograms(window, SLOW, scale) for window in windows]
    for pictures in zip(*pairs, strict=True):
        cells = torch.stack(pictures).double()
        assert cells.mean().item() == pytest.approx(0, abs=1e-5)
        assert cells.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_each_sensor_has_its_own_scale() -> None:
    window = movement(50)
    acc, gyro = log_spectrograms(window, SLOW)
    found = spectrograms(window, SLOW, SpectrogramScale(25.0, 1.0, 2.0, 3.0, 4.0))
    torch.testing.assert_close(found[0], (acc - 1) / 2)
    torch.testing.assert_close(found[1], (gyro - 3) / 4)


@pytest.mark.parametrize("rate_hz", [25.0, 50.0])
def test_levels_say_which_way_is_down_and_when(rate_hz: float) -> None:
    form = ImuFormat(rate_hz, "mps2", "radps")
    window = movement(round(3 * rate_hz)).astype(np.float64)
    window[:, :3] += [0, 9.81, 0]
    window[len(window) // 2 :, :3] += [-9.81, -9.81, 0]  # the wearer lies now
    window[10, 2] = 500  # garbled on its way
    plain = SpectrogramScale(rate_hz, 1.0, 2.0, 3.0, 4.0)
    acc, gyro = spectrograms(window, form, replace(plain, levels=True))
    without = spectrograms(window, form, plain)
    torch.testing.assert_close(acc[:, 4:], without[0][:, 4:])
    torch.testing.assert_close(gyro, without[1])
    for down, column in (([0, 2, 0], 5), ([-2, 0, 0], 60)):
        found = acc[:, :4, column]
        assert (found == found[:, :1]).all()
        np.testing.assert_allclose(found[:, 0], down, atol=0.5)


@pytest.mark.parametrize(
    ("rate_hz", "samples", "least"), [(25.0, 15, 16), (50.0, 31, 32), (25.0, 0, 16)]
)
def test_window_that_is_too_short_is_refused(
    rate_hz: float, samples: int, least: int
) -> None:
    expected = (
        rf"^an IMU window of {samples} samples, expected at least {least}: "
        rf"0\.64 s at {rate_hz:g} Hz$"
    )
    with pytest.raises(ValueError, match=expected):
        log_spectrograms(np.zeros((samples, 6)), replace(SLOW, rate_hz=rate_hz))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_window_with_a_sample_that_is_no_number_is_refused(value: float) -> None:
    window = movement(40)
    window[3, 3] = value
    expected = r"^an IMU window holds NaN or infinite samples$"
    with pytest.raises(ValueError, match=expected):
        log_spectrograms(window, SLOW)


def test_scale_of_another_rate_is_refused() -> None:
    expected = r"^samples at 50 Hz, but the scale is of 25 Hz$"
    with pytest.raises(ValueError, match=expected):
        spectrograms(movement(100), replace(SLOW, rate_hz=50.0), UNSCALED)
    drifting = replace(SLOW, rate_hz=25.2)
    assert spectrograms(movement(100), drifting, UNSCALED)[0].isfinite().all()


def test_nothing_can_be_fitted_on_nothing_or_on_stillness() -> None:
    expected = r"^no window to fit the scale of spectrograms on$"
    with pytest.raises(ValueError, match=expected):
        fit_scale([], SLOW)
    with pytest.raises(ValueError, match=r"^acc_deviation 0\.0, expected above 0"):
        fit_scale([np.zeros((40, 6))], SLOW)


@pytest.mark.parametrize(
    ("rate_hz", "message"),
    [
        (6.0, r"^rate_hz 6\.0, expected at least 6\.25 and finite$"),
        (math.inf, r"^rate_hz inf, "),
        (math.nan, r"^rate_hz nan, "),
    ],
)
def test_rate_out_of_range_is_refused(rate_hz: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImuFormat(rate_hz, "g", "radps")


def test_lowest_rate_works() -> None:
    form = replace(SLOW, rate_hz=6.25)
    assert (form.window_samples, form.hop_samples) == (4, 1)
    assert log_spectrograms(movement(30), form).isfinite().all()


@pytest.mark.parametrize(
    "change",
    [
        {"rate_hz": 0.0},
        {"acc_deviation": -1.0},
        {"gyro_deviation": math.nan},
        {"acc_mean": math.inf},
        {"gyro_mean": math.nan},
    ],
)
def test_scale_out_of_range_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(change))} \S+, expected "):
        replace(UNSCALED, **change)


@pytest.mark.slow
def test_encoder_learns_to_tell_strong_movements_from_weak_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torch.nn.Sequential(ImuEncoder(64), torch.nn.Linear(64, 2))
    optimiser = torch.optim.SGD(network.parameters(), 1e-2, momentum=0.9)
    right = []
    for _ in range(60):
        strong = torch.randint(2, (16,), generator=generator)
        pictures = torch.randn(16, 3, 64, 64, generator=generator)
        answer = network(pictures + 0.5 * strong[:, None, None, None])
        optimiser.zero_grad()
        torch.autograd.backward(torch.nn.functional.cross_entropy(answer, strong))
        optimiser.step()
        right.append((answer.argmax(dim=1) == strong).float().mean().item())
    assert np.mean(right[-20:]) > 0.9


def test_encoder_tells_a_low_frequency_from_a_high_one() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ImuEncoder(64)
    low, high = torch.zeros(2, 3, 64, 64)
    low[:, 16:24], high[:, 40:48] = 3.0, 3.0
    with torch.no_grad():
        first, second = encoder(torch.stack((low, high)))
    assert torch.cosine_similarity(first, second, dim=0) < 0.95


def test_encoder_of_an_odd_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^imu_width 100, expected a multiple of 64$"):
        ImuEncoder(100)
