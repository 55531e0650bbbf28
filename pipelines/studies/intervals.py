"""Intervals of 95 %: what a figure could be, given how little was counted."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped
from scipy import special

Interval = tuple[float, float]

CONFIDENCE_RATIO = 0.95
_TAIL_RATIO = (1 - CONFIDENCE_RATIO) / 2
_RESAMPLES = 2000


def wilson_interval(hits: int, trials: int) -> Interval | None:
    """Bound a proportion from independent trials.

    Returns:
        Lower and upper bound, or ``None`` without trials.

    Raises:
        ValueError: If ``hits`` does not lie within 0 and ``trials``.

    Source: Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    if not 0 <= hits <= trials:
        msg = f"hits is {hits}, expected 0 to trials = {trials}"
        raise ValueError(msg)
    if trials == 0:
        return None
    z = float(special.ndtri(1 - _TAIL_RATIO))
    share = hits / trials
    centre = share + z * z / (2 * trials)
    reach = z * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    scale = 1 + z * z / trials
    # The bounds at no hit and at all hits are exact; rounding would miss them.
    low = 0.0 if hits == 0 else (centre - reach) / scale
    high = 1.0 if hits == trials else (centre + reach) / scale
    return low, high


def poisson_interval(events: int, exposure: float) -> Interval | None:
    """Bound the rate of a Poisson process, exactly.

    Args:
        events: How often it happened.
        exposure: For how long one watched, in the unit that the rate is wanted in.

    Returns:
        Lower and upper rate, or ``None`` without exposure.

    Raises:
        ValueError: If either is negative.

    Source: Garwood 1936, doi 10.2307/2333958.
    """
    if events < 0 or exposure < 0:
        msg = f"events is {events}, exposure {exposure}; expected neither below 0"
        raise ValueError(msg)
    if exposure == 0:
        return None
    # Half a chi-squared quantile of 2k degrees is a gamma quantile of shape k.
    low = float(special.gammaincinv(events, _TAIL_RATIO)) if events else 0.0
    high = float(special.gammaincinv(events + 1, 1 - _TAIL_RATIO))
    return low / exposure, high / exposure


def quantile_interval(
    values: Sequence[float], quantile: float, seed: int
) -> Interval | None:
    """Bound a quantile by drawing the values again and again (bootstrap).

    Returns:
        Lower and upper bound, the same for the same seed; ``None`` without values.
    """
    if not values:
        return None
    draws = np.random.default_rng(seed).choice(values, (_RESAMPLES, len(values)))
    return _spread(np.quantile(draws, quantile, axis=1))


def cluster_interval(
    hits: Shaped[np.ndarray, " cluster"],
    trials: Shaped[np.ndarray, " cluster"],
    seed: int,
) -> Interval | None:
    """Bound a proportion whose trials come in clusters that are alike within.

    Whole clusters are drawn again and again (bootstrap). Where every trial hit, or
    none, all draws are alike: then each cluster counts as one trial.

    Returns:
        Lower and upper bound, the same for the same seed; ``None`` with fewer than
        two clusters, for one says nothing of how clusters differ.
    """
    held = trials > 0
    clusters = int(held.sum())
    if clusters < 2:
        return None
    hit_count, trial_count = int(hits.sum()), int(trials.sum())
    if hit_count in (0, trial_count):
        return wilson_interval(clusters if hit_count else 0, clusters)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(
        clusters, np.full(clusters, 1 / clusters), size=_RESAMPLES
    )
    return _spread((drawn @ hits[held]) / (drawn @ trials[held]))


def _spread(resampled: Float[np.ndarray, " draw"]) -> Interval:
    low, high = np.quantile(resampled, [_TAIL_RATIO, 1 - _TAIL_RATIO])
    return float(low), float(high)
