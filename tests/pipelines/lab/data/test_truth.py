import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.lab.data.footage import LabelledSpan
from pipelines.lab.data.truth import (
    OTHER,
    Truth,
    covered_ns,
    read_truth,
    unknown_rows,
)

ALIASES = {
    "walking": "walking",
    "standing": "standing",
    "sitting": "sitting",
    "falling": "falling",
    "fall": "falling",
    "fallen": "fallen",
    "lying on floor": "fallen",
    "lying in bed": "lying in bed",
    "lying": "lying in bed",
}


def span(label: str, start_s: float, end_s: float, notes: str = "") -> LabelledSpan:
    times_s = float(start_s), float(end_s)
    return LabelledSpan("a.mp4", label, "drawn", *times_s, notes)


def read(*rows: LabelledSpan) -> Truth:
    return read_truth(rows, ALIASES.get)


def falls_s(truth: Truth) -> list[tuple[float, float, float]]:
    return [
        (f.onset_ns / NS_PER_S, f.down_ns / NS_PER_S, f.end_ns / NS_PER_S)
        for f in truth.falls
    ]


def test_a_fall_is_falling_joined_with_the_fallen_that_follows() -> None:
    # standing [fall)[lying on floor)
    # 0       2     3               9
    truth = read(
        span("lying on floor", 3, 9), span("standing", 0, 2), span("fall", 2, 3)
    )

    assert falls_s(truth) == [(2, 3, 9)]
    assert [s.label for s in truth.spans] == ["standing", "falling", "fallen"]
    assert truth.long_lies == ()


def test_a_fall_after_which_nobody_lies_ends_with_falling() -> None:
    # [fall)[walking)
    # 2    3        5
    assert falls_s(read(span("fall", 2, 3), span("walking", 3, 5))) == [(2, 3, 3)]


@pytest.mark.parametrize("fallen_from_s", [2.5, 3, 4])
def test_fallen_may_overlap_falling_or_leave_a_small_gap(fallen_from_s: float) -> None:
    # [fall)  or  [fall)
    # 2  [fallen)     3 [fallen)
    truth = read(span("fall", 2, 3), span("fallen", fallen_from_s, 9))

    assert falls_s(truth) == [(2, 3, 9)]


def test_fallen_in_several_spans_is_one_fall() -> None:
    # [fall)[fallen)[fallen)
    # 2    3       5       9
    truth = read(span("fall", 2, 3), span("fallen", 3, 5), span("fallen", 5, 9))

    assert falls_s(truth) == [(2, 3, 9)]


def test_fallen_long_after_a_fall_is_no_part_of_it() -> None:
    # [fall)[walking)[fallen)
    # 2    3        8       9
    truth = read(span("fall", 2, 3), span("walking", 3, 8), span("fallen", 8, 9))

    assert falls_s(truth) == [(2, 3, 3)]
    assert [s.start_ns for s in truth.long_lies] == [8 * NS_PER_S]


def test_two_falls_keep_their_own_fallen() -> None:
    # [fall)[fallen)[walking)[fall)[fallen)
    # 0    1       3        5     6       8
    truth = read(
        span("fall", 0, 1),
        span("fallen", 1, 3),
        span("walking", 3, 5),
        span("fall", 5, 6),
        span("fallen", 6, 8),
    )

    assert falls_s(truth) == [(0, 1, 3), (5, 6, 8)]


def test_falling_in_touching_spans_is_one_fall() -> None:
    # [falling)[fall)
    # 0       1     2
    assert falls_s(read(span("falling", 0, 1), span("fall", 1, 2))) == [(0, 2, 2)]


def test_lying_without_a_fall_before_it_is_lying_in_bed() -> None:
    # [lying)[fall)
    # 0     4     5
    truth = read(span("lying", 0, 4), span("fall", 4, 5))

    assert truth.spans[0].label == "lying in bed"
    assert falls_s(truth) == [(4, 5, 5)]


def test_lying_after_a_fall_is_fallen_and_joined_to_it() -> None:
    # [fall)[Lying)
    # 0    1      9
    truth = read(span("fall", 0, 1), span("Lying", 1, 9))

    assert truth.spans[1].label == "fallen"
    assert falls_s(truth) == [(0, 1, 9)]


def test_lying_any_time_after_a_fall_is_fallen() -> None:
    # [fall)[walking)[lying)
    # 0    1        5     9
    truth = read(span("fall", 0, 1), span("walking", 1, 5), span("lying", 5, 9))

    assert truth.spans[2].label == "fallen"


