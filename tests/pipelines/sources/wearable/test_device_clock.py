"""Timelines of one device: batches of 0.2 s, sent when their last sample was taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import seconds_to_ns
from pipelines.sources.wearable.device_clock import ImuClock

MS = 1_000_000
START_NS = 1_700_000_000 * 10**9
BATCH_NS = 180 * MS  # from its first sample to its last


class Device:
    """A device whose clock shows ``offset_ns`` less than ours."""

    def __init__(self, offset_ns: int) -> None:
        self.offset_ns = offset_ns
        self.clock = ImuClock()
        self.now_ns = START_NS

    def send(self, *, transit_ns: int = 10 * MS, age_ns: int = 0) -> int | None:
        """Send a batch that was taken 0.2 s after the last one, or ``age_ns`` ago."""
        self.now_ns += 200 * MS
        last_ns = self.now_ns - age_ns - self.offset_ns
        return self.clock.correct(last_ns - BATCH_NS, last_ns, self.now_ns + transit_ns)

    def send_many(self, count: int) -> None:
        for _ in range(count):
            assert self.send() is not None


def test_nothing_is_known_before_the_first_batch() -> None:
    assert ImuClock().offset_ns is None


@pytest.mark.parametrize("offset_s", [-3600.0, -0.5, 0.0, 0.02, 1.7e9])
def test_the_offset_is_that_of_the_quickest_batch(offset_s: float) -> None:
    device = Device(seconds_to_ns(offset_s))
    for transit_ms in (12, 80, 5, 40, 30, 30, 30, 30):
        device.send(transit_ns=transit_ms * MS)
    assert device.clock.offset_ns == device.offset_ns + 5 * MS
    assert device.clock.steps == 0


def test_a_slow_first_batch_is_forgotten_step_by_step() -> None:
    device = Device(0)
    offsets_ns = [device.send(transit_ns=400 * MS)]
    offsets_ns += [device.send(transit_ns=10 * MS) for _ in range(60)]
    assert offsets_ns[0] == 400 * MS
    assert offsets_ns[1] == 390 * MS  # half of the 20 ms between the two batches
    assert offsets_ns[-1] == 10 * MS


@pytest.mark.parametrize("late_ms", [600, 2_000, 9_000])
def test_a_first_batch_that_was_late_makes_no_later_one_refused(late_ms: int) -> None:
    device = Device(0)
    device.send(transit_ns=late_ms * MS)
    device.now_ns += late_ms * MS
    answers = [device.send() for _ in range(6)]
    assert answers == [10 * MS] * 6
    assert device.clock.steps == 0


def test_once_the_device_is_known_a_batch_of_the_future_is_refused() -> None:
    device = Device(0)
    device.send_many(5)
    assert device.send(age_ns=-2_000 * MS) is None


def test_a_device_that_sends_each_five_seconds_is_followed_within_seconds() -> None:
    clock, span_ns = ImuClock(), 4_980 * MS
    offsets_ns = []
    for number, transit_ms in enumerate((400, 10, 10, 10)):
        last_ns = START_NS + number * 5_000 * MS
        arrival_ns = last_ns + transit_ms * MS
        offsets_ns.append(clock.correct(last_ns - span_ns, last_ns, arrival_ns))
    assert offsets_ns == [400 * MS, 151 * MS, 10 * MS, 10 * MS]


def test_samples_of_successive_batches_never_change_places() -> None:
    device = Device(0)
    newest_ns = 0
    for transit_ms in (400, 10, 300, 5, 200, 1):
        offset_ns = device.send(transit_ns=transit_ms * MS)
        assert offset_ns is not None
        assert device.now_ns - BATCH_NS + offset_ns > newest_ns
        newest_ns = device.now_ns + offset_ns


@pytest.mark.parametrize("drift_ppm", [-100, 100])
def test_a_drifting_clock_is_followed(drift_ppm: int) -> None:
    device = Device(0)
    for _ in range(3_000):  # ten minutes
        device.offset_ns += drift_ppm * 200 * MS // 1_000_000
        device.send()
    error_ns = (device.clock.offset_ns or 0) - (device.offset_ns + 10 * MS)
    assert abs(error_ns) <= 6 * MS  # 100 ppm of the window of 60 s
    assert device.clock.steps == 0


def test_the_offset_of_a_clock_that_loses_time_grows_after_the_window_only() -> None:
    device = Device(0)
    device.send_many(10)
    device.offset_ns = 100 * MS
    device.send_many(200)  # 40 s: the old minimum still holds
    assert device.clock.offset_ns == 10 * MS
    device.send_many(150)
    assert device.clock.offset_ns == 110 * MS


def test_a_batch_of_the_future_is_refused() -> None:
    device = Device(0)
    device.send_many(10)
    assert device.send(age_ns=-10_000 * MS) is None
    assert device.send() == 10 * MS
    assert device.clock.steps == 0


def test_a_batch_within_the_tolerance_is_not_of_the_future() -> None:
    device = Device(0)
    device.send_many(10)
    assert device.send(age_ns=-500 * MS) is not None
    assert device.send(age_ns=-1_100 * MS) is None


def test_a_late_batch_is_corrected_as_the_others() -> None:
    device = Device(0)
    device.send_many(10)
    assert device.send(age_ns=20_000 * MS) == 10 * MS
    assert device.send() == 10 * MS


@pytest.mark.parametrize("step_s", [-3600.0, -3.0, 3.0, 3600.0])
def test_a_clock_that_was_set_is_believed_after_a_run_of_batches(step_s: float) -> None:
    device = Device(0)
    device.send_many(10)
    device.offset_ns += seconds_to_ns(step_s)
    answers = [device.send() for _ in range(6)]  # the sixth arrives 1 s after the first
    believed_ns = seconds_to_ns(step_s) + 10 * MS
    refused = None if step_s < 0 else 10 * MS  # ahead of time, or seemingly late
    assert answers == [refused] * 5 + [believed_ns]
    assert device.clock.steps == 1


def test_a_backlog_sent_in_one_go_is_no_step() -> None:
    #  device   |x x x x|(20 s without a connection)|x x x
    #  arrival  |x x x x|                           |xxxxxxxxxx x x x
    device = Device(0)
    device.send_many(10)
    taken_ns = device.now_ns
    device.now_ns += 20_000 * MS
    while taken_ns < device.now_ns:
        taken_ns += 200 * MS
        device.now_ns += 20 * MS  # ten times as fast as it was taken
        last_ns = min(taken_ns, device.now_ns)
        assert device.clock.correct(last_ns - BATCH_NS, last_ns, device.now_ns)
    device.send_many(10)
    assert device.clock.steps == 0
    assert device.clock.offset_ns is not None
    assert device.clock.offset_ns <= 10 * MS


def test_two_odd_batches_that_disagree_are_no_run() -> None:
    device = Device(0)
    device.send_many(10)
    for index in range(20):
        assert device.send(age_ns=-(10 + index % 2) * 1_000 * MS) is None
    assert device.clock.steps == 0


def test_odd_batches_among_good_ones_are_no_run() -> None:
    device = Device(0)
    device.send_many(10)
    for _ in range(20):
        assert device.send(age_ns=-10_000 * MS) is None
        assert device.send() == 10 * MS
    assert device.clock.steps == 0


@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(-5_000, 5_000)), max_size=60)
)
def test_no_corrected_batch_lies_in_the_future(batches: list[tuple[int, int]]) -> None:
    clock = ImuClock()
    arrival_ns = START_NS
    for wait_ms, age_ms in batches:
        arrival_ns += wait_ms * MS
        last_ns = arrival_ns - age_ms * MS
        offset_ns = clock.correct(last_ns - BATCH_NS, last_ns, arrival_ns)
        if offset_ns is not None:
            assert last_ns + offset_ns <= arrival_ns + 500 * MS
