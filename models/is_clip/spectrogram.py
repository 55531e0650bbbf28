"""Spectrograms of a wearable's samples, and the network that encodes them.

    samples ─▶ g, rad/s ─▶ median of 5 ─▶ less the mean ─▶ short-time Fourier transform
            ─▶ log(1 + magnitude) ─▶ 64 x 64 ─▶ standardised for each sensor
            ─▶ plus levels (optional) ─▶ ImuEncoder ─▶ a vector for each sensor

He et al. ("Inertial Strengthened CLIP model for Zero-shot Multimodal Egocentric
Activity Recognition") use spectrograms but do not say how they are made, so all of this
is our choice. Windows are defined in seconds: a Hann window of 0.64 s moves by 0.16 s,
which is 16 and 4 samples at 25 Hz, 32 and 8 at 50 Hz, and is zero-padded to four times
its length at every rate. Only the median is defined in samples, because the corrupted
values that it removes last one sample.

Without its mean a spectrogram does not show the direction of gravity, which separates
standing from lying. The accelerometer's levels can therefore be stored in its lowest
rows, below one cycle per Hann window, with their sign.

No column reaches past the window, so nothing depends on later samples. Samples after
the last whole column are ignored.

The *upright* form is for wearables that are worn any way round. Its samples have z up,
and only the magnitude, the vertical part and the level part of each vector enter, which
no turn about the vertical changes. The median is left out, because an impact lasts one
or two samples. The level rows hold the logarithms of the greatest and the least
magnitude of each column, and the mean vertical and level parts. All windows are as long
as the longest: a shorter one, as at a stream's beginning, begins with its first sample,
repeated.
"""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from scipy.ndimage import median_filter
from torch import Tensor, nn
from torch.nn.functional import interpolate

AccUnit = Literal["g", "mps2"]
GyroUnit = Literal["radps", "degps"]

SIDE = 64
"""Rows (frequencies from zero to half the sample rate) and columns (times)."""

_WINDOW_S = 0.64
_HOP_S = 0.16
_MEDIAN_SAMPLES = 5
_PADDING = 4
_LEVEL_ROWS = 4  # rows of one cycle per window, because of the zero padding
_LEVEL_SCALE = 2.0  # value of 1 g, where cells have a standard deviation of 1
_LEAST_WINDOW = 4
_HANN_SUM = 8.0  # sum of a Hann window of 16 samples
_GROUPS = 8
_CELLS = SIDE // 16  # rows, and columns, after four halvings
_RATE_TOLERANCE = 0.02  # accuracy of a wearable's clock
_LEAST_G = 0.02  # below it a logarithm says nothing
_G_PER_UNIT = {"g": 1.0, "mps2": 1 / 9.80665}
_RADPS_PER_UNIT = {"radps": 1.0, "degps": math.pi / 180}


@final
@dataclass(frozen=True, slots=True)
class ImuFormat:
    """Rate and units of a wearable's samples.

    Attributes:
        rate_hz: Samples per second, at least 6.25, so that a window holds 4 samples.
        acc_unit: Unit of the first three columns: acceleration in x, y, z with gravity.
        gyro_unit: Unit of the last three columns: turn rate about x, y, z.

    Raises:
        ValueError: If the rate is too low or not finite.
    """

    rate_hz: float
    acc_unit: AccUnit
    gyro_unit: GyroUnit

    def __post_init__(self) -> None:
        least_hz = _LEAST_WINDOW / _WINDOW_S
        if not least_hz <= self.rate_hz < math.inf:
            msg = f"rate_hz {self.rate_hz}, expected at least {least_hz} and finite"
            raise ValueError(msg)

    @property
    def window_samples(self) -> int:
        """Samples of the short-time transform's window."""
        return round(_WINDOW_S * self.rate_hz)

    @property
    def hop_samples(self) -> int:
        """Samples from one column to the next."""
        return round(_HOP_S * self.rate_hz)


