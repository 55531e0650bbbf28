"""95 % intervals of figures with few counts."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int64, Shaped
from scipy.stats import binomtest, chi2

Interval = tuple[float, float]

CONFIDENCE_RATIO = 0.95
_TAIL_RATIO = (1 - CONFIDENCE_RATIO) / 2
_RESAMPLES = 2000


def wilson_interval(hits: int, trials: int) -> Interval | None:
    """Return Wilson's interval of a proportion of independent trials.

    Returns:
        Lower and upper bound, or ``None`` without trials.

    Raises:
        ValueError: If ``hits`` is not within 0 and ``trials``.

    Source: Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    if not 0 <= hits <= trials:
        msg = f"hits is {hits}, expected 0 to trials = {trials}"
        raise ValueError(msg)
    if trials == 0:
        return None
    interval = binomtest(hits, trials).proportion_ci(CONFIDENCE_RATIO, "wilson")
    return float(interval.low), float(interval.high)


def poisson_interval(events: int, exposure: float) -> Interval | None:
    """Return the exact interval of the rate of a Poisson process.

    The exposure is in the unit of the rate.

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
    low = chi2.ppf(_TAIL_RATIO, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(1 - _TAIL_RATIO, 2 * events + 2) / 2
    return float(low) / exposure, float(high) / exposure


def quantile_interval(
    values: Sequence[float], quantile: float, seed: int
) -> Interval | None:
    """Return the bootstrap interval of a quantile.

    Returns:
        Lower and upper bound, equal for equal seeds; ``None`` without values.
    """
    if not values:
        return None
    draws = np.random.default_rng(seed).choice(values, (_RESAMPLES, len(values)))
    return spread(np.quantile(draws, quantile, axis=1))


def cluster_interval(
    hits: Shaped[np.ndarray, " cluster"],
    trials: Shaped[np.ndarray, " cluster"],
    seed: int,
) -> Interval | None:
    """Return the bootstrap interval of a proportion of trials in similar clusters.

    Whole clusters are resampled. If all trials hit, or none, every resample is the
    same; then each cluster counts as one trial.

    Returns:
        Lower and upper bound, equal for equal seeds; ``None`` with fewer than two
        clusters, because one does not show how clusters differ.
    """
    held = trials > 0
    clusters = int(held.sum())
    if clusters < 2:
        return None
    hit_count, trial_count = int(hits.sum()), int(trials.sum())
    if hit_count in (0, trial_count):
        return wilson_interval(clusters if hit_count else 0, clusters)
    drawn = resampled_units(clusters, seed)
    return spread((drawn @ hits[held]) / (drawn @ trials[held]))


def resampled_units(units: int, seed: int) -> Int64[np.ndarray, "draw unit"]:
    """Return how often each unit is in each resample; equal for equal seeds."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(units, np.full(units, 1 / units), size=_RESAMPLES)


def spread(resampled: Float[np.ndarray, " draw"]) -> Interval:
    """Return the interval of a figure from its values in resamples."""
    low, high = np.quantile(resampled, [_TAIL_RATIO, 1 - _TAIL_RATIO])
    return float(low), float(high)
