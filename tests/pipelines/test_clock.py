"""A system clock that is set while the process runs."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S, SystemClock, span_text, utc_ns

DAY_NS = 86_400 * NS_PER_S
START_NS = 1_700_000_000 * NS_PER_S


class Times:
    """The two clocks of a machine; each reading takes a microsecond."""

    def __init__(self) -> None:
        self.monotonic = 5 * NS_PER_S
        self.set_by_ns = 0

    def monotonic_ns(self) -> int:
        self.monotonic += 1000
        return self.monotonic

    def wall_ns(self) -> int:
        return START_NS + self.monotonic_ns() + self.set_by_ns

    def clock(self) -> SystemClock:
        return SystemClock(self.wall_ns, self.monotonic_ns)


def test_pipeline_time_goes_on_whatever_the_system_clock_is_set_to() -> None:
    times = Times()
    clock = times.clock()
    before_ns = clock.now_ns()
    times.set_by_ns = -31 * DAY_NS
    times.monotonic += NS_PER_S
    clock.correction_ns()
    assert NS_PER_S < clock.now_ns() - before_ns < NS_PER_S + 100_000


def test_pipeline_time_plus_correction_is_utc() -> None:
    times = Times()
    clock = times.clock()
    assert clock.correction_ns() == 0
    times.set_by_ns = 31 * DAY_NS
    utc = clock.now_ns() + clock.correction_ns()
    assert abs(utc - times.wall_ns()) < 100_000


def test_a_correction_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    times = Times()
    clock = times.clock()
    times.set_by_ns = 31 * DAY_NS
    for _ in range(5):
        clock.correction_ns()
    times.set_by_ns = 0
    clock.correction_ns()
    messages = [record.getMessage() for record in caplog.records]
    end = "; times follow it, spans are unchanged"
    assert messages == [
        f"the clock was corrected by +31.0 d{end}",
        f"the clock was corrected by -31.0 d{end}",
    ]


def test_a_slew_is_followed_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    times = Times()
    clock = times.clock()
    for _ in range(100):
        times.set_by_ns += NS_PER_S // 50
        clock.correction_ns()
    assert abs(clock.correction_ns() - times.set_by_ns) < NS_PER_S // 40
    assert not caplog.records


@given(st.lists(st.integers(-19_000_000, 19_000_000), max_size=30))
def test_noise_between_the_two_clocks_is_no_correction(noise_ns: list[int]) -> None:
    times = Times()
    clock = times.clock()
    for each in noise_ns:
        times.set_by_ns = each
        assert clock.correction_ns() == 0


@given(
    st.lists(
        st.tuples(st.integers(0, DAY_NS), st.integers(-400 * DAY_NS, 400 * DAY_NS)),
        max_size=30,
    )
)
def test_time_never_goes_back_and_utc_is_right(steps: list[tuple[int, int]]) -> None:
    times = Times()
    clock = times.clock()
    last_ns = clock.now_ns()
    for passed_ns, set_by_ns in steps:
        times.monotonic += passed_ns
        times.set_by_ns = set_by_ns
        now_ns = clock.now_ns()
        assert passed_ns <= now_ns - last_ns < passed_ns + 100_000
        utc = now_ns + clock.correction_ns()
        assert abs(utc - times.wall_ns()) < NS_PER_S // 40
        last_ns = now_ns


def test_a_reading_that_was_interrupted_is_taken_again() -> None:
    times = Times()
    clock = times.clock()
    interruptions = iter([NS_PER_S, 0, 0, 0, 0])
    plain = times.wall_ns

    def interrupted_ns() -> int:
        wall_ns = plain()
        times.monotonic += next(interruptions, 0)
        return wall_ns

    slow = SystemClock(interrupted_ns, times.monotonic_ns)
    assert abs(slow.now_ns() - clock.now_ns()) < 100_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "+0.2 s"),
        (-119, "-119.0 s"),
        (120, "+2.0 min"),
        (-7200, "-2.0 h"),
        (31 * 86_400, "+31.0 d"),
    ],
)
def test_a_span_is_written_in_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert span_text(round(seconds * NS_PER_S)) == text


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^'2026-01-01T00:00:00' names no time zone$"):
        utc_ns("2026-01-01T00:00:00")
