"""The upright form of spectrograms: nothing changes with a turn about the vertical."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float32
from scipy.spatial.transform import Rotation

from models.is_clip.spectrogram import (
    ImuEncoder,
    ImuFormat,
    SpectrogramScale,
    fit_scale,
    spectrograms,
)

FORM = ImuFormat(50.0, "mps2", "radps")
UPRIGHT = SpectrogramScale(50.0, 0.0, 1.0, 0.0, 1.0, levels=True, upright_s=4.0)
G = 9.80665


def window(seconds: float = 4.0) -> Float32[np.ndarray, "sample 6"]:
    """Standing upright, with noise."""
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 0.3, (round(seconds * 50), 6))
    samples[:, 2] += G
    return samples.astype(np.float32)


@given(st.floats(-180, 180))
def test_a_turn_about_the_vertical_changes_nothing(degrees: float) -> None:
    turn = Rotation.from_euler("z", degrees, degrees=True)
    turned = np.hstack((turn.apply(window()[:, :3]), turn.apply(window()[:, 3:])))
    for before, after in zip(
        spectrograms(window(), FORM, UPRIGHT),
        spectrograms(turned.astype(np.float32), FORM, UPRIGHT),
        strict=True,
    ):
        np.testing.assert_allclose(before, after, atol=2e-3)


def test_an_impact_of_one_sample_stands_in_the_level_rows() -> None:
    hit = window()
    hit[100, 2] = 5 * G
    acc, _ = spectrograms(hit, FORM, UPRIGHT)
    highest, lowest = acc[0, 0], acc[0, 2]
    assert highest[32].item() == pytest.approx(2 * np.log(5), abs=0.1)
    assert abs(lowest[32].item()) < 0.3
    assert abs(highest[2].item()) < 0.3


def test_level_rows_tell_upright_from_lying() -> None:
    lying = window()[:, [2, 1, 0, 3, 4, 5]]
    upright, flat = (spectrograms(each, FORM, UPRIGHT)[0] for each in (window(), lying))
    assert upright[1, :4].mean().item() == pytest.approx(2, abs=0.1)
    assert flat[1, :4].mean().item() == pytest.approx(0, abs=0.1)
    assert flat[2, :4].mean().item() == pytest.approx(2, abs=0.1)


#   [first ... first | a short window]
#   [        the upright form        ]
def test_a_short_window_begins_with_its_first_sample_repeated() -> None:
    short = window(1.0)
    padded = np.concatenate((np.repeat(short[:1], 150, axis=0), short))
    for before, after in zip(
        spectrograms(short, FORM, UPRIGHT),
        spectrograms(padded, FORM, UPRIGHT),
        strict=True,
    ):
        np.testing.assert_allclose(before, after, atol=1e-5)


def test_of_a_long_window_the_end_is_used() -> None:
    long = np.concatenate((np.full((70, 6), 3, np.float32), window()))
    for before, after in zip(
        spectrograms(long, FORM, UPRIGHT),
        spectrograms(window(), FORM, UPRIGHT),
        strict=True,
    ):
        np.testing.assert_allclose(before, after, atol=1e-5)


def test_a_scale_is_fitted_on_the_cells_of_its_form() -> None:
    windows = [window() * factor for factor in (1, 2)]
    scale = fit_scale(windows, FORM, levels=True, upright_s=4.0)
    plain = fit_scale(windows, FORM)
    assert scale.upright_s == 4.0
    assert scale.acc_mean != pytest.approx(plain.acc_mean)


@pytest.mark.parametrize("seconds", [0.3, -1.0, float("inf"), float("nan")])
def test_a_form_shorter_than_a_column_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^upright_s .*, expected at least 0\.64$"):
        SpectrogramScale(50.0, 0.0, 1.0, 0.0, 1.0, upright_s=seconds)


def test_an_ordered_encoder_tells_before_from_after() -> None:
    import torch

    pictures = torch.randn(1, 3, 64, 64, generator=torch.manual_seed(0))
    turned = pictures.roll(32, dims=3)
    plain, ordered = ImuEncoder(64), ImuEncoder(64, ordered=True)
    assert ordered.bands.in_features == 4 * plain.bands.in_features

    def change(encoder: ImuEncoder) -> float:
        with torch.no_grad():
            before, after = encoder(pictures), encoder(turned)
        return float((before - after).norm() / before.norm())

    assert change(ordered) > 2 * change(plain)
