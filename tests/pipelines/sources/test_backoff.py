"""The waits between attempts."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.backoff import Backoff

seeds = st.integers(0, 2**32)


@given(seeds)
def test_waits_double_from_one_second_to_thirty(seed: int) -> None:
    backoff = Backoff(1.0, 30.0, random.Random(seed))
    steps = [(1, 2), (2, 4), (4, 8), (8, 16), (15, 30), (15, 30), (15, 30)]
    for shortest_s, longest_s in steps:
        assert shortest_s <= backoff.next_s() <= longest_s


@given(seeds, st.integers(0, 8))
def test_after_a_healthy_time_waits_are_short_again(seed: int, failures: int) -> None:
    backoff = Backoff(1.0, 30.0, random.Random(seed))
    for _ in range(failures):
        backoff.next_s()
    backoff.reset()
    assert 1 <= backoff.next_s() <= 2


@given(seeds)
def test_the_slowest_pace_leaves_the_waits_as_they_are(seed: int) -> None:
    backoff = Backoff(1.0, 30.0, random.Random(seed))
    assert 15 <= backoff.slowest_s() <= 30
    assert 1 <= backoff.next_s() <= 2


@given(seeds, st.floats(0.01, 10), st.floats(1, 100), st.integers(1, 50))
def test_no_wait_is_shorter_than_the_first_or_longer_than_the_longest(
    seed: int, first_s: float, ratio: float, failures: int
) -> None:
    longest_s = first_s * ratio
    backoff = Backoff(first_s, longest_s, random.Random(seed))
    waits_s = [backoff.next_s() for _ in range(failures)]
    assert all(first_s <= wait_s <= longest_s for wait_s in waits_s)


def test_two_cameras_do_not_come_back_in_step() -> None:
    one, other = (Backoff(1.0, 30.0, random.Random(seed)) for seed in (1, 2))
    assert [one.next_s() for _ in range(9)] != [other.next_s() for _ in range(9)]


@pytest.mark.parametrize(("first_s", "longest_s"), [(0.0, 1.0), (2.0, 1.0)])
def test_waits_that_make_no_sense_are_refused(first_s: float, longest_s: float) -> None:
    with pytest.raises(ValueError, match=r"^expected 0 < first_s <= longest_s"):
        Backoff(first_s, longest_s, random.Random(0))
