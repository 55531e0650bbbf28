import numpy as np
import pytest

from pipelines.lab.studies.intervals import (
    cluster_interval,
    poisson_interval,
    quantile_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("hits", "trials", "expected"),
    [(7, 20, (0.1811918, 0.5671457)), (50, 1000, (0.0381303, 0.0653138))],
)
def test_wilson_follows_its_formula(
    hits: int, trials: int, expected: tuple[float, float]
) -> None:
    assert wilson_interval(hits, trials) == pytest.approx(expected, abs=1e-7)


def test_all_hits_reach_one_and_no_hit_reaches_nought() -> None:
    all_hit, none_hit = wilson_interval(100, 100), wilson_interval(0, 100)

    assert all_hit == pytest.approx((0.963, 1.0), abs=1e-3)
    assert none_hit == pytest.approx((0.0, 0.037), abs=1e-3)
    assert all_hit is not None
    assert none_hit is not None
    assert (none_hit[0], all_hit[1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("events", "low", "high"),
    # The classic table of exact limits, as in Garwood's paper.
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390)],
)
def test_poisson_limits_are_those_of_the_table(
    events: int, low: float, high: float
) -> None:
    assert poisson_interval(events, 1.0) == pytest.approx((low, high), abs=1e-3)
    assert poisson_interval(events, 4.0) == pytest.approx((low / 4, high / 4), abs=1e-3)


def test_without_trials_there_is_no_interval() -> None:
    assert wilson_interval(0, 0) is None
    assert poisson_interval(0, 0.0) is None
    assert quantile_interval([], 0.5, seed=1) is None


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^hits is 3, expected 0 to trials = 2$"):
        wilson_interval(3, 2)
    with pytest.raises(ValueError, match=r"^events is -1, exposure 1\.0; expected"):
        poisson_interval(-1, 1.0)


def test_a_quantile_interval_holds_the_quantile_and_repeats_with_its_seed() -> None:
    values = np.random.default_rng(3).normal(2.0, 0.5, 200).tolist()

    found = quantile_interval(values, 0.5, seed=1)

    assert found is not None
    # The median's standard error is 1.253 sigma / sqrt(n) = 0.044.
    assert found[0] < np.median(values) < found[1]
    assert found[1] - found[0] == pytest.approx(2 * 1.96 * 0.044, rel=0.4)
    assert quantile_interval(values, 0.5, seed=1) == found
    assert quantile_interval(values, 0.5, seed=2) != found


def test_clusters_that_differ_widen_the_interval() -> None:
    alike = cluster_interval(np.full(20, 50), np.full(20, 100), seed=1)
    mixed = cluster_interval(np.array([0, 100] * 10), np.full(20, 100), seed=1)

    assert alike == (0.5, 0.5)
    assert mixed is not None
    # Ten of twenty independent clusters: sigma is sqrt(0.25 / 20) = 0.112.
    assert mixed == pytest.approx((0.5 - 0.22, 0.5 + 0.22), abs=0.06)


def test_clusters_that_all_hit_or_all_miss_count_as_one_trial_each() -> None:
    trials = np.full(20, 100)

    assert cluster_interval(trials, trials, seed=1) == wilson_interval(20, 20)
    assert cluster_interval(0 * trials, trials, seed=1) == wilson_interval(0, 20)


def test_one_cluster_with_trials_gives_no_interval() -> None:
    assert cluster_interval(np.array([5, 0]), np.array([9, 0]), seed=1) is None
