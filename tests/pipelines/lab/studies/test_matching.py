from typing import Literal

import pytest

from pipelines.clock import NS_PER_S
from pipelines.lab.data.truth import TrueFall, TrueSpan, Truth
from pipelines.lab.studies.matching import Episode, Matching, match_falls, pair_events
from pipelines.records import ActionEvent, make_event_id

# Every drawing:  fall [falling)[fallen)    event {start  ! decided  } end


def at(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def fall(onset_s: float, down_s: float, end_s: float) -> TrueFall:
    return TrueFall(at(onset_s), at(down_s), at(end_s))


def episode(start_s: float, decided_s: float, end_s: float) -> Episode:
    return Episode(at(start_s), at(decided_s), at(end_s), 0.9)


def match(
    falls: list[TrueFall],
    episodes: list[Episode],
    long_lies: tuple[TrueSpan, ...] = (),
) -> Matching:
    truth = Truth((), tuple(falls), (), long_lies, ())
    return match_falls(truth, episodes)


ONE_FALL = [fall(10, 11, 20)]


def counts(matching: Matching) -> dict[str, int]:
    kinds = ("found", "missed", "false", "repeated", "long_lies")
    sizes = {kind: len(getattr(matching, kind)) for kind in kinds}
    return {kind: size for kind, size in sizes.items() if size}


def test_a_fall_is_found_by_an_event_decided_after_its_onset() -> None:
    # [10)[11----------20)
    # {10   !12         21}
    matching = match(ONE_FALL, [episode(10, 12, 21)])

    assert counts(matching) == {"found": 1}
    assert matching.found[0].delay_s == 2.0


def test_without_an_event_the_fall_is_missed() -> None:
    assert match(ONE_FALL, []).missed == tuple(ONE_FALL)


@pytest.mark.parametrize(
    ("decided_s", "found"),
    [(9.49, False), (9.5, True), (20.0, True), (26.0, True), (26.01, False)],
)
def test_the_reach_is_half_a_second_before_and_six_seconds_after(
    decided_s: float, found: bool
) -> None:
    # [10)[11----------20)
    #                     !26
    matching = match(ONE_FALL, [episode(decided_s, decided_s, decided_s)])

    assert counts(matching) == ({"found": 1} if found else {"missed": 1, "false": 1})


def test_the_first_event_finds_the_fall_and_later_ones_are_repeated() -> None:
    # [10)[11----------20)
    #     {!12} {!15}
    first, second = episode(12, 12, 13), episode(15, 15, 17)

    matching = match(ONE_FALL, [second, first])

    assert counts(matching) == {"found": 1, "repeated": 1}
    assert matching.found[0].episode == first
    assert matching.repeated == (second,)


def test_an_event_decided_too_early_that_lasts_into_the_fall_is_not_false() -> None:
    #         [10)[11---20)
    # {5 !6    12}
    matching = match(ONE_FALL, [episode(5, 6, 12)])

    assert counts(matching) == {"missed": 1, "repeated": 1}


@pytest.mark.parametrize(("end_s", "kind"), [(9.4, "false"), (9.6, "repeated")])
def test_an_event_touches_the_fall_from_half_a_second_before(
    end_s: float, kind: str
) -> None:
    #         [10)[11---20)
    # {5 !6 9.6}
    matching = match(ONE_FALL, [episode(5, 6, end_s)])

    assert counts(matching) == {"missed": 1, kind: 1}


def test_an_event_decided_in_the_reach_after_it_ended_touches_the_fall() -> None:
    #         [10)[11---20)
    # {5   8} !11 !12
    first, second = episode(5, 11, 8), episode(5, 12, 8)

    assert counts(match(ONE_FALL, [first, second])) == {"found": 1, "repeated": 1}


def test_an_event_that_ends_before_the_fall_is_false() -> None:
    #         [10)[11---20)
    # {5 !6 9}
    matching = match(ONE_FALL, [episode(5, 6, 9)])

    assert counts(matching) == {"missed": 1, "false": 1}


def test_an_event_whose_onset_lies_in_the_reach_but_decided_later_is_no_find() -> None:
    # [10)[11---20)      26|
    #                  {25   !27 30}
    assert counts(match(ONE_FALL, [episode(25, 27, 30)])) == {
        "missed": 1,
        "repeated": 1,
    }


def test_one_event_open_through_two_falls_finds_only_the_first() -> None:
    # [10)[11-12)   [15)[16-20)
    # {10   !12             21}
    matching = match([fall(10, 11, 12), fall(15, 16, 20)], [episode(10, 12, 21)])

    assert counts(matching) == {"found": 1, "missed": 1}
    assert matching.missed[0].onset_ns == at(15)


def test_an_event_decided_within_the_reach_of_two_falls_belongs_to_the_later() -> None:
    # [10)[11-12)   [15)[16-20)
    #                  {15 !16}
    early, late = fall(10, 11, 12), fall(15, 16, 20)

    matching = match([early, late], [episode(15, 16, 21)])

    assert [pair.fall for pair in matching.found] == [late]
    assert matching.missed == (early,)


def test_each_of_two_falls_is_found_by_its_own_event() -> None:
    falls = [fall(10, 11, 12), fall(15, 16, 20)]

    matching = match(falls, [episode(15, 16, 21), episode(10, 12, 13)])

    assert [pair.delay_s for pair in matching.found] == [2.0, 1.0]


def test_an_event_on_somebody_who_lay_there_all_along_is_neither() -> None:
    # fallen [0-----8)      fall none
    #        {0 !1 8}  {!20}
    lying = TrueSpan("fallen", 0, at(8))

    matching = match([], [episode(0, 1, 8), episode(20, 20, 21)], (lying,))

    assert counts(matching) == {"long_lies": 1, "false": 1}


def test_a_recording_without_falls_counts_every_event_as_false() -> None:
    assert counts(match([], [episode(1, 2, 3), episode(7, 8, 9)])) == {"false": 2}


def record(
    state: Literal["started", "ended"],
    start_s: float,
    decided_s: float,
    end_s: float | None = None,
    name: str = "fall",
) -> ActionEvent:
    return ActionEvent(
        event_id=make_event_id("a", name, at(start_s)),
        subject_id="a",
        name=name,
        label="fallen",
        state=state,
        start_ns=at(start_s),
        end_ns=None if end_s is None else at(end_s),
        decided_ns=at(decided_s),
        peak_confidence=0.6 if state == "started" else 0.8,
        modality="video",
        model="m",
        prompt_set="p",
    )


def test_a_start_and_its_end_are_one_episode_decided_at_the_start() -> None:
    events = [
        record("started", 1, 2),
        record("started", 1, 2, name="sitting"),
        record("ended", 1, 9, 8),
    ]

    assert pair_events(events, "fall", at(30)) == [Episode(at(1), at(2), at(8), 0.8)]


def test_an_event_still_open_lasts_to_the_end_of_the_recording() -> None:
    events = [record("started", 1, 2)]

    assert pair_events(events, "fall", at(30)) == [Episode(at(1), at(2), at(30), 0.6)]
