"""Events, drawn: a row of scores, and below it every episode on a row of its own.

In the scores ``#`` is at or above enter, ``-`` between, ``.`` below exit, and a blank
is a second without a prediction. In an episode ``[`` is the onset and ``)`` the end,
decided at ``S`` and ``E``.
"""

import re
from dataclasses import replace

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.events.detector import EventDetector
from pipelines.live.events.settings import EventSettings
from pipelines.records import ActionEvent, Prediction, make_event_id

EVENTS = {"falling": "fall", "fallen": "fall", "walking": "walking"}
SETTINGS = EventSettings(0.5, 0.3, 2.0, 3.0, 4.0)
SCORES = {"#": 0.8, "-": 0.4, ".": 0.1}


def prediction(second: int, **scores: float) -> Prediction:
    full = dict.fromkeys(EVENTS, 0.0) | scores
    label = max(full, key=full.__getitem__)
    return Prediction(
        subject_id="bed-4",
        start_ns=(second - 3) * NS_PER_S,
        end_ns=second * NS_PER_S,
        label=label,
        confidence=full[label],
        margin=0.0,
        entropy=0.0,
        scores=full,
        cosines=full,
        modality="fused",
        model="tiny",
        prompt_set="ward@1",
        partial=False,
        missing_frames=0,
    )


def events_of(row: str, settings: EventSettings = SETTINGS) -> list[ActionEvent]:
    detector = EventDetector("bed-4", EVENTS, settings)
    events = []
    for second, mark in enumerate(row):
        if mark != " ":
            events += detector.update(prediction(second, walking=SCORES[mark]))
    return events + detector.flush()


