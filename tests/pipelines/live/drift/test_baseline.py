import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipelines.live.drift.baseline import (
    CAP,
    HOURS,
    REFERENCE,
    Baseline,
    _level_of_rate,
    block_cap,
    cusum_peaks,
    learn_baseline,
    standard_scores,
)

PER_DAY = 96
FLOORS = np.array([0.001, 0.001])


def hours_of(blocks: int) -> np.ndarray:
    return np.arange(blocks) % PER_DAY * HOURS // PER_DAY


def learn(
    blocks: np.ndarray, *, floors: np.ndarray = FLOORS, false_alert_days: float = 30.0
) -> Baseline:
    return learn_baseline(
        blocks,
        hours_of(len(blocks)),
        floors,
        blocks_per_day=PER_DAY,
        false_alert_days=false_alert_days,
        rng=np.random.default_rng(0),
    )


def quiet_week(seed: int = 0, days: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal([5.0, -1.0], 0.1, (days * PER_DAY, 2))


def test_hours_that_are_alike_share_one_mean() -> None:
    means = learn(quiet_week()).mean
    alone = np.array(
        [quiet_week()[hours_of(7 * PER_DAY) == h].mean(0) for h in range(24)]
    )
    assert np.ptp(means, axis=0) == pytest.approx([0, 0], abs=0.06)
    assert (np.ptp(means, axis=0) < 0.7 * np.ptp(alone, axis=0)).all()


def test_a_dark_night_has_a_mean_of_its_own() -> None:
    blocks = quiet_week()
    night = hours_of(len(blocks)) < 7
    blocks[night, 0] -= 3.0
    mean = learn(blocks).mean
    assert mean[3, 0] == pytest.approx(2.0, abs=0.1)
    assert mean[12, 0] == pytest.approx(5.0, abs=0.1)


def test_a_signal_that_never_moved_has_the_least_deviation() -> None:
    blocks = quiet_week()
    blocks[:, 1] = -1.0
    baseline = learn(blocks, floors=np.array([0.001, 0.5]))
    assert baseline.deviation[:, 1] == pytest.approx(0.5)
    assert baseline.deviation[:, 0] == pytest.approx(0.1, rel=0.3)


def test_rounding_makes_no_deviation_of_what_never_moved() -> None:
    still = np.tile([0.1 + 0.2, 6.34e-8], (7 * PER_DAY, 1))
    assert (learn(still).deviation == FLOORS).all()


@pytest.mark.slow
def test_what_was_not_measured_counts_for_nothing() -> None:
    blocks = quiet_week()
    holed = blocks.copy()
    holed[::2, 0] = np.nan
    assert learn(holed).mean[:, 0] == pytest.approx(5.0, abs=0.1)
    assert np.isfinite(learn(holed).threshold)
    holed[:, 0] = np.nan
    deviation = learn(holed).deviation
    assert np.isnan(deviation[:, 0]).all()
    assert np.isfinite(deviation[:, 1]).all()
    assert np.isfinite(learn(holed).threshold)


def test_rarer_false_alerts_need_a_higher_threshold() -> None:
    monthly, yearly, never = (
        learn(quiet_week(), false_alert_days=days).threshold for days in (90, 900, 9e4)
    )
    assert monthly < yearly < never


def test_odd_days_raise_the_threshold() -> None:
    odd = quiet_week()
    shifts = np.random.default_rng(3).normal(0, 0.2, 7).repeat(PER_DAY)
    odd[:, 0] += shifts
    assert learn(odd).threshold > 2 * learn(quiet_week()).threshold


def test_no_block_reaches_the_threshold_and_two_do() -> None:
    for threshold in (CAP, 20.0, 60.0):
        one = min(block_cap(threshold), 1e6) - REFERENCE
        assert one < threshold < 2 * one or threshold == CAP


def test_wild_blocks_raise_the_threshold() -> None:
    wild = quiet_week()
    wild[::50, 0] += 3.0
    assert learn(wild).threshold > 1.3 * learn(quiet_week()).threshold


def test_less_than_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^95 blocks are less than a day of 96$"):
        learn(quiet_week()[:95])


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-4, 4)
    )
)
def test_peaks_are_those_of_the_plain_recursion(scores: np.ndarray) -> None:
    expected: list[float] = []
    for column in (*scores.T, *(-scores).T):
        height = peak = 0.0
        for score in column:
            height = max(0.0, height + score - REFERENCE)
            if height < 1e-9 and peak > 1e-9:
                expected.append(peak)
                peak = 0.0
            peak = max(peak, height)
        if peak > 1e-9:
            expected.append(peak)
    found = [peak for peak in cusum_peaks(scores) if peak > 1e-9]
    assert max(found, default=0) == pytest.approx(max(expected, default=0), abs=1e-8)
    assert abs(len(found) - len(expected)) <= 2  # sums of floats may just miss zero


def test_the_level_of_a_rate_is_read_from_the_exponential_tail() -> None:
    # 100 peaks a day of mean height 2: one in ten days passes 2 ln(1000)
    peaks = np.random.default_rng(0).exponential(2.0, 100 * 400)
    level = _level_of_rate(peaks, days=400, per_day=0.1)
    assert level == pytest.approx(2 * np.log(1000), rel=0.07)


def test_one_wild_block_counts_for_no_more_than_the_cap() -> None:
    values, mean, deviation = np.array([1e6, np.nan, 1.0]), np.zeros(3), np.ones(3)
    assert standard_scores(values, mean, deviation, 8.0).tolist() == [8.0, 0.0, 1.0]
