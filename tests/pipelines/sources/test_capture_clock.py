"""When live pictures were taken; times in milliseconds, a picture every 100 ms."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.capture_clock import CaptureClock, CaptureTime

MS = 1_000_000
START = 1_700_000_000_000


def stamps_of(
    clock: CaptureClock, times_ms: list[tuple[int, int | None]]
) -> list[CaptureTime]:
    return [
        clock.stamp(arrival * MS, None if sender is None else sender * MS)
        for arrival, sender in times_ms
    ]


def in_ms(stamps: list[CaptureTime]) -> list[float]:
    return [stamp.timestamp_ns / MS for stamp in stamps]


def test_without_reports_pictures_are_stamped_with_their_arrival() -> None:
    stamps = stamps_of(CaptureClock(), [(100, None), (200, None), (310, None)])
    assert in_ms(stamps) == [100, 200, 310]
    assert {stamp.time_base for stamp in stamps} == {"arrival"}


def test_stamps_slew_to_the_sender_and_then_are_its_own() -> None:
    # The sender is 30 ms behind arrival; a tenth of 100 ms goes off with each picture:
    #   arrival  100 200 | 300 400 500 600 700
    #   sender           | 270 370 470 570 670
    #   stamp    100 200 | 300 390 480 570 670
    clock = CaptureClock()
    times: list[tuple[int, int | None]] = [(100, None), (200, None)]
    times += [(arrival, arrival - 30) for arrival in range(300, 800, 100)]

    stamps = stamps_of(clock, times)

    assert in_ms(stamps) == [100, 200, 300, 390, 480, 570, 670]
    bases = [stamp.time_base for stamp in stamps]
    assert bases == ["arrival"] * 5 + ["sender"] * 2


def test_a_late_network_does_not_move_the_senders_times() -> None:
    clock = CaptureClock()
    stamps = stamps_of(clock, [(100, 80), (500, 180), (510, 280), (520, 380)])
    assert in_ms(stamps) == [80, 180, 280, 380]


def test_a_sender_far_off_is_not_believed_and_that_is_said_once() -> None:
    clock = CaptureClock()
    stamps = stamps_of(clock, [(START, 5_000), (START + 100, 5_101)])
    assert in_ms(stamps) == [START, START + 100]
    problems = {stamp.problem for stamp in stamps}
    assert problems == {"the camera's clock is -1699999995.0 s off and not used"}
    assert {stamp.time_base for stamp in stamps} == {"arrival"}


def test_a_sender_set_right_is_believed_from_then_on() -> None:
    clock = CaptureClock()
    stamps = stamps_of(clock, [(START, 5_000), (START + 100, START + 100)])
    assert (stamps[1].time_base, stamps[1].problem) == ("sender", "")


def test_a_sender_set_back_a_second_slows_down_until_it_fits() -> None:
    clock = CaptureClock()
    times: list[tuple[int, int | None]] = [(t, t) for t in range(0, 1000, 100)]
    times += [(t, t - 1000) for t in range(1000, 13000, 100)]

    stamps = stamps_of(clock, times)

    gaps = [b - a for a, b in zip(in_ms(stamps), in_ms(stamps)[1:], strict=False)]
    assert min(gaps) > 0
    assert all(89 < gap <= 101 for gap in gaps[10:])
    assert stamps[-1] == CaptureTime(11_900 * MS, "sender")


def test_a_new_connection_stamps_with_arrival_until_it_has_reports() -> None:
    clock = CaptureClock()
    stamps_of(clock, [(100, 70), (200, 170)])
    clock.restart()
    stamps = stamps_of(clock, [(5000, None)])
    assert stamps == [CaptureTime(5000 * MS, "arrival")]


moments = st.tuples(
    st.integers(0, 5_000), st.none() | st.integers(-10_000, 10_000), st.booleans()
)


@given(st.lists(moments, max_size=60))
def test_stamps_rise_and_stay_near_whatever_comes(
    moments: list[tuple[int, int | None, bool]],
) -> None:
    clock, arrival, last = CaptureClock(), START, 0
    for step, offset, restarts in moments:
        if restarts:
            clock.restart()
        arrival += step
        sender = None if offset is None else (arrival + offset) * MS
        stamp = clock.stamp(arrival * MS, sender)
        assert stamp.timestamp_ns > last
        assert abs(stamp.timestamp_ns - arrival * MS) <= 4_000 * MS + 100
        last = stamp.timestamp_ns
