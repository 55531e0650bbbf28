"""The chain with live wearables: windows wait for samples, falls do not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.live.observer import Tally
from pipelines.records import Prediction
from tests.fakes import ColourRecognizer
from tests.live_ward import (
    STEP_S,
    Batch,
    SamplesDecide,
    answers,
    falls,
    live,
    steady,
)

MINUTE = "w" * 160


@pytest.mark.slow
@pytest.mark.parametrize("period_s", [0.2, 1.0, 2.0, 5.0])
def test_every_window_is_fused_however_seldom_the_wearable_sends(
    period_s: float,
) -> None:
    told = live({"bed-4": (MINUTE, steady(period_s, 70.0))})
    # The last windows leave with the camera, before their batch has come.
    modalities = [p.modality for _, p in answers(told) if p.end_ns < 54e9]
    assert modalities.count("fused") >= 0.99 * len(modalities)
    waits_s = [age_s for age_s, _ in answers(told)]
    assert max(waits_s) <= period_s + 0.1  # the batch that it waited for came then


@pytest.mark.slow
@pytest.mark.parametrize("period_s", [0.2, 1.0, 2.0, 5.0])
def test_a_wearable_that_falls_silent_costs_one_ceiling_once(period_s: float) -> None:
    #  wearable  ====]                 silent from 20 s on
    #  answers   ......hhhhhh|.......  held until the ceiling, then at once
    tally = Tally()
    told = live({"bed-4": (MINUTE, steady(period_s, 20.0))}, observer=tally)
    ages_s = [age_s for age_s, _ in answers(told)]
    assert max(ages_s) <= 7.0 + 1e-6
    assert max(ages_s[-80:]) == pytest.approx(0.0, abs=1e-6)
    late = [it.record for it in told if it.at_s > 28.0]
    assert [
        r for r in late if isinstance(r, Prediction) and r.modality != "video"
    ] == []
    assert tally.expired_waits <= 7.0 / STEP_S + 1


@pytest.mark.slow
def test_a_wearable_that_is_back_is_waited_for_again() -> None:
    back = [
        replace(it, first_s=it.first_s + 40, last_s=it.last_s + 40, arrives_s=at + 40)
        for it in steady(2.0, 30.0)
        if (at := it.arrives_s)
    ]
    told = live({"bed-4": (MINUTE, [*steady(2.0, 20.0), *back])})
    late = [p.modality for _, p in answers(told) if 44e9 < p.end_ns < 57e9]
    assert set(late) == {"fused"}


@pytest.mark.parametrize("states", [(), ("offline",), ("connecting", "offline")])
def test_a_wearable_that_is_away_is_not_waited_for(states: tuple[str, ...]) -> None:
    told = live({"bed-4": ("w" * 20, [])}, states=states)  # type: ignore[arg-type]
    assert max(age_s for age_s, _ in answers(told)) == 0.0


def test_a_wearable_that_is_there_and_never_sends_costs_one_ceiling_once() -> None:
    told = live({"bed-4": (MINUTE, [])})
    ages_s = [age_s for age_s, _ in answers(told)]
    assert max(ages_s) == 7.0
    assert max(ages_s[20:]) == 0.0


def test_a_wearable_that_sends_less_often_than_the_ceiling_is_not_waited_for() -> None:
    told = live({"bed-4": (MINUTE, steady(10.0, 60.0))})
    ages_s = [age_s for age_s, p in answers(told) if p.end_ns > 10.1e9]
    assert max(ages_s) == 0.0


def test_no_ceiling_no_wait() -> None:
    told = live({"bed-4": (MINUTE, steady(2.0, 60.0))}, ceiling_s=0.0)
    assert max(age_s for age_s, _ in answers(told)) == 0.0


def test_answers_that_cannot_rest_on_a_wearable_do_not_wait_for_it() -> None:
    recognizer = ColourRecognizer()
    recognizer.info = replace(recognizer.info, uses_wearable=False)
    told = live({"bed-4": ("w" * 40, steady(2.0, 20.0))}, recognizer=recognizer)
    assert max(age_s for age_s, _ in answers(told)) == 0.0


@pytest.mark.slow
def test_nobody_waits_for_the_wearable_of_another() -> None:
    ward = {
        "bed-4": (MINUTE, steady(5.0, 60.0)),
        "bed-5": (MINUTE, None),
        "bed-6": (MINUTE, steady(0.2, 60.0, delay_s=0.0)),
    }
    told = live(ward)
    assert max(age_s for age_s, _ in answers(told, "bed-4")) > 4.0
    assert max(age_s for age_s, _ in answers(told, "bed-5")) == 0.0
    assert max(age_s for age_s, _ in answers(told, "bed-6")[5:]) == 0.0


def test_a_held_window_leaves_in_time_though_its_camera_gives_nothing_more() -> None:
    told = live({"bed-4": ("w" * 40, steady(1.0, 13.0))}, ends=False, until_s=60.0)
    assert len(answers(told)) == 40
    assert max(it.at_s for it in told) <= 15.0 + 7.0


def test_held_windows_leave_at_once_when_the_camera_ends() -> None:
    told = live({"bed-4": ("w" * 43, steady(5.0, 60.0))})  # ends at 15.75 s
    assert [p.end_ns for _, p in answers(told)] == sorted(
        p.end_ns for _, p in answers(told)
    )
    assert len(answers(told)) == 43
    assert max(it.at_s for it in told) == 15.75


def test_held_windows_leave_at_once_when_the_camera_fails() -> None:
    lost = SourceError("rtsp://ward/4", "the camera closed the connection")
    ward = {"bed-4": ("w" * 43, steady(5.0, 60.0)), "bed-5": ("w" * 60, None)}
    told = live(ward, failing={"bed-4": lost})
    mine = answers(told)
    assert len(mine) == 43
    assert max(p.end_ns / 1e9 + age_s for age_s, p in mine) == 15.75


def test_held_windows_leave_at_once_when_the_wearable_ends() -> None:
    told = live({"bed-4": ("w" * 60, steady(5.0, 10.0))}, wearable_ends=True)
    assert max(age_s for age_s, p in answers(told) if p.end_ns > 10.5e9) == 0.0


@pytest.mark.slow
def test_the_age_of_an_answer_leaves_out_the_wait_and_the_wait_is_counted() -> None:
    tally = Tally()
    live({"bed-4": (MINUTE, steady(2.0, 62.0))}, observer=tally)
    assert tally.longest_age_ns == 0
    assert 1.5e9 < tally.longest_wait_ns < 2.1e9
    assert tally.expired_waits < 10 < tally.waits


@pytest.mark.slow
def test_what_is_answered_at_once_ends_the_camera_s_view_of_a_fall() -> None:
    #  batches  |-- 2 s ---|- 0.2 s, nothing waits -|-- 2 s ---
    #  camera   |      ffff|ff                      |fff
    slow, quick = steady(2.0, 60.0), steady(0.2, 60.0)
    batches = [
        *(it for it in slow if it.last_s <= 20.01),
        *(it for it in quick if 19.99 <= it.first_s < 29.99),
        *(it for it in slow if it.first_s >= 29.99),
    ]
    row = "w" * 45 + "f" * 12 + "w" * 23 + "f" * 10 + "w" * 30
    alone = [at_s for at_s, it in falls(live({"bed-4": (row, None)}))]
    told = falls(live({"bed-4": (row, batches)}))
    assert [event.state for _, event in told] == ["started", "ended"] * 2
    assert [at_s for at_s, _ in told][::2] == alone[::2]


@pytest.mark.slow
@pytest.mark.parametrize("period_s", [0.2, 1.0, 2.0, 5.0])
def test_a_fall_that_the_camera_shows_is_reported_as_early_as_without_a_wearable(
    period_s: float,
) -> None:
    row = "w" * 30 + "f" * 10 + "w" * 40
    (alone_s, alone), _ = falls(live({"bed-4": (row, None)}))
    told = falls(live({"bed-4": (row, steady(period_s, 40.0))}))
    (worn_s, start), (_, end) = told
    assert (worn_s, start.event_id) == (alone_s, alone.event_id)
    assert (start.state, end.state) == ("started", "ended")
    assert start.event_id == end.event_id


def test_samples_that_contradict_end_the_fall_early_and_it_is_not_told_again() -> None:
    #  camera   wwwwwfffffffffffffffffffffffffff      it sees a fall for long
    #  samples  not shaken
    row = "w" * 30 + "f" * 60 + "w" * 20
    told = falls(live({"bed-4": (row, steady(5.0, 40.0))}, recognizer=SamplesDecide()))
    assert [event.state for _, event in told] == ["started", "ended"]
    (start_s, start), (end_s, end) = told
    assert start.modality == "video"
    assert end.modality == "fused"
    assert end.event_id == start.event_id
    assert end_s - start_s <= 5.0 + 0.1
    assert end.end_ns is not None
    assert start.start_ns <= end.end_ns <= end.decided_ns


def test_a_fall_that_only_the_samples_show_is_told_when_they_come() -> None:
    told = falls(
        live(
            {"bed-4": ("w" * 60, steady(1.0, 30.0, shaken_s=10.0))},
            recognizer=SamplesDecide(),
        )
    )
    (start_s, start), _ = told
    assert start.modality == "fused"
    assert start_s - start.decided_ns / 1e9 <= 1.1


periods_drawn = st.sampled_from([0.2, 0.5, 1.0, 2.0, 3.3, 5.0])
batches_drawn = st.builds(
    lambda period_s, until_s, delay_s, shaken_s, lost: [
        each
        for number, each in enumerate(
            steady(period_s, until_s, delay_s=delay_s, shaken_s=shaken_s)
        )
        if number % 7 != lost
    ],
    periods_drawn,
    st.floats(0.0, 30.0),
    st.floats(0.0, 3.0),
    st.floats(0.0, 40.0),
    st.integers(0, 9),
)
rows_drawn = st.lists(
    st.tuples(st.sampled_from("wfl."), st.integers(1, 12)), min_size=1, max_size=8
).map(lambda runs: "".join(letter * count for letter, count in runs))


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(row=rows_drawn, batches=batches_drawn)
def test_whatever_comes_when_every_fall_has_one_start_and_one_end(
    row: str, batches: list[Batch]
) -> None:
    told = falls(live({"bed-4": (row, batches)}, recognizer=SamplesDecide()))
    for (_, start), (_, end) in zip(told[::2], told[1::2], strict=True):
        assert (start.state, end.state) == ("started", "ended")
        assert start.event_id == end.event_id
        assert start.start_ns == end.start_ns
        assert end.end_ns is not None
        assert start.start_ns <= start.decided_ns <= end.decided_ns
        assert start.start_ns <= end.end_ns <= end.decided_ns
        assert start.peak_confidence <= end.peak_confidence
    ids = [event.event_id for _, event in told]
    assert len(set(ids)) == len(ids) // 2


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(row=rows_drawn, batches=batches_drawn)
def test_whatever_comes_when_each_window_is_answered_once_and_in_order(
    row: str, batches: list[Batch]
) -> None:
    alone = [p.end_ns for _, p in answers(live({"bed-4": (row, None)}))]
    worn = answers(live({"bed-4": (row, batches)}, recognizer=SamplesDecide()))
    assert [p.end_ns for _, p in worn] == alone
    assert all(age_s <= 7.0 + 12 * STEP_S for age_s, _ in worn)
