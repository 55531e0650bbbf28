"""Events of two stages, drawn: ``f`` is falling, ``d`` is down, ``.`` is walking.

A capital letter is a score of 0.8, a small one of 0.3; the rest is walking. ``M`` and
``m`` are both at once: somebody who is down, 0.8, seems to fall, with 0.8 or 0.3. A
window ends each second, the minimum duration is 1 s and a long lie 6 s.
"""

from dataclasses import replace
from itertools import zip_longest

import pytest

from models.prompts.prompt_set import Outcome
from models.window import Modality
from pipelines.clock import NS_PER_S
from pipelines.live.events.detector import EventDetector
from pipelines.live.events.settings import EventSettings
from pipelines.records import ActionEvent, Prediction

EVENTS = {"falling": "fall", "fallen": "fall", "walking": "walking"}
OUTCOMES = {"fallen": Outcome("falling", "long lie")}
SETTINGS = EventSettings(
    0.6,
    0.3,
    1.0,
    2.0,
    onset_score=0.25,
    outcome_score=0.5,
    both_score=0.07,
    onset_within_s=3.0,
    long_lie_s=6.0,
)
STAGES = {"f": "falling", "m": "falling", "d": "fallen"}


def prediction(
    second: int, mark: str, modality: Modality, is_seen: bool = True
) -> Prediction:
    score = 0.8 if mark.isupper() else 0.3
    scores = dict.fromkeys(EVENTS, 0.0) | {STAGES.get(mark.lower(), "walking"): score}
    scores |= {"fallen": 0.8} if mark in "Mm" else {}
    return Prediction(
        subject_id="bed-4",
        start_ns=(second - 3) * NS_PER_S,
        end_ns=second * NS_PER_S,
        label="walking",
        confidence=0.5,
        margin=0.0,
        entropy=0.0,
        scores=scores,
        cosines=scores,
        modality=modality,
        model="tiny",
        prompt_set="ward@1",
        partial=False,
        missing_frames=0,
        is_seen=is_seen,
    )