@final
@dataclass(frozen=True, slots=True)
class SpectrogramScale:
    """Mean and deviation that standardise each sensor's spectrograms.

    Attributes:
        rate_hz: Samples per second of the windows that it was fitted on.
        acc_mean: Mean over all cells of the accelerometer's spectrograms.
        acc_deviation: Standard deviation of these cells; positive.
        gyro_mean: Mean over all cells of the gyroscope's spectrograms.
        gyro_deviation: Standard deviation of these cells; positive.
        levels: Whether the accelerometer's lowest rows hold its levels.
        upright_s: Length of every window in the upright form, in seconds; None for
            spectrograms of the sensor's own axes.

    Raises:
        ValueError: If a value is out of its range.
    """

    rate_hz: float
    acc_mean: float
    acc_deviation: float
    gyro_mean: float
    gyro_deviation: float
    levels: bool = False
    upright_s: float | None = None

    def __post_init__(self) -> None:
        if self.upright_s is not None and not _WINDOW_S <= self.upright_s < math.inf:
            msg = f"upright_s {self.upright_s}, expected at least {_WINDOW_S}"
            raise ValueError(msg)
        for name in ("rate_hz", "acc_deviation", "gyro_deviation"):
            if not 0 < getattr(self, name) < math.inf:
                msg = f"{name} {getattr(self, name)}, expected above 0 and finite"
                raise ValueError(msg)
        for name in ("acc_mean", "gyro_mean"):
            if not math.isfinite(getattr(self, name)):
                msg = f"{name} {getattr(self, name)}, expected a finite number"
                raise ValueError(msg)


def fit_scale(
    windows: Iterable[Float[np.ndarray, "_sample 6"]],
    form: ImuFormat,
    *,
    levels: bool = False,
    upright_s: float | None = None,
) -> SpectrogramScale:
    """Fit a scale on windows of the training data.

    Args:
        windows: Windows of any length, which count equally.
        form: Rate and units of all windows.
        levels: Whether the accelerometer's lowest rows will hold its levels, as in
            ``SpectrogramScale``. The fit uses the original cells in either case.
        upright_s: Length of windows in the upright form, as in ``SpectrogramScale``.

    Raises:
        ValueError: If there is no window, ``log_spectrograms`` refuses one, or a
            sensor's spectrograms are constant.
    """
    totals = np.zeros((2, 2))  # sensor, then sum and sum of squares
    count = 0
    for window in windows:
        axes = _axes(window, form, upright_s)
        cells = _log_pictures(axes, form).double().numpy().reshape(2, -1)
        totals += np.stack([cells.sum(axis=1), (cells**2).sum(axis=1)], axis=1)
        count += cells.shape[1]
    if count == 0:
        msg = "no window to fit the scale of spectrograms on"
        raise ValueError(msg)
    means = totals[:, 0] / count
    deviations = np.sqrt(np.maximum(totals[:, 1] / count - means**2, 0))
    return SpectrogramScale(
        rate_hz=form.rate_hz,
        acc_mean=float(means[0]),
        acc_deviation=float(deviations[0]),
        gyro_mean=float(means[1]),
        gyro_deviation=float(deviations[1]),
        levels=levels,
        upright_s=upright_s,
    )


