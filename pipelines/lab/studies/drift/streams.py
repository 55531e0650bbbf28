"""Stable streams: months of blocks of a subject for whom nothing changes.

A series of clips with autocorrelation rho, one per second, is not drawn clip by clip:
the mean of a block and the state at its end are jointly normal given the state before
it, so that a block needs two random numbers and is still exact.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pipelines.live.drift.settings import SIGNALS

CLIPS_PER_BLOCK = 300
BLOCKS_PER_DAY = 288

_TYPICAL = {
    "confidence": (0.70, 0.15),
    "margin": (0.50, 0.20),
    "entropy": (0.80, 0.30),
    "distance": (0.15, 0.05),
    "luma": (110.0, 12.0),
    "sharpness": (0.15, 0.02),
    "covered": (0.20, 0.04),
    "black": (0.05, 0.02),
    "shift": (0.60, 0.60),
    "imu_missing": (0.01, 0.05),
    "imu_offset": (0.0, 0.02),
}
"""Mean and standard deviation of one clip, similar to those of simulated footage."""

_SHARED = 0.9
"""Correlation of margin, and of negative entropy, with confidence."""


@dataclass(frozen=True, slots=True)
class StableStream:
    """A kind of stream.

    ``draw`` draws blocks from midnight on for a number of days.
    """

    name: str
    draw: Callable[[int, np.random.Generator], Float64[np.ndarray, "block signal"]]


def autocorrelated(rho: float) -> StableStream:
    """Return a stream of clips with autocorrelation ``rho``, without daily changes."""

    def draw(
        days: int, rng: np.random.Generator
    ) -> Float64[np.ndarray, "block signal"]:
        return _in_units(_block_means(rho, days * BLOCKS_PER_DAY, rng))

    return StableStream(f"autocorrelated, rho {rho:g}", draw)


def day_and_night() -> StableStream:
    """Return a stream whose nights differ from days, with varying days and outliers.

    At night the confidence is higher and the picture darker. The start and the activity
    of the day vary from day to day. The noise follows Student's t with three degrees of
    freedom, and a quarter of it lasts into the next block.
    """

    def draw(
        days: int, rng: np.random.Generator
    ) -> Float64[np.ndarray, "block signal"]:
        count = days * BLOCKS_PER_DAY
        hours = np.arange(count) % BLOCKS_PER_DAY / BLOCKS_PER_DAY * 24
        day = np.arange(count) // BLOCKS_PER_DAY
        wakes, sleeps = rng.normal(7, 0.4, days)[day], rng.normal(22, 0.5, days)[day]
        lively = rng.normal(1, 0.15, days)[day]
        awake = lively / (1 + np.exp(-4 * (hours - wakes)))
        awake = awake / (1 + np.exp(4 * (hours - sleeps)))
        wild = _mixed(rng.standard_t(3, (count, len(SIGNALS))) / np.sqrt(3))
        for block in range(1, count):
            wild[block] += 0.25 * wild[block - 1]
        clear = rng.normal(1, 0.05, days)[day]
        light = (
            clear / (1 + np.exp(-3 * (hours - 6.5))) / (1 + np.exp(3 * (hours - 21)))
        )
        activity = {"confidence": -0.5, "margin": -0.5, "entropy": 0.5, "distance": 0.5}
        lamp = {"luma": 1.5, "sharpness": -0.5, "covered": -0.5}
        swing = [
            activity.get(name, 0.0) * awake + lamp.get(name, 0.0) * light
            for name in SIGNALS
        ]
        return _in_units(0.25 * wild + np.stack(swing, axis=1))

    return StableStream("day and night, heavy tails", draw)


def all_streams() -> tuple[StableStream, ...]:
    """Return all stable streams of the study."""
    return (*(autocorrelated(rho) for rho in (0.0, 0.9, 0.99)), day_and_night())


def clip_series(
    rho: float, clips: int, rng: np.random.Generator
) -> Float64[np.ndarray, " clip"]:
    """Draw the confidence of single clips, for detectors that do not use blocks."""
    from scipy.signal import lfilter

    noise = rng.standard_normal(clips) * np.sqrt(1 - rho**2)
    noise[0] = rng.standard_normal()
    mean, deviation = _TYPICAL["confidence"]
    series: Float64[np.ndarray, " clip"] = lfilter([1.0], [1.0, -rho], noise)
    clipped: Float64[np.ndarray, " clip"] = np.clip(mean + deviation * series, 0, 1)
    return clipped


def _block_means(
    rho: float, count: int, rng: np.random.Generator
) -> Float64[np.ndarray, "block signal"]:
    """Draw block means of standardised clips exactly."""
    n = CLIPS_PER_BLOCK
    powers = rho ** np.arange(n)
    # weights of a clip's noise e_i (i = 1 … n) in the mean, and in the state at the end
    in_mean = np.cumsum(powers)[::-1] / n
    at_end = powers[::-1]
    scale = np.sqrt(1 - rho**2)
    covariance = scale**2 * np.array(
        [[in_mean @ in_mean, in_mean @ at_end], [in_mean @ at_end, at_end @ at_end]]
    )
    carried_mean, carried_end = (rho * powers).sum() / n, rho**n
    noise = rng.multivariate_normal(np.zeros(2), covariance, (count, len(SIGNALS)))
    state = rng.standard_normal(len(SIGNALS))
    means = np.empty((count, len(SIGNALS)))
    for block in range(count):
        means[block] = carried_mean * state + noise[block, :, 0]
        state = carried_end * state + noise[block, :, 1]
    return _mixed(means)


def _mixed(
    independent: Float64[np.ndarray, "block signal"],
) -> Float64[np.ndarray, "block signal"]:
    """Correlate margin positively and entropy negatively with confidence."""
    names = tuple(SIGNALS)
    mixed = independent.copy()
    confidence = independent[:, names.index("confidence")]
    own = np.sqrt(1 - _SHARED**2)
    for name, sign in (("margin", 1.0), ("entropy", -1.0)):
        place = names.index(name)
        mixed[:, place] = sign * _SHARED * confidence + own * independent[:, place]
    return mixed


def _in_units(
    standard: Float64[np.ndarray, "block signal"],
) -> Float64[np.ndarray, "block signal"]:
    means = np.array([_TYPICAL[name][0] for name in SIGNALS])
    deviations = np.array([_TYPICAL[name][1] for name in SIGNALS])
    blocks: Float64[np.ndarray, "block signal"] = means + deviations * standard
    return blocks
