"""Compare the strongest moment of real trials with that of simulated ones, as a plot.

For each trial: the peak of |a|, and the spectrum of |a| in the second around it. Falls
and activities apart, real and simulated side by side.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pipelines.lab.data.trials.trial import STANDARD_GRAVITY_MPS2, WearableTrial
from pipelines.lab.studies.models.plots import new_figure

_RATE_HZ = 50.0
_AROUND_S = 1.0
_FLOOR_G = 1e-3


def plot_impacts(
    real: Sequence[WearableTrial], simulated: Sequence[WearableTrial], path: Path
) -> None:
    """Draw shares of trials by their peak, and median spectra around it.

    Raises:
        OSError: If the file cannot be written.
    """
    figure = new_figure(9.0, 4.0)
    figure.set_layout_engine("constrained")
    peaks, spectra = figure.subplots(1, 2)
    for source, trials, line in (("real", real, "-"), ("simulated", simulated, "--")):
        for is_fall, colour in ((True, "tab:red"), (False, "tab:blue")):
            chosen = [trial for trial in trials if trial.is_fall == is_fall]
            if not chosen:
                continue
            kind = "falls" if is_fall else "activities"
            name = f"{source} {kind} ({len(chosen)})"
            sizes = [_magnitude_g(trial) for trial in chosen]
            ordered = np.sort([size.max() for size in sizes])
            shares = np.arange(1, len(ordered) + 1) / len(ordered)
            peaks.plot(ordered, shares, line, color=colour, label=name)
            spectrum = np.median([_spectrum_g(size) for size in sizes], axis=0)
            spectra.semilogy(_frequencies_hz(), spectrum, line, color=colour)
    peaks.set(xlabel="peak of |a| (g)", ylabel="share of trials below", xlim=(0, 12))
    peaks.legend(fontsize=8)
    spectra.set(xlabel="frequency (Hz)", ylabel="|a| around the peak (g, median)")
    figure.savefig(path, dpi=130)


def _magnitude_g(trial: WearableTrial) -> Float64[np.ndarray, " sample"]:
    """Return |a| at a steady rate."""
    times_s = np.arange(0.0, max(trial.seconds, 1 / _RATE_HZ), 1 / _RATE_HZ)
    axes = [np.interp(times_s, trial.times_s, axis) for axis in trial.accel_mps2.T]
    sizes: Float64[np.ndarray, " sample"] = np.linalg.norm(axes, axis=0)
    return sizes / STANDARD_GRAVITY_MPS2


def _spectrum_g(size: Float64[np.ndarray, " sample"]) -> Float64[np.ndarray, " row"]:
    """Return the spectrum of the second around the peak."""
    half = round(_AROUND_S * _RATE_HZ / 2)
    padded = np.pad(size, half, mode="edge")
    around = padded[int(size.argmax()) :][: 2 * half]
    moving = (around - around.mean()) * np.hanning(2 * half)
    amplitudes = np.abs(np.fft.rfft(moving)) / half
    spectrum: Float64[np.ndarray, " row"] = np.maximum(amplitudes, _FLOOR_G)
    return spectrum


def _frequencies_hz() -> Float64[np.ndarray, " row"]:
    half = round(_AROUND_S * _RATE_HZ / 2)
    return np.fft.rfftfreq(2 * half, 1 / _RATE_HZ)