def started(
    row: str,
    modality: Modality = "video",
    seen: str = "",
    settings: EventSettings = SETTINGS,
) -> list[tuple[str, int]]:
    """Return each started event with the second of its decision.

    ``seen`` has a dot for each second in which nobody was found.
    """
    detector = EventDetector("bed-4", EVENTS, settings, outcomes=OUTCOMES)
    events: list[ActionEvent] = []
    for second, (mark, found) in enumerate(zip_longest(row, seen)):
        events += detector.update(prediction(second, mark, modality, found != "."))
    return [
        (event.name, event.decided_ns // NS_PER_S)
        for event in events
        if event.state == "started"
    ]


def test_a_fall_is_reported_once_the_person_is_down() -> None:
    assert started("..FFFDDDD") == [("fall", 5)]


def test_a_person_who_stumbles_and_goes_on_has_not_fallen() -> None:
    assert started("..FFFFFF....") == []


def test_a_person_who_walks_out_of_view_has_not_fallen() -> None:
    row, seen = "..FFDDDDD...", "xxxx.....xxx"
    assert started(row, seen=seen) == []
    assert started(row, "fused", seen) == [("fall", 4)]  # the wearable knows


def test_a_fall_is_reported_once_the_person_is_found_again() -> None:
    assert started("..FFDDDDD", seen="xxxx..xxx") == [("fall", 6)]


def test_a_weak_sign_of_falling_is_enough_for_an_onset() -> None:
    assert started("..fDDDD....") == [("fall", 4)]


@pytest.mark.parametrize(
    ("row", "falls"),
    [("..fdddd....", []), ("..fDDDD....", [3]), ("..Fdddd....", [3])],
)
def test_a_strong_sign_makes_up_for_a_weak_one_and_two_weak_ones_are_no_fall(
    row: str, falls: list[int]
) -> None:
    weak = replace(SETTINGS, enter=0.3, exit=0.1, outcome_score=0.2)
    found = started(row, settings=weak)
    assert [second for name, second in found if name == "fall"] == falls


def test_a_weak_sign_of_falling_in_somebody_who_is_down_is_no_onset() -> None:
    assert started("..DmDDD....") == []
    assert started("..DmDDD....", "fused") == []
    assert started("..DMDDD....") == [("fall", 3)]
    assert started("..mDDDD....") == [("fall", 3)]  # before being down has lasted


def test_a_person_who_lay_on_the_floor_from_the_start_is_a_long_lie() -> None:
    assert started("DDDDDDDDDD") == [("long lie", 6)]


def test_a_short_lie_on_the_floor_is_nothing() -> None:
    assert started("..DDDDDD....") == []


def test_a_person_who_moves_on_the_floor_later_has_not_fallen() -> None:
    assert started("DDDDFDDDDD") == [("long lie", 6)]


def test_falling_long_before_is_no_onset() -> None:
    assert started("FF.....DDDDDDD") == [("long lie", 13)]


def test_a_fall_that_goes_on_is_no_long_lie_as_well() -> None:
    assert started("..FF" + 20 * "D") == [("fall", 4)]


def test_a_person_who_still_lies_after_the_end_of_a_fall_is_a_long_lie() -> None:
    assert started("FFDDD...." + 8 * "D") == [("fall", 2), ("long lie", 15)]


TWO_FALLS = {
    "falling": "fall",
    "fallen": "fall",
    "collapsed": "fall",
    "slumping": "faint",
    "slumped": "faint",
}
THREE_OUTCOMES = {
    "slumped": Outcome("slumping", "long lie"),
    "fallen": Outcome("falling", "long lie"),
    "collapsed": Outcome("falling", "long lie"),
}


def started_by(*seconds: dict[str, float]) -> list[str]:
    detector = EventDetector("bed-4", TWO_FALLS, SETTINGS, outcomes=THREE_OUTCOMES)
    events: list[ActionEvent] = []
    for second, scores in enumerate(seconds):
        full = dict.fromkeys(TWO_FALLS, 0.0) | scores
        empty = prediction(second, ".", "video")
        events += detector.update(replace(empty, scores=full, cosines=full))
    return [event.name for event in events if event.state == "started"]


@pytest.mark.parametrize("outcome", THREE_OUTCOMES)
def test_any_of_several_outcomes_starts_their_common_event(outcome: str) -> None:
    assert started_by(*8 * [{outcome: 0.8}]) == ["long lie"]


def test_the_onset_of_several_outcomes_counts_once() -> None:
    scores = {"falling": 0.06, "collapsed": 0.52}  # 0.58 in all; enter is 0.6
    assert started_by(*8 * [scores]) == []


@pytest.mark.parametrize(
    ("onset", "outcome", "event"),
    [("falling", "fallen", "fall"), ("slumping", "slumped", "faint")],
)
def test_each_event_explains_the_one_that_shares_its_outcome(
    onset: str, outcome: str, event: str
) -> None:
    assert started_by({onset: 0.8}, {onset: 0.8}, *20 * [{outcome: 0.8}]) == [event]


def test_a_wearable_alone_needs_a_higher_score_than_a_camera() -> None:
    for least, expected in ((0.8, [("fall", 3)]), (0.85, [])):
        settings = replace(SETTINGS, wearable_enter=least)
        assert started("..FFFFFF....", "imu", settings=settings) == expected
        assert started("..FFDDDD....", "video", settings=settings) == [("fall", 4)]
    assert started("..FFFFFF....", "imu", settings=replace(SETTINGS, enter=0.85)) == []


def test_a_wearable_alone_needs_no_person_who_is_down() -> None:
    assert started("..FFFFFF....", "imu") == [("fall", 3)]


@pytest.mark.parametrize(
    "name",
    [
        "onset_score",
        "outcome_score",
        "both_score",
    ],
)
def test_scores_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be from 0 to 1, got 1.5$"):
        EventSettings(**{name: 1.5})