def draw(events: list[ActionEvent]) -> list[str]:
    rows: dict[str, dict[int, str]] = {}
    for event in events:
        row = rows.setdefault(event.event_id, {})
        if event.end_ns is None:
            row[event.start_ns // NS_PER_S] = "["
            row[event.decided_ns // NS_PER_S] = "S"
        else:
            inside = range(min(row), event.end_ns // NS_PER_S)
            row |= {second: row.get(second, "-") for second in inside}
            row[event.end_ns // NS_PER_S] = ")"
            row[event.decided_ns // NS_PER_S] = "E"
    return [
        "".join(row.get(second, " ") for second in range(max(row) + 1))
        for row in rows.values()
    ]


def test_an_episode_starts_when_held_and_ends_after_the_merge_gap() -> None:
    assert draw(events_of(".#.-###-.-....")) == [
        "    [-S---)  E",
    ]


def test_a_score_that_does_not_hold_enter_starts_nothing() -> None:
    assert events_of(".##.##-##...") == []


def test_what_lies_between_the_thresholds_keeps_an_episode_open() -> None:
    assert draw(events_of("###--------....")) == ["[-S--------)  E"]


def test_gaps_shorter_than_the_merge_gap_are_part_of_the_episode() -> None:
    assert draw(events_of("###..#..-..#....")) == ["[-S---------)  E"]


def test_a_gap_as_long_as_the_merge_gap_parts_two_episodes() -> None:
    assert draw(events_of("###....###....")) == [
        "[-S)  E",
        "       [-S)  E",
    ]


def test_without_durations_the_first_score_decides() -> None:
    at_once = EventSettings(0.5, 0.3, 0.0, 0.0)
    assert draw(events_of(".#.#.", at_once)) == [" SE", "   SE"]


def test_the_end_of_the_stream_ends_an_episode_at_the_newest_frame() -> None:
    assert draw(events_of("..####")) == ["  [-SE"]


def test_an_episode_that_fell_before_the_end_of_the_stream_ends_as_it_fell() -> None:
    assert draw(events_of("..###..")) == ["  [-S)E"]


def test_an_onset_not_yet_decided_is_forgotten_at_the_end() -> None:
    assert events_of("..##") == []


def test_an_onset_not_yet_decided_does_not_survive_a_flush() -> None:
    detector = EventDetector("bed-4", EVENTS, SETTINGS)
    detector.update(prediction(1, walking=0.9))
    detector.flush()
    assert detector.update(prediction(3, walking=0.9)) == []


def test_probabilities_that_round_to_more_than_one_are_one() -> None:
    at_once = EventSettings(0.5, 0.3, 0.0, 0.0)
    detector = EventDetector("bed-4", EVENTS, at_once)
    (event,) = detector.update(prediction(1, falling=0.6, fallen=0.40000001))
    assert event.peak_confidence == 1.0


def test_an_onset_does_not_survive_a_long_silence() -> None:
    assert draw(events_of("##   #")) == ["[----E"]
    assert events_of("##     #") == []


def test_an_episode_survives_every_silence() -> None:
    assert draw(events_of("###            #....")) == ["[-S-------------)  E"]


def test_a_flushed_detector_begins_anew() -> None:
    detector = EventDetector("bed-4", EVENTS, EventSettings(0.5, 0.3, 0.0, 0.0))
    (first,) = detector.update(prediction(1, walking=0.9))
    assert [event.event_id for event in detector.flush()] == [first.event_id]
    assert detector.flush() == []
    (second,) = detector.update(prediction(2, walking=0.9))
    assert second.event_id != first.event_id


@pytest.mark.slow
def test_a_fall_stays_started_from_falling_to_the_end_of_lying() -> None:
    detector = EventDetector("bed-4", EVENTS, SETTINGS)
    stages = [
        {"walking": 0.9},
        {"falling": 0.4, "fallen": 0.2, "walking": 0.4},
        {"falling": 0.6, "fallen": 0.3},
        {"falling": 0.3, "fallen": 0.6},
        *[{"fallen": 0.95}] * 3600,  # a long lie
        *[{"walking": 0.9}] * 4,
    ]
    events = [
        event
        for second, scores in enumerate(stages)
        for event in detector.update(prediction(second, **scores))
    ]
    started, ended = [event for event in events if event.name == "fall"]
    assert (started.state, started.label) == ("started", "fallen")
    assert (started.start_ns, started.decided_ns) == (NS_PER_S, 3 * NS_PER_S)
    assert started.peak_confidence == pytest.approx(0.9)
    assert (ended.state, ended.label) == ("ended", "fallen")
    assert ended.end_ns == 3604 * NS_PER_S
    assert ended.peak_confidence == pytest.approx(0.95)
    assert ended.event_id == started.event_id


def test_an_event_tells_whence_it_comes() -> None:
    (event, _) = events_of("###")
    assert (event.subject_id, event.name, event.label) == (
        "bed-4",
        "walking",
        "walking",
    )
    assert event.event_id == make_event_id("bed-4", "walking", 0)
    assert (event.modality, event.model, event.prompt_set) == (
        "fused",
        "tiny",
        "ward@1",
    )
    assert event.end_ns is None


def test_what_ends_is_told_before_what_starts_with_the_same_prediction() -> None:
    at_once = EventSettings(0.5, 0.3, 0.0, 0.0)
    detector = EventDetector("bed-4", EVENTS, at_once)
    detector.update(prediction(1, walking=0.9))
    events = detector.update(prediction(2, falling=0.9))
    assert [(event.name, event.state) for event in events] == [
        ("walking", "ended"),
        ("fall", "started"),
    ]


def test_an_event_may_have_thresholds_of_its_own() -> None:
    at_once = EventSettings(0.2, 0.1, 0.0, 0.0)
    detector = EventDetector("bed-4", EVENTS, SETTINGS, {"fall": at_once})
    events = detector.update(prediction(1, falling=0.25, walking=0.75))
    assert [event.name for event in events] == ["fall"]


def test_a_prediction_without_a_newer_frame_is_no_news() -> None:
    at_once = EventSettings(0.5, 0.3, 0.0, 0.0)
    detector = EventDetector("bed-4", EVENTS, at_once)
    detector.update(prediction(5, walking=0.9))
    assert detector.update(prediction(5, walking=0.1)) == []


def test_thresholds_for_an_event_that_no_label_has_are_refused() -> None:
    problem = "no label belongs to event 'fal'; the events are: fall, walking"
    with pytest.raises(ValueError, match=f"^{problem}$"):
        EventDetector("bed-4", EVENTS, SETTINGS, {"fal": SETTINGS})


@pytest.mark.parametrize(
    ("enter", "leave"), [(0.5, 0.6), (0.5, 0.0), (1.1, 0.5), (float("nan"), 0.3)]
)
def test_thresholds_out_of_range_are_refused(enter: float, leave: float) -> None:
    problem = f"got exit {leave} and enter {enter}"
    with pytest.raises(ValueError, match=f"^exit and enter .* {re.escape(problem)}$"):
        EventSettings(enter=enter, exit=leave)


@pytest.mark.parametrize(
    "name",
    [
        "minimum_duration_s",
        "merge_gap_s",
        "longest_silence_s",
        "onset_within_s",
        "long_lie_s",
    ],
)
def test_durations_out_of_range_are_refused(name: str) -> None:
    problem = f"{name} must be zero or more and finite, got -1.0"
    with pytest.raises(ValueError, match=f"^{problem}$"):
        EventSettings(**{name: -1.0})


def test_an_episode_of_an_earlier_process_keeps_its_id_whatever_its_onset_is() -> None:
    # That process told its start by a clock that was set since: same id, other onset.
    (told,) = [it for it in events_of("####") if it.state == "started"]
    detector = EventDetector("bed-4", EVENTS, SETTINGS)
    detector.resume(replace(told, start_ns=told.start_ns + 7 * NS_PER_S))
    events = [
        event
        for second in range(10, 20)
        for event in detector.update(prediction(second, walking=0.1))
    ]
    assert [(it.state, it.event_id) for it in events] == [("ended", told.event_id)]
    assert events[0].start_ns == told.start_ns + 7 * NS_PER_S


def adopting(row: str, ahead: str) -> tuple[list[ActionEvent], list[bool]]:
    """Follow a row whose starts another detector decided beforehand, on its own row.

    Returns the events from the adopted start on, and what ``adopt`` answered.
    """
    first, second = (EventDetector("bed-4", EVENTS, SETTINGS) for _ in range(2))
    events, answers = [], []
    for at, mark in enumerate(ahead):
        for event in first.update(prediction(at, walking=SCORES[mark])):
            if event.state == "started":
                answers.append(second.adopt(event))
                events += [event] if answers[-1] else []
    for at, mark in enumerate(row):
        events += second.update(prediction(at, walking=SCORES[mark]))
    return events + second.flush(), answers


def test_an_adopted_episode_is_refined_and_not_started_again() -> None:
    ahead, told = "..#####", "..##########......"
    events, _ = adopting(told, ahead)
    assert draw(events) == ["  [-S-------)  E"]


def test_what_was_before_the_onset_of_an_adopted_episode_does_not_end_it() -> None:
    ahead, told = ".......###", "........########......"
    events, _ = adopting(told, ahead)
    assert draw(events) == ["       [-S------)  E"]


def test_an_adopted_episode_that_is_contradicted_ends_by_the_usual_rules() -> None:
    ahead, told = "..#####", ".............."
    events, _ = adopting(told, ahead)
    assert draw(events) == ["  ) SE"]


def test_an_adopted_episode_does_not_end_before_it_was_decided() -> None:
    settings = EventSettings(0.5, 0.3, 4.0, 0.0, 9.0)
    first, second = (EventDetector("bed-4", EVENTS, settings) for _ in range(2))
    (start,) = [e for at in range(5) for e in first.update(prediction(at, walking=0.8))]
    assert second.adopt(start)
    events = [e for at in range(9) for e in second.update(prediction(at, walking=0.1))]
    assert [(e.state, e.end_ns, e.decided_ns) for e in events] == [
        ("ended", 0, start.decided_ns)
    ]


def test_an_episode_that_goes_on_is_not_adopted_again() -> None:
    first, second = (EventDetector("bed-4", EVENTS, SETTINGS) for _ in range(2))
    (start,) = [e for at in range(5) for e in first.update(prediction(at, walking=0.8))]
    assert second.adopt(start)
    assert not second.adopt(start)


def test_an_onset_within_an_episode_that_ended_is_not_adopted() -> None:
    first, second = (EventDetector("bed-4", EVENTS, SETTINGS) for _ in range(2))
    (start,) = [e for at in range(5) for e in first.update(prediction(at, walking=0.8))]
    for at, mark in enumerate("#####......"):
        second.update(prediction(at, walking=SCORES[mark]))
    assert not second.adopt(start)


def test_a_resumed_episode_ends_though_its_onset_lies_ahead() -> None:
    # The clock was wrong when it started: its onset is of no use, its end is.
    (told,) = [it for it in events_of("####") if it.state == "started"]
    detector = EventDetector("bed-4", EVENTS, SETTINGS)
    detector.resume(replace(told, start_ns=90 * NS_PER_S))
    events = [e for at in range(9) for e in detector.update(prediction(at))]
    assert [(it.state, it.event_id) for it in events] == [("ended", told.event_id)]
