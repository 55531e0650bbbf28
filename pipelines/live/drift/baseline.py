"""Baseline of a subject's signals, and the alert threshold for chance deviations.

    learning period ─▶ blocks ─▶ Baseline (mean and deviation by hour of the day)
                          │
                          └─ resample days ─▶ another baseline, another week ─▶ CUSUM
                                    the tail of its peaks ─▶ threshold

The threshold is the level that the CUSUM peaks of an unchanged subject exceed at the
configured rate. One week has no peak that occurs once a month. But the rate of CUSUM
peaks falls exponentially with their height, so the threshold is extrapolated from the
many lower peaks. Each resampled week is scored against a resampled baseline, so that
the threshold includes the uncertainty of a baseline from few days. Sources: block
bootstrap, Künsch 1989, doi 10.1214/aos/1176347265; the exponential tail, Iglehart 1972,
doi 10.1214/aoms/1177692567.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

HOURS = 24

_PRIOR_DAYS = 7.0
"""Weight, in days, of the pooled deviation in each hour's deviation."""

_ODDNESS = 0.42
"""Share of the difference of two days that is added to a third day: a short learning
period has not seen the most unusual day of a month. Chosen by the rate of false alerts
on streams of the drift study's kinds, with seeds that the study does not use."""

REFERENCE = 0.5
"""Reference value of the CUSUM: the allowance in each block, in standard deviations."""

_TAIL_SHARE = 0.05
"""Share of all peaks, the highest ones, that the tail is fitted to."""
CAP = 8.0
"""Least cap of a block's score, in standard deviations."""
_BLOCK_SHARE = 0.55
"""Largest share of a threshold that a single block may contribute."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Frozen means and deviations of the signals, in the order of ``SIGNALS``.

    Attributes:
        mean: Mean of each hour of the day; shrunk towards the mean of all hours when
            learnt from few days.
        deviation: Standard deviation of a block from the mean; above zero, or NaN for
            a signal that was never measured.
        threshold: Level of the CUSUM that alerts, in standard deviations; no single
            block reaches it.
        days: Number of days that the baseline was learnt from.
    """

    mean: Float64[np.ndarray, "hour signal"]
    deviation: Float64[np.ndarray, "hour signal"]
    threshold: float
    days: float


def learn_baseline(
    blocks: Float64[np.ndarray, "block signal"],
    hours: Int64[np.ndarray, " block"],
    floors: Float64[np.ndarray, " signal"],
    *,
    blocks_per_day: int,
    false_alert_days: float,
    rng: np.random.Generator,
    draws: int = 60,
) -> Baseline:
    """Learn the baseline, and set the threshold.

    Args:
        blocks: Block means in order of time, NaN where nothing was measured.
        hours: Hour of the day of each block, 0 to 23.
        floors: Lower bound of each signal's standard deviation.
        blocks_per_day: Number of blocks in a day.
        false_alert_days: Configured mean time between false alerts over all signals,
            in days.
        rng: Generator that draws the days.
        draws: Number of resampled periods.

    Raises:
        ValueError: If there is less than a day of blocks.
    """
    days = len(blocks) / blocks_per_day
    if days < 1:
        msg = f"{len(blocks)} blocks are less than a day of {blocks_per_day}"
        raise ValueError(msg)
    mean, deviation = _moments(blocks, hours, floors, days)
    drawn = [
        _drawn_scores(blocks, hours, floors, blocks_per_day, rng) for _ in range(draws)
    ]
    # The cap depends on the threshold and the threshold on the cap: iterate once.
    threshold = _threshold_of(drawn, CAP, false_alert_days)
    threshold = _threshold_of(drawn, block_cap(threshold), false_alert_days)
    return Baseline(mean, deviation, threshold, days)


def block_cap(threshold: float) -> float:
    """Return the largest score of one block, in standard deviations.

    Two extreme blocks in a row alert at any threshold; one never does.
    """
    return max(CAP, _BLOCK_SHARE * threshold + REFERENCE)


def _threshold_of(
    drawn: Sequence[Float64[np.ndarray, "day step signal"]],
    cap: float,
    false_alert_days: float,
) -> float:
    """Return the level that peaks of the drawn days exceed at the configured rate."""
    peaks: list[Float64[np.ndarray, " peak"]] = []
    highest: list[float] = []
    for days in drawn:
        scores = np.clip(days, -cap, cap)
        peaks.append(cusum_peaks(scores.reshape(-1, scores.shape[2])))
        highest += [float(cusum_peaks(day).max(initial=0.0)) for day in scores]
    by_chance = _level_of_rate(
        np.concatenate(peaks), len(highest), 1 / false_alert_days
    )
    by_day = float(np.quantile(highest, 1 - 1 / false_alert_days))
    return max(by_chance, by_day, CAP)