def test_lying_is_lying_in_bed_even_where_no_alias_says_so() -> None:
    truth = read_truth([span("lying", 0, 4)], {"lying in bed": "lying in bed"}.get)

    assert truth.spans[0].label == "lying in bed"


def test_a_short_fallen_within_a_longer_one_does_not_end_the_fall() -> None:
    # [fall)[fallen----------)
    #           [fallen)
    # 0    1    2      3     9
    truth = read(span("fall", 0, 1), span("fallen", 1, 9), span("fallen", 2, 3))

    assert falls_s(truth) == [(0, 1, 9)]


def test_lying_in_bed_after_a_fall_stays_lying_in_bed() -> None:
    truth = read(span("fall", 0, 1), span("lying in bed", 1, 9))

    assert truth.spans[1].label == "lying in bed"
    assert falls_s(truth) == [(0, 1, 1)]


def test_fallen_from_the_start_is_a_long_lie_unless_it_is_a_hard_negative() -> None:
    lain = read(span("fallen", 0, 9))
    staged = read(span("fallen", 0, 9, notes="Hard negative: lay down to play"))

    assert (len(lain.long_lies), len(lain.falls)) == (1, 0)
    assert (len(staged.long_lies), len(staged.hard_negatives)) == (0, 1)


def test_falls_count_even_where_the_prompt_set_lacks_them() -> None:
    truth = read_truth(
        [span("falling", 0, 1), span("fallen", 1, 4)], lambda _label: None
    )

    assert falls_s(truth) == [(0, 1, 4)]


def test_an_unknown_label_is_other_and_listed_once_with_its_first_row() -> None:
    rows = [span("juggling", 0, 1), span("walking", 1, 2), span("juggling", 2, 3)]

    assert [s.label for s in read(*rows).spans] == [OTHER, "walking", OTHER]
    assert unknown_rows(rows, ALIASES.get) == {"juggling": rows[0]}


def test_touching_spans_of_one_hard_negative_are_one() -> None:
    # [hard: kneels)[hard: kneels)   [hard: kneels)[hard: sits)
    # 0            1             2   3            4           5
    kneels, sits = "hard negative: kneels", "hard negative: sits"
    truth = read(
        span("kneeling", 0, 1, kneels),
        span("standing", 1, 2, kneels),
        span("kneeling", 3, 4, kneels),
        span("sitting", 4, 5, sits),
    )

    ends_s = [s.end_ns // NS_PER_S for s in truth.hard_negatives]
    assert ends_s == [2, 4, 5]


@pytest.mark.parametrize(
    ("start_s", "end_s", "label"),
    [
        (0.0, 3.0, "walking"),  # walking fills two thirds
        (1.5, 4.0, "sitting"),
        (3.0, 6.0, None),  # one second of sitting, two of nothing
        (2.0, 2.0, "sitting"),  # one frame, no length
        (9.0, 12.0, None),
        (3.0, 5.0, "sitting"),  # as much labelled as not
    ],
)
def test_the_label_that_fills_most_of_a_window_is_its_label(
    start_s: float, end_s: float, label: str | None
) -> None:
    # [walking)[sitting)
    # 0       2        4
    truth = read(span("walking", 0, 2), span("sitting", 2, 4))

    given_ns = (round(start_s * NS_PER_S), round(end_s * NS_PER_S))
    assert truth.label_of(*given_ns) == label


def test_overlapping_spans_of_one_label_do_not_count_twice() -> None:
    # [sitting------)
    #      [reading)
    #      [eating-)
    # 0    2       4
    truth = read(span("sitting", 0, 4), span("reading", 2, 4), span("eating", 2, 4))

    assert truth.label_of(NS_PER_S, 4 * NS_PER_S) == "sitting"


def test_a_known_label_goes_before_other_where_both_fill_a_window() -> None:
    truth = read(span("reading", 0, 4), span("walking", 0, 4))

    assert truth.label_of(0, NS_PER_S) == "walking"


def test_other_is_a_windows_label_where_it_fills_most() -> None:
    truth = read(span("reading", 0, 4), span("walking", 0, 1))

    assert truth.label_of(0, 4 * NS_PER_S) == OTHER


INTERVALS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20)).map(
        lambda pair: (min(pair), max(pair))
    ),
    max_size=5,
)


@given(INTERVALS, st.integers(0, 20), st.integers(0, 20))
def test_covered_time_is_the_count_of_covered_moments(
    intervals: list[tuple[int, int]], start: int, end: int
) -> None:
    moments = {t for a, b in intervals for t in range(max(a, start), min(b, end))}

    assert covered_ns(intervals, start, end) == len(moments)