def spectrograms(
    window: Float[np.ndarray, "sample 6"], form: ImuFormat, scale: SpectrogramScale
) -> tuple[Float32[Tensor, "3 64 64"], Float32[Tensor, "3 64 64"]]:
    """Convert a window to the input of the IMU encoder.

    The window has at least 0.64 s; the scale was fitted on data of the same rate.

    Returns:
        The accelerometer's and the gyroscope's pictures: axis, frequency, time.

    Raises:
        ValueError: If ``log_spectrograms`` refuses the window, or the scale has another
            rate.
    """
    if not math.isclose(form.rate_hz, scale.rate_hz, rel_tol=_RATE_TOLERANCE):
        msg = (
            f"samples at {form.rate_hz:g} Hz, but the scale is of {scale.rate_hz:g} Hz"
        )
        raise ValueError(msg)
    axes = _axes(window, form, scale.upright_s)
    acc, gyro = _log_pictures(axes, form)
    acc = (acc - scale.acc_mean) / scale.acc_deviation
    if scale.levels:
        stretches = _stretches(axes[:3], form)
        levels = _means(stretches) if scale.upright_s is None else _peaks(stretches)
        acc[:, :_LEVEL_ROWS] = _LEVEL_SCALE * levels
    return acc, (gyro - scale.gyro_mean) / scale.gyro_deviation


def _means(
    stretches: Float64[np.ndarray, "3 time stretch"],
) -> Float32[Tensor, "3 4 64"]:
    """Return the mean acceleration in the span of each column, in g, in every row."""
    means = _columns(stretches.mean(axis=-1))
    return means[:, None].expand(-1, _LEVEL_ROWS, -1)


def _peaks(
    stretches: Float64[np.ndarray, "3 time stretch"],
) -> Float32[Tensor, "3 4 64"]:
    """Return extremes of the magnitude, then the means of its two parts."""
    logs = np.log(np.maximum(stretches[0], _LEAST_G))
    highest, lowest = _columns(np.stack((logs.max(axis=-1), logs.min(axis=-1))))
    upwards, level = _columns(stretches[1:].mean(axis=-1))
    extremes = torch.stack((highest, highest, lowest, lowest))
    return torch.stack((extremes, upwards.expand(4, -1), level.expand(4, -1)))


def _columns(values: Float64[np.ndarray, "row time"]) -> Float32[Tensor, "row 64"]:
    """Return values for each column of the picture."""
    rows = torch.from_numpy(values)[None]
    return interpolate(rows, SIDE, mode="linear", align_corners=False)[0].float()


def log_spectrograms(
    window: Float[np.ndarray, "sample 6"], form: ImuFormat
) -> Float32[Tensor, "2 3 64 64"]:
    """Compute spectrograms without a scale.

    The window has at least 0.64 s.

    Returns:
        Sensor (accelerometer, gyroscope), axis, frequency, time.

    Raises:
        ValueError: If the window is shorter than 0.64 s, or a sample is not finite.
    """
    return _log_pictures(_axes(window, form, None), form)


def _axes(
    window: Float[np.ndarray, "sample 6"], form: ImuFormat, upright_s: float | None
) -> Float64[np.ndarray, "6 _sample"]:
    """Return the six signals of a window that are transformed, in g and rad/s.

    Raises:
        ValueError: If the window is shorter than 0.64 s, or a sample is not finite.
    """
    if len(window) < form.window_samples:
        msg = (
            f"an IMU window of {len(window)} samples, expected at least"
            f" {form.window_samples}: {_WINDOW_S} s at {form.rate_hz:g} Hz"
        )
        raise ValueError(msg)
    if not np.isfinite(window).all():
        msg = "an IMU window holds NaN or infinite samples"
        raise ValueError(msg)
    units = np.repeat([_G_PER_UNIT[form.acc_unit], _RADPS_PER_UNIT[form.gyro_unit]], 3)
    axes = window.T.astype(np.float64) * units[:, None]
    if upright_s is None:
        return _median(axes)
    wanted = round(upright_s * form.rate_hz)
    missing = max(0, wanted - axes.shape[1])
    axes = np.pad(axes[:, -wanted:], ((0, 0), (missing, 0)), mode="edge")
    return np.concatenate([_parts(vector) for vector in (axes[:3], axes[3:])])


def _parts(
    vectors: Float64[np.ndarray, "3 sample"],
) -> Float64[np.ndarray, "3 sample"]:
    """Return the magnitude, the vertical part and the level part of vectors."""
    level = np.hypot(vectors[0], vectors[1])
    return np.stack((np.linalg.norm(vectors, axis=0), vectors[2], level))


