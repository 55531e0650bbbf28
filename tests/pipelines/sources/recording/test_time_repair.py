"""Times that cannot be right are found, and all others stay."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.sources.recording.time_repair import (
    fill_times,
    repair_times,
    typical_period_ns,
)

PERIOD_NS = NS_PER_S // 12
REGULAR = [n * PERIOD_NS for n in range(240)]


def b_frames(groups: int) -> list[int]:
    """Times as stored where three pictures of four lie before an earlier one."""
    places = [0] + [4 * g + k for g in range(groups) for k in (4, 2, 1, 3)]
    return [place * PERIOD_NS for place in places]


@pytest.mark.parametrize(
    ("name", "stray", "change"),
    [
        (
            "two seconds a minute away",
            24,
            lambda n, t: t + 56 * NS_PER_S if 48 <= n < 72 else t,
        ),
        (
            "one picture hours away",
            1,
            lambda n, t: t + 9000 * NS_PER_S if n == 100 else t,
        ),
        ("one picture at the start", 1, lambda n, t: 0 if n == 100 else t),
        ("the first", 1, lambda n, t: 3600 * NS_PER_S if n == 0 else t),
        ("the last", 1, lambda n, t: 3600 * NS_PER_S if n == 239 else t),
        (
            "the last two seconds",
            24,
            lambda n, t: t + 3600 * NS_PER_S if n >= 216 else t,
        ),
        ("all at one time", 24, lambda n, t: 60 * NS_PER_S if 48 <= n < 72 else t),
        (
            "far before the start",
            24,
            lambda n, t: t - 7200 * NS_PER_S if 48 <= n < 72 else t,
        ),
        (
            "every fifth another time",
            48,
            lambda n, t: t + (n * 7919 % 999 + 50) * NS_PER_S if n % 5 == 2 else t,
        ),
    ],
)
def test_times_that_jump_away_and_come_back_are_put_between(
    name: str, stray: int, change: Callable[[int, int], int]
) -> None:
    del name
    times_ns = [change(n, time_ns) for n, time_ns in enumerate(REGULAR)]

    repaired = repair_times(times_ns, PERIOD_NS)

    assert (repaired.stray, repaired.continued) == (stray, 0)
    for time_ns, right_ns in zip(repaired.times_ns, REGULAR, strict=True):
        assert time_ns is not None
        assert abs(time_ns - right_ns) < PERIOD_NS


@pytest.mark.parametrize("parts", [2, 3])
def test_a_recording_that_starts_again_is_continued(parts: int) -> None:
    repaired = repair_times(REGULAR * parts, PERIOD_NS)

    assert (repaired.stray, repaired.continued) == (0, 240 * (parts - 1))
    assert list(repaired.times_ns) == [n * PERIOD_NS for n in range(240 * parts)]


def test_a_recording_that_runs_backwards_is_turned() -> None:
    repaired = repair_times(REGULAR[::-1], PERIOD_NS)

    assert repaired.continued == 240
    assert list(repaired.times_ns) == REGULAR


def test_pictures_stored_before_earlier_ones_stay() -> None:
    times_ns = b_frames(60)
    assert repair_times(times_ns, PERIOD_NS).times_ns == tuple(times_ns)


def test_pictures_stored_before_earlier_ones_keep_that_order_after_a_jump() -> None:
    times_ns = b_frames(60)
    wild = [t + 900 * NS_PER_S if 81 <= n < 105 else t for n, t in enumerate(times_ns)]

    repaired = repair_times(wild, PERIOD_NS)

    assert repaired.stray == 24
    for time_ns, right_ns in zip(repaired.times_ns, times_ns, strict=True):
        assert time_ns is not None
        assert abs(time_ns - right_ns) < 5 * PERIOD_NS


@given(
    st.lists(st.sampled_from([33, 40, 100, 500, 2500, 30_000, 3_600_000]), max_size=80)
)
def test_times_that_rise_stay_as_they_are(gaps_ms: list[int]) -> None:
    times_ns = [0]
    for gap_ms in gaps_ms:
        times_ns.append(times_ns[-1] + gap_ms * 1_000_000)
    times_ns += [times_ns[-1] + n * 33_000_000 for n in range(1, 30)]
    period_ns = typical_period_ns(times_ns)
    assert period_ns is not None

    assert repair_times(times_ns, period_ns).times_ns == tuple(times_ns)


@given(st.lists(st.one_of(st.none(), st.integers(-(10**13), 10**15)), max_size=60))
def test_any_times_are_answered_one_for_one(times_ns: list[int | None]) -> None:
    known = [it for it in times_ns if it is not None]
    period_ns = typical_period_ns(known) or 1

    repaired = repair_times(times_ns, period_ns)

    assert len(repaired.times_ns) == len(times_ns)
    assert repaired.stray + repaired.continued <= len(known)


def test_missing_times_are_put_evenly_between() -> None:
    assert fill_times([None, 10, None, None, 40, None], 5) == (None, 10, 20, 30, 40, 45)


def test_missing_times_stay_where_the_order_is_not_known() -> None:
    assert fill_times([0, 40, None, 20], 5) == (0, 40, None, 20)
