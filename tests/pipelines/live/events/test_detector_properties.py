"""What holds for the events of any stream of scores."""

from itertools import pairwise

from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from pipelines.live.events.detector import EventDetector
from pipelines.live.events.settings import EventSettings
from pipelines.records import ActionEvent, Prediction

EVENTS = {"falling": "fall", "fallen": "fall", "walking": "walking"}

settings_drawn = st.builds(
    lambda low, high, held, gap, silence: EventSettings(
        max(low, high), min(low, high), held, gap, silence
    ),
    st.floats(0.05, 1.0),
    st.floats(0.05, 1.0),
    st.floats(0.0, 3.0),
    st.floats(0.0, 3.0),
    st.floats(0.0, 5.0),
)
shares_drawn = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
stream_drawn = st.lists(
    st.tuples(st.integers(0, 4_000_000_000), shares_drawn), max_size=40
)
Stream = list[tuple[int, tuple[int, int, int]]]


def predictions_of(stream: Stream) -> list[Prediction]:
    now_ns, predictions = 0, []
    for later_ns, shares in stream:
        now_ns += later_ns
        total = sum(shares) or 1
        scores = {
            label: share / total for label, share in zip(EVENTS, shares, strict=True)
        }
        predictions.append(
            Prediction(
                *("bed-4", now_ns, now_ns, "walking", 0.0, 0.0, 0.0, scores, scores),
                *("video", "tiny", "ward@1", False, 0),
            )
        )
    return predictions


def events_of(stream: Stream, settings: EventSettings) -> list[ActionEvent]:
    detector = EventDetector("bed-4", EVENTS, settings)
    events = [
        event for each in predictions_of(stream) for event in detector.update(each)
    ]
    return events + detector.flush()


def episodes_of(
    stream: Stream, settings: EventSettings
) -> list[list[tuple[ActionEvent, ActionEvent]]]:
    """Return, of each event, the pairs of what started and what ended."""
    events = events_of(stream, settings)
    rows = [
        [e for e in events if e.name == name] for name in sorted(set(EVENTS.values()))
    ]
    return [list(zip(row[::2], row[1::2], strict=True)) for row in rows]


@bounds(deadline=None)
@given(stream=stream_drawn, settings=settings_drawn)
def test_started_and_ended_alternate_with_one_id_an_episode(
    stream: Stream, settings: EventSettings
) -> None:
    for row in episodes_of(stream, settings):
        for started, ended in row:
            assert (started.state, ended.state) == ("started", "ended")
            assert started.event_id == ended.event_id
            assert started.start_ns == ended.start_ns
        ids = {started.event_id for started, _ in row}
        assert len(ids) == len(row)


@bounds(deadline=None)
@given(stream=stream_drawn, settings=settings_drawn)
def test_times_are_in_order_and_episodes_of_an_event_do_not_overlap(
    stream: Stream, settings: EventSettings
) -> None:
    for row in episodes_of(stream, settings):
        for started, ended in row:
            assert ended.end_ns is not None
            assert started.start_ns <= started.decided_ns <= ended.decided_ns
            assert started.start_ns <= ended.end_ns <= ended.decided_ns
        for (_, earlier), (later, _) in pairwise(row):
            assert earlier.end_ns is not None
            assert earlier.end_ns < later.start_ns


@bounds(deadline=None)
@given(stream=stream_drawn, settings=settings_drawn)
def test_an_episode_was_decided_by_scores_that_held_enter(
    stream: Stream, settings: EventSettings
) -> None:
    for started, ended in (
        pair for row in episodes_of(stream, settings) for pair in row
    ):
        held_s = (started.decided_ns - started.start_ns) / 1e9
        assert held_s >= settings.minimum_duration_s - 1e-9
        assert settings.enter <= started.peak_confidence <= ended.peak_confidence <= 1.0


@bounds(deadline=None)
@given(stream=stream_drawn, settings=settings_drawn)
def test_events_are_told_in_the_order_of_their_decisions(
    stream: Stream, settings: EventSettings
) -> None:
    decided = [event.decided_ns for event in events_of(stream, settings)]
    assert decided == sorted(decided)