def _log_pictures(
    axes: Float64[np.ndarray, "6 sample"], form: ImuFormat
) -> Float32[Tensor, "2 3 64 64"]:
    """Transform six signals: sensor, axis, frequency, time."""
    moving = axes - axes.mean(axis=1, keepdims=True)
    cells = np.log1p(_magnitudes(moving, form))
    # antialias, so that every column of a long window contributes to the picture
    pictures = interpolate(
        torch.from_numpy(cells)[None],
        (SIDE, SIDE),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
    return pictures.float().reshape(2, 3, SIDE, SIDE)


def _median(
    axes: Float64[np.ndarray, "axis sample"],
) -> Float64[np.ndarray, "axis sample"]:
    """Compute the median around each sample; the ends hold the last value."""
    size = 1, _MEDIAN_SAMPLES
    clean: Float64[np.ndarray, "axis sample"] = median_filter(
        axes, size, mode="nearest"
    )
    return clean


def _magnitudes(
    axes: Float64[np.ndarray, "axis sample"], form: ImuFormat
) -> Float64[np.ndarray, "axis frequency time"]:
    """Compute the short-time Fourier transform.

    The Hann window sums to 8 at every rate, as at 25 Hz, so that the same movement has
    the same strength at any rate.
    """
    samples = form.window_samples
    window = np.hanning(samples + 1)[:-1]
    window *= _HANN_SUM / window.sum()
    columns = _stretches(axes, form) * window
    spectra = np.fft.rfft(columns, n=_PADDING * samples, axis=-1)
    return np.abs(spectra).swapaxes(1, 2)


def _stretches(
    axes: Float64[np.ndarray, "axis sample"], form: ImuFormat
) -> Float64[np.ndarray, "axis time stretch"]:
    """Cut a window into the spans of its columns."""
    every = np.lib.stride_tricks.sliding_window_view(axes, form.window_samples, axis=1)
    return every[:, :: form.hop_samples]


@final
class ImuEncoder(nn.Module):
    """Encodes spectrograms of one sensor; both sensors use the same weights.

    The paper does not specify an encoder. Ours has four convolutions that halve the
    picture, then the mean over time. Frequencies stay separate to the end, because they
    distinguish movements. The first convolution has no norm after it: a group norm
    there would remove the strength of a movement.

    Args:
        width: Channels of the last convolution and of the output.
        ordered: Whether the quarters of the window stay separate as well, which tells
            what came before an impact from what came after it.

    Raises:
        ValueError: If ``width`` is not a multiple of 64 (8 channels at first, 8
            groups).
    """

    def __init__(self, width: int, *, ordered: bool = False) -> None:
        super().__init__()
        if width < 64 or width % 64:
            msg = f"imu_width {width}, expected a multiple of 64"
            raise ValueError(msg)
        widths = (width // 8, width // 4, width // 2, width)
        stages: list[nn.Module] = [nn.Conv2d(3, widths[0], 3, stride=2, padding=1)]
        for before, after in itertools.pairwise(widths):
            stages += [
                nn.ReLU(),
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(_GROUPS, after),
            ]
        self.stages = nn.Sequential(*stages, nn.ReLU())
        self._ordered = ordered
        self.bands = nn.Linear(_CELLS * (_CELLS if ordered else 1) * width, width)

    def forward(
        self, pictures: Float32[Tensor, "clip 3 64 64"]
    ) -> Float32[Tensor, "clip width"]:
        """Encode the output of ``spectrograms``: axis, frequency, time."""
        cells: Tensor = self.stages(pictures)  # clip, width, 4 frequencies, 4 times
        kept = cells if self._ordered else cells.mean(dim=3)
        encoded: Tensor = self.bands(kept.flatten(1))
        return encoded.relu()
