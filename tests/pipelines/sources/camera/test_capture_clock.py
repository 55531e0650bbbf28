"""When live pictures were taken; times in milliseconds, a picture every 100 ms."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.camera.capture_clock import CaptureClock, CaptureTime

MS = 1_000_000
START = 1_700_000_000_000
HOUR = 3_600_000
Moment = tuple[int, int | None]

BRIEFLY = settings(deadline=None, max_examples=40)


def stamps_of(clock: CaptureClock, times_ms: Iterable[Moment]) -> list[CaptureTime]:
    return [
        clock.stamp(arrival * MS, None if sender is None else sender * MS)
        for arrival, sender in times_ms
    ]


def in_ms(stamps: list[CaptureTime]) -> list[float]:
    return [stamp.timestamp_ns / MS for stamp in stamps]


def bases_of(stamps: list[CaptureTime]) -> list[str]:
    """The time bases in their order, without repetitions."""
    bases = [stamp.time_base for stamp in stamps]
    return [base for n, base in enumerate(bases) if n == 0 or base != bases[n - 1]]


def settled(offset: int = 0) -> tuple[CaptureClock, int]:
    """A clock that knows its sender, and the arrival of the next picture."""
    clock = CaptureClock()
    end = START + 2_000 + abs(offset) // 100 * 1100
    stamps = stamps_of(clock, ((t, t + offset) for t in range(START, end, 100)))
    assert stamps[-1] == CaptureTime((end - 100 + offset) * MS, "sender")
    return clock, end


def test_without_reports_pictures_are_stamped_with_their_arrival() -> None:
    stamps = stamps_of(CaptureClock(), [(100, None), (200, None), (310, None)])
    assert in_ms(stamps) == [100, 200, 310]
    assert bases_of(stamps) == ["arrival"]


def test_stamps_slew_to_the_sender_and_then_are_its_own() -> None:
    # The sender is 30 ms behind arrival, which is believed after a second; then a tenth
    # of 100 ms goes off with each picture:
    #   arrival  ... 1200 | 1300 1400 1500 1600
    #   sender   ... 1170 | 1270 1370 1470 1570
    #   stamp    ... 1200 | 1290 1380 1470 1570
    times: list[Moment] = [(100, None), (200, None)]
    times += [(arrival, arrival - 30) for arrival in range(300, 1700, 100)]

    stamps = stamps_of(CaptureClock(), times)

    assert in_ms(stamps)[:12] == list(range(100, 1300, 100))
    assert in_ms(stamps)[12:] == [1290, 1380, 1470, 1570]
    assert [stamp.time_base for stamp in stamps] == ["arrival"] * 14 + ["sender"] * 2


def test_a_late_network_does_not_move_the_senders_times() -> None:
    clock, t = settled(-20)
    late = [(t, t - 20), (t + 1900, t + 80), (t + 1910, t + 180), (t + 1920, t + 280)]
    assert in_ms(stamps_of(clock, late)) == [sender for _, sender in late]


def test_pictures_without_a_sender_time_are_bridged_and_counted() -> None:
    clock, t = settled(-40)
    stamps = stamps_of(
        clock,
        (
            (t + n * 100, None if n % 12 == 0 else t + n * 100 - 40)
            for n in range(1, 600)
        ),
    )
    assert in_ms(stamps) == [t + n * 100 - 40 for n in range(1, 600)]
    assert bases_of(stamps) == ["sender"]
    assert clock.bridged == 49


def test_single_wild_times_are_bridged_and_counted() -> None:
    clock, t = settled()
    wild = [0, -5, t + HOUR, t - HOUR, t + 900, t - 900, -2_208_988_800_000]
    stamps = []
    for n in range(7 * 20):
        true = t + n * 100
        sender = wild[n // 20] if n % 20 == 10 else true
        stamps += stamps_of(clock, [(true, sender)])
    assert in_ms(stamps) == [t + n * 100 for n in range(7 * 20)]
    assert {(s.time_base, s.problem) for s in stamps} == {("sender", "")}
    assert clock.bridged == 7


def test_a_wild_sender_report_is_bridged_until_the_next_one() -> None:
    clock, t = settled()
    wrong = [(t + n * 100, t + n * 100 + 1500) for n in range(75)]
    right = [(t + n * 100, t + n * 100) for n in range(75, 200)]
    stamps = stamps_of(clock, wrong + right)
    assert in_ms(stamps) == [t + n * 100 for n in range(200)]
    assert bases_of(stamps) == ["sender"]


def test_a_sender_far_off_is_not_used_and_that_is_said_once() -> None:
    clock = CaptureClock()
    stamps = stamps_of(
        clock, ((START + n * 100, 5_000 + n * 101) for n in range(40 * 10))
    )
    assert in_ms(stamps) == [START + n * 100 for n in range(400)]
    problems = [stamp.problem for stamp in stamps]
    assert set(problems[:100]) == {""}
    expected = "the camera's clock is -19675.9 d from ours and not used"
    assert set(problems[130:]) == {expected}
    assert bases_of(stamps) == ["arrival"]


def test_a_sender_set_right_is_believed_from_then_on() -> None:
    clock = CaptureClock()
    stamps_of(clock, ((START + n * 100, 5_000 + n * 100) for n in range(1000)))
    begin = START + 100_000
    stamps = stamps_of(clock, ((t, t) for t in range(begin, begin + 5_000, 100)))
    assert bases_of(stamps) == ["arrival", "sender"]
    assert (stamps[-1].time_base, stamps[-1].problem) == ("sender", "")


def test_a_sender_set_back_a_second_slows_down_until_it_fits() -> None:
    clock, t = settled()
    times = [(arrival, arrival - 1000) for arrival in range(t, t + 30_000, 100)]

    stamps = stamps_of(clock, times)

    gaps = [b - a for a, b in zip(in_ms(stamps), in_ms(stamps)[1:], strict=False)]
    assert all(90 <= gap <= 100 for gap in gaps)
    assert in_ms(stamps)[-1] == t + 29_900 - 1000
    assert bases_of(stamps) == ["sender"]


def test_a_sender_that_is_lost_for_long_gives_way_to_arrival_once() -> None:
    clock, t = settled(-500)
    stamps = stamps_of(clock, ((t + n * 100, None) for n in range(600)))
    gaps = [b - a for a, b in zip(in_ms(stamps), in_ms(stamps)[1:], strict=False)]
    assert all(100 <= gap <= 110 for gap in gaps)
    assert bases_of(stamps) == ["sender", "arrival"]
    assert in_ms(stamps)[-1] == t + 59_900
    assert clock.bridged == 300


def test_a_new_connection_goes_on_by_the_model_until_it_has_reports() -> None:
    clock, t = settled(-500)
    later = t + 8_000
    stamps = stamps_of(clock, ((later + n * 100, None) for n in range(20)))
    stamps += stamps_of(
        clock, ((later + n * 100, later + n * 100 - 500) for n in range(20, 40))
    )
    assert in_ms(stamps) == [later + n * 100 - 500 for n in range(40)]
    assert bases_of(stamps) == ["sender"]


@pytest.mark.slow
def test_a_drifting_sender_is_followed() -> None:
    clock, t = settled()
    drifting = [(t + n * 100, t + n * 100 + n * 100 // 10_000) for n in range(20_000)]
    stamps = stamps_of(clock, drifting)
    assert in_ms(stamps) == [sender for _, sender in drifting]
    assert clock.bridged == 0


def test_a_correction_of_our_own_clock_is_not_blamed_on_the_camera() -> None:
    # Our clock was 1.5 s behind: the sender seemed to be ahead. It is set right.
    clock, t = settled(1500)
    clock.correct(1500 * MS)
    stamps = stamps_of(clock, ((t + n * 100, t + n * 100) for n in range(200)))
    gaps = [b - a for a, b in zip(in_ms(stamps), in_ms(stamps)[1:], strict=False)]
    assert in_ms(stamps)[0] == t + 1500 - 10
    assert all(90 <= gap <= 100 for gap in gaps)
    assert in_ms(stamps)[-1] == t + 19_900
    assert bases_of(stamps) == ["sender"]
    assert (clock.bridged, stamps[-1].problem) == (0, "")


def test_after_a_correction_by_a_month_a_camera_that_was_refused_is_used() -> None:
    month = 31 * 24 * HOUR
    clock = CaptureClock()
    before = [(START + n * 100, START + n * 100 + month) for n in range(200)]
    (*_, last) = stamps_of(clock, before)
    assert last.problem == "the camera's clock is +31.0 d from ours and not used"
    clock.correct(month * MS)
    begin = START + 20_000
    stamps = stamps_of(clock, ((begin + n * 100, begin + n * 100) for n in range(30)))
    assert in_ms(stamps) == [begin + n * 100 for n in range(30)]
    assert {stamp.problem for stamp in stamps} == {""}
    assert bases_of(stamps) == ["arrival", "sender"]


def test_a_correction_that_leaves_the_camera_behind_moves_no_stamp_at_once() -> None:
    month = 31 * 24 * HOUR
    clock, t = settled(-300)
    clock.correct(month * MS)
    stamps = stamps_of(
        clock, ((t + n * 100, t + n * 100 - 300 - month) for n in range(600))
    )
    gaps = [b - a for a, b in zip(in_ms(stamps), in_ms(stamps)[1:], strict=False)]
    assert in_ms(stamps)[0] == t - 290
    assert all(100 <= gap <= 110 for gap in gaps)
    assert in_ms(stamps)[-1] == t + 59_900
    assert bases_of(stamps) == ["arrival"]


WILD = st.sampled_from([-2_208_988_800_000, -START, -HOUR, -700, 700, 5 * HOUR, 10**12])
PICTURE = st.tuples(
    st.integers(0, 150),  # transit
    st.one_of(st.just(0), st.just(0), st.just(0), st.none(), WILD),
)


@BRIEFLY
@given(st.lists(PICTURE, min_size=1, max_size=120), st.integers(-1500, 1500))
def test_stamps_are_the_true_times_whatever_single_times_are_missing_or_wild(
    pictures: list[tuple[int, int | None]], off: int
) -> None:
    # Each kind of fault is single: pictures that follow one are right.
    clock, t = settled(off)
    last, errors, stamps = 0, [], []
    for n, (transit, wild) in enumerate(pictures):
        taken = t + 100 + n * 100
        fault = wild if n % 2 else 0
        sender = None if fault is None else taken + off + fault
        stamp = clock.stamp((taken + transit) * MS, sender and sender * MS)
        assert stamp.timestamp_ns > last
        last = stamp.timestamp_ns
        stamps.append(stamp)
        errors.append(abs(stamp.timestamp_ns / MS - taken - off))
    assert max(errors) <= 251
    assert bases_of(stamps) == ["sender"]


@pytest.mark.slow
@BRIEFLY
@given(st.lists(PICTURE, min_size=60, max_size=120), st.integers(-1900, 1900))
def test_the_time_base_changes_at_most_once_in_a_connection(
    pictures: list[tuple[int, int | None]], off: int
) -> None:
    clock, stamps = CaptureClock(), []
    for n, (transit, wild) in enumerate(pictures):
        taken = START + n * 100
        fault = wild if n % 2 else 0
        sender = None if fault is None else taken + off + fault
        stamps.append(clock.stamp((taken + transit) * MS, sender and sender * MS))
    assert bases_of(stamps) in (["arrival"], ["arrival", "sender"])
    assert {stamp.problem for stamp in stamps} == {""}


STEPS = st.tuples(st.sampled_from([-1600, -800, 0, 800, 1600]), st.integers(1, 200))


@pytest.mark.slow
@BRIEFLY
@given(st.lists(STEPS, max_size=4))
def test_stamps_slew_by_a_tenth_however_the_sender_steps(
    steps: list[tuple[int, int]],
) -> None:
    clock, t = CaptureClock(), START
    stamps = stamps_of(clock, [(t, None)])
    for off, count in steps:
        stamps += stamps_of(
            clock, ((t + n * 100, t + n * 100 + off) for n in range(1, count + 1))
        )
        t += count * 100
    gaps = [b - a for a, b in zip(in_ms(stamps), in_ms(stamps)[1:], strict=False)]
    assert all(89 < gap < 111 for gap in gaps)
    assert bases_of(stamps) in (["arrival"], ["arrival", "sender"])


moments = st.tuples(st.integers(0, 5_000), st.none() | st.integers(-10_000, 10_000))


@BRIEFLY
@given(st.lists(moments, max_size=60))
def test_stamps_rise_and_stay_near_whatever_comes(
    moments: list[tuple[int, int | None]],
) -> None:
    clock, arrival, last = CaptureClock(), START, 0
    for step, offset in moments:
        arrival += step
        sender = None if offset is None else (arrival + offset) * MS
        stamp = clock.stamp(arrival * MS, sender)
        assert stamp.timestamp_ns > last
        assert abs(stamp.timestamp_ns - arrival * MS) <= 10_000 * MS
        last = stamp.timestamp_ns
