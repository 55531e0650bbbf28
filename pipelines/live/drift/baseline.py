"""What is normal for a subject, and how far from it chance alone leads.

    learning period ─▶ blocks ─▶ Baseline (mean and deviation by hour of the day)
                          │
                          └─ draw days anew ─▶ another baseline, another week ─▶ CUSUM
                                    the tail of its peaks ─▶ threshold

The threshold is where, on a subject on whom nothing changes, peaks of the sums come as
rarely as stated. A week has no such peak, for it is to come once a month: but high
peaks of a CUSUM thin out exponentially, and that tail is read from the many lower ones.
Each drawn week is judged by a baseline that was drawn anew too, so that what few days
teach is not taken for truth. Sources: block bootstrap, Künsch 1989, doi
10.1214/aos/1176347265; the exponential tail, Iglehart 1972, doi
10.1214/aoms/1177692567.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

HOURS = 24

_PRIOR_DAYS = 7.0
"""Days of all hours' deviation that an hour's own is mixed with."""

_ODDNESS = 0.42
"""How much of the difference of two days is added to a third: with few days, the oddest
of a month has not been seen yet. Chosen by the rate of false alerts on the
drift study's own kinds of streams, of seeds that it does not draw."""

REFERENCE = 0.5
"""What a CUSUM lets pass in each block, in standard deviations."""

_TAIL_SHARE = 0.05
"""Share of all peaks that is taken for the tail."""
CAP = 8.0
"""No block counts for fewer standard deviations than it has, up to here."""
_BLOCK_SHARE = 0.55
"""Share of a threshold that a single block may fill."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A frozen idea of normal, in the order of the signals.

    Attributes:
        mean: Of each hour of the day; shrunk towards all hours' mean when learnt from
            few days.
        deviation: Standard deviation of a block about it; above zero, or NaN where
            nothing was ever measured.
        threshold: Where a CUSUM alerts, in standard deviations; no single block
            reaches it.
        days: How many it was learnt from.
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
    """Learn what is normal, and set the threshold.

    Args:
        blocks: Block means in order of time, NaN where there was nothing to measure.
        hours: Hour of the day of each block.
        floors: Least standard deviation of each signal that is believed.
        blocks_per_day: How many make a day.
        false_alert_days: Stated mean time between false alerts, over all signals.
        rng: Draws days.
        draws: How many such periods are drawn.

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
    # What a block may count for rises with the threshold, which rises with that.
    threshold = _threshold_of(drawn, CAP, false_alert_days)
    threshold = _threshold_of(drawn, block_cap(threshold), false_alert_days)
    return Baseline(mean, deviation, threshold, days)


def block_cap(threshold: float) -> float:
    """Return what one block counts for at most, in standard deviations.

    Two extreme blocks in a row alert, whatever the threshold; one never does.
    """
    return max(CAP, _BLOCK_SHARE * threshold + REFERENCE)


def _threshold_of(
    drawn: Sequence[Float64[np.ndarray, "day step signal"]],
    cap: float,
    false_alert_days: float,
) -> float:
    """Return where so rare a peak of the drawn days' capped scores begins."""
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

    The mean is shrunk as far as chance alone lets hours differ: a room without day and
    night has one mean for all hours, and a room that is dark at night has two.
    """
    seen = np.isfinite(blocks)
    values = np.where(seen, blocks, 0.0)
    pooled = values.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    away = np.where(seen, values - pooled, 0.0)
    counts, sums, squares = (
        _by_hour(it, hours) for it in (seen.astype(np.float64), away, away**2)
    )
    own = sums / np.maximum(counts, 1)
    within = np.maximum(squares - counts * own**2, 0.0)
    variance = within.sum(axis=0) / np.maximum(seen.sum(axis=0) - HOURS, 1)
    # Blocks of one hour and day are alike: a day counts as one measurement.
    chance = variance / max(days, 1.0)
    between = np.maximum((own**2).mean(axis=0) - chance, 0.0)
    trust = between / np.maximum(between + chance, 1e-12)
    mean = pooled + np.where(counts > 0, trust * own, 0.0)
    around = squares - 2 * trust * own * sums + counts * (trust * own) ** 2
    overall = around.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    prior = _PRIOR_DAYS / max(days, 1.0) * counts.mean(axis=0)
    spread = (around + prior * overall) / np.maximum(counts + prior, 1e-12)
    # Of a signal that never moved, rounding leaves a little less than nothing.
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
    """Draw a learning period and as many days after it; score the latter, uncapped."""
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
    """Return the mean of each quarter of a day in all its blocks."""
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
    """Return the level that peaks pass so often, by the exponential tail."""
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
    """Return distances from normal in standard deviations, capped; 0 for NaN."""
    scores: Float64[np.ndarray, "*block signal"] = np.nan_to_num(
        (values - mean) / deviation, nan=0.0
    )
    capped: Float64[np.ndarray, "*block signal"] = np.clip(scores, -cap, cap)
    return capped


def cusum_peaks(
    scores: Float64[np.ndarray, "block signal"],
) -> Float64[np.ndarray, " peak"]:
    """Return how high each signal's two-sided CUSUM rises each time it leaves zero.

    A CUSUM from zero is the running sum less its running minimum.
    """
    both = np.concatenate((scores, -scores), axis=1) - REFERENCE
    sums = np.cumsum(both, axis=0)
    lowest = np.minimum(np.minimum.accumulate(sums, axis=0), 0.0)
    # one series after the other, each begun at zero
    heights = np.vstack((np.zeros(both.shape[1]), sums - lowest)).T.ravel()
    peaks: Float64[np.ndarray, " peak"] = np.maximum.reduceat(
        heights, np.flatnonzero(heights == 0.0)
    )
    return peaks[peaks > 0]