def _moments(
    blocks: Float64[np.ndarray, "block signal"],
    hours: Int64[np.ndarray, " block"],
    floors: Float64[np.ndarray, " signal"],
    days: float,
) -> tuple[Float64[np.ndarray, "hour signal"], Float64[np.ndarray, "hour signal"]]:
    """Return each hour's mean and deviation, shrunk towards those of all hours.

    The mean is shrunk by the share of the differences between hours that chance
    explains: a room without day and night has one mean for all hours, and a room that
    is dark at night has two.
    """
    seen = np.isfinite(blocks)
    values = np.where(seen, blocks, 0.0)
    pooled = values.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    away = np.where(seen, values - pooled, 0.0)
    counts, sums, squares = (
        _by_hour(values, hours) for values in (seen.astype(np.float64), away, away**2)
    )
    own = sums / np.maximum(counts, 1)
    within = np.maximum(squares - counts * own**2, 0.0)
    variance = within.sum(axis=0) / np.maximum(seen.sum(axis=0) - HOURS, 1)
    # Blocks of one hour of one day are correlated: a day counts as one measurement.
    chance = variance / max(days, 1.0)
    between = np.maximum((own**2).mean(axis=0) - chance, 0.0)
    trust = between / np.maximum(between + chance, 1e-12)
    mean = pooled + np.where(counts > 0, trust * own, 0.0)
    around = squares - 2 * trust * own * sums + counts * (trust * own) ** 2
    overall = around.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    prior = _PRIOR_DAYS / max(days, 1.0) * counts.mean(axis=0)
    spread = (around + prior * overall) / np.maximum(counts + prior, 1e-12)
    # Rounding makes the variance of a constant signal slightly negative.
    deviation = np.maximum(np.sqrt(np.maximum(spread, 0.0)), floors)
    return mean, np.where(seen.any(axis=0), deviation, np.nan)


def _by_hour(
    values: Float64[np.ndarray, "block signal"], hours: Int64[np.ndarray, " block"]
) -> Float64[np.ndarray, "hour signal"]:
    sums = np.zeros((HOURS, values.shape[1]))
    np.add.at(sums, hours, values)
    return sums


def _drawn_scores(
    blocks: Float64[np.ndarray, "block signal"],
    hours: Int64[np.ndarray, " block"],
    floors: Float64[np.ndarray, " signal"],
    blocks_per_day: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "day step signal"]:
    """Draw a learning period and as many days after it; score those days, uncapped."""
    whole = len(blocks) // blocks_per_day
    days = np.arange(whole * blocks_per_day).reshape(whole, blocks_per_day)
    learnt = days[rng.integers(whole, size=whole)].ravel()
    mean, deviation = _moments(blocks[learnt], hours[learnt], floors, whole)
    lived, one, other = (days[rng.integers(whole, size=whole)] for _ in range(3))
    odd = _quarters(blocks[one]) - _quarters(blocks[other])
    values = blocks[lived] + _ODDNESS * np.nan_to_num(odd)
    return standard_scores(values, mean[hours[lived]], deviation[hours[lived]])


def _quarters(
    values: Float64[np.ndarray, "day step signal"],
) -> Float64[np.ndarray, "day step signal"]:
    """Replace each block by the mean of its quarter of a day."""
    parts = np.array_split(np.arange(values.shape[1]), 4)
    return np.concatenate(
        [
            np.broadcast_to(
                _mean_seen(values[:, part]), (len(values), len(part), values.shape[2])
            )
            for part in parts
        ],
        axis=1,
    )


def _mean_seen(
    values: Float64[np.ndarray, "day step signal"],
) -> Float64[np.ndarray, "day 1 signal"]:
    seen = np.isfinite(values)
    sums = np.where(seen, values, 0.0).sum(axis=1, keepdims=True)
    mean: Float64[np.ndarray, "day 1 signal"] = sums / np.maximum(
        seen.sum(axis=1, keepdims=True), 1
    )
    return mean


def _level_of_rate(
    peaks: Float64[np.ndarray, " peak"], days: float, per_day: float
) -> float:
    """Return the level that peaks exceed ``per_day`` times a day (exponential tail)."""
    count = round(_TAIL_SHARE * len(peaks))
    if count < 1:
        return 0.0
    ordered = np.partition(peaks, len(peaks) - count - 1)
    level, above = float(ordered[-count - 1]), ordered[-count:]
    scale = float((above - level).mean())
    return level + scale * float(np.log(count / days / per_day))


def standard_scores(
    values: Float64[np.ndarray, "*block signal"],
    mean: Float64[np.ndarray, "*block signal"],
    deviation: Float64[np.ndarray, "*block signal"],
    cap: float = np.inf,
) -> Float64[np.ndarray, "*block signal"]:
    """Return distances from the mean in standard deviations, capped; 0 for NaN."""
    scores: Float64[np.ndarray, "*block signal"] = np.nan_to_num(
        (values - mean) / deviation, nan=0.0
    )
    capped: Float64[np.ndarray, "*block signal"] = np.clip(scores, -cap, cap)
    return capped


def cusum_peaks(
    scores: Float64[np.ndarray, "block signal"],
) -> Float64[np.ndarray, " peak"]:
    """Return the peak of every excursion from zero of each two-sided CUSUM.

    A CUSUM from zero is the running sum less its running minimum.
    """
    both = np.concatenate((scores, -scores), axis=1) - REFERENCE
    sums = np.cumsum(both, axis=0)
    lowest = np.minimum(np.minimum.accumulate(sums, axis=0), 0.0)
    # concatenate the series, each with a leading zero
    heights = np.vstack((np.zeros(both.shape[1]), sums - lowest)).T.ravel()
    peaks: Float64[np.ndarray, " peak"] = np.maximum.reduceat(
        heights, np.flatnonzero(heights == 0.0)
    )
    return peaks[peaks > 0]
