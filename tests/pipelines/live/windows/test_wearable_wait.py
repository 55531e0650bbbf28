"""How long a wearable is worth waiting for, from how its batches arrive."""

import re
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import seconds_to_ns
from pipelines.live.windows.wearable_wait import (
    NEVER_NS,
    WearableWait,
    WearableWaitSettings,
)
from pipelines.records import ImuBatch

CEILING_NS = seconds_to_ns(7.0)


def arrive(wait: WearableWait, arrival_s: float, lag_s: float) -> None:
    """Let a batch arrive whose oldest sample is so old."""
    first_s = arrival_s - lag_s
    times_ns = np.array([seconds_to_ns(first_s), seconds_to_ns(arrival_s)])
    values = np.zeros((2, 3), np.float32)
    batch = ImuBatch("wrist", times_ns, values, values.copy())
    wait.add_batch(batch, seconds_to_ns(arrival_s))


def heard(*lags_s: float, every_s: float = 1.0) -> WearableWait:
    """Return what was learnt from batches with these lags."""
    wait = WearableWait()
    for number, lag_s in enumerate(lags_s):
        arrive(wait, 100 + number * every_s, lag_s)
    return wait


def test_nothing_is_waited_for_before_the_wearable_is_online_of() -> None:
    wait = WearableWait()
    assert wait.patience_ns == 0
    assert wait.deadline_ns(10, 20) == NEVER_NS


def test_a_connected_wearable_has_one_ceiling_from_the_first_question() -> None:
    wait = WearableWait()
    wait.set_state("connecting")
    assert wait.deadline_ns(0, 100) == 100 + CEILING_NS
    assert wait.deadline_ns(0, 900) == 100 + CEILING_NS


def test_patience_is_the_ceiling_until_the_arrival_is_known() -> None:
    assert heard(0.2, 0.2).patience_ns == CEILING_NS


@pytest.mark.parametrize("lag_s", [0.2, 1.0, 2.0, 5.0])
def test_patience_is_the_greatest_lag_with_a_margin(lag_s: float) -> None:
    patience_ns = heard(*[lag_s] * 5).patience_ns
    assert patience_ns == seconds_to_ns(1.25 * lag_s + 0.25)
    assert heard(*[lag_s] * 5).deadline_ns(1000, 0) == 1000 + patience_ns


def test_a_longer_lag_counts_at_once_and_a_shorter_one_after_a_minute() -> None:
    wait = heard(*[0.2] * 10)
    arrive(wait, 111.0, 4.0)
    assert wait.patience_ns == seconds_to_ns(5.25)
    for second in range(112, 170):
        arrive(wait, second, 0.2)
    assert wait.patience_ns == seconds_to_ns(5.25)
    for second in range(170, 175):
        arrive(wait, second, 0.2)
    assert wait.patience_ns == seconds_to_ns(0.5)


def test_a_wearable_that_is_always_too_late_is_not_waited_for() -> None:
    assert heard(10.0).patience_ns == 0
    assert heard(5.0, 5.0, 10.0, 10.0).patience_ns == CEILING_NS
    assert heard(5.0, 10.0, 10.0, 10.0).patience_ns == 0


def test_a_backlog_that_is_made_up_for_ends_no_wait() -> None:
    assert heard(1.0, 30.0, 20.0, 10.0, 1.0).patience_ns == CEILING_NS


def test_a_wearable_that_stalled_is_overdue_by_itself() -> None:
    wait = heard(*[1.0] * 5)
    wait.set_state("stalled")
    assert wait.patience_ns == seconds_to_ns(1.5)


def test_a_wearable_whose_broker_went_is_waited_for_again_once_it_sends() -> None:
    wait = heard(*[1.0] * 5)
    wait.set_state("offline")
    assert wait.patience_ns == 0
    wait.set_state("connecting")
    assert wait.patience_ns == 0
    arrive(wait, 200.0, 1.0)
    assert wait.patience_ns > 0


@pytest.mark.parametrize("ceiling_s", [-1.0, float("inf"), float("nan")])
def test_a_ceiling_out_of_range_is_refused(ceiling_s: float) -> None:
    problem = f"ceiling_s must be zero or more and finite, got {ceiling_s}"
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        WearableWaitSettings(ceiling_s)


lags_drawn = st.lists(
    st.tuples(st.floats(0.01, 20.0), st.floats(0.0, 20.0)), min_size=1, max_size=40
)


@given(arrivals=lags_drawn, ceiling_s=st.floats(0.0, 20.0))
def test_patience_never_exceeds_the_ceiling_and_covers_what_it_can(
    arrivals: list[tuple[float, float]], ceiling_s: float
) -> None:
    wait = WearableWait(WearableWaitSettings(ceiling_s))
    at_s = accumulate(gap_s for gap_s, _ in arrivals)
    for arrival_s, (_, lag_s) in zip(at_s, arrivals, strict=True):
        arrive(wait, 100 + arrival_s, lag_s)
        patience_ns = wait.patience_ns
        assert 0 <= patience_ns <= seconds_to_ns(ceiling_s)
        if lag_s < ceiling_s - 1e-6:
            assert patience_ns >= seconds_to_ns(lag_s)
