"""What the live view draws, read back as text."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from pipelines.clock import NS_PER_S
from pipelines.live.subject import Record
from pipelines.records import DriftStatus, PeopleCount, SourceStatus
from services.live_view import LiveView
from tests.services import test_record_lines as record_lines

ORIGIN_NS = 1_700_000_000 * NS_PER_S
EVENTS = {"tumbling": "fall", "falling": "falling", "reading": "reading"}

PREDICTION = replace(
    record_lines.PREDICTION,
    start_ns=ORIGIN_NS,
    end_ns=ORIGIN_NS + 3 * NS_PER_S,
    scores={"tumbling": 0.75, "falling": 0.2, "reading": 0.05},
    cosines={"tumbling": 0.31, "falling": 0.2, "reading": 0.1},
    partial=False,
    missing_frames=0,
)
EVENT = record_lines.event(None)
STATUS = SourceStatus(
    "bed-1", "camera", "stalled", ORIGIN_NS, "no picture [since] 5 s", "sender", 2, 7
)
ALERT = replace(record_lines.ALERT, change=-61.2, since_ns=ORIGIN_NS)


def view_of(*records: Record, title: str = "ward.mp4", live: bool = False) -> LiveView:
    view = LiveView(title, EVENTS, origin_ns=None if live else ORIGIN_NS)
    for record in records:
        view.add(record)
    return view


def drawn(view: LiveView, *, styles: bool = False) -> str:
    console = Console(
        width=100,
        record=True,
        file=io.StringIO(),
        force_terminal=styles,
        color_system="standard" if styles else None,
        legacy_windows=False,
    )
    console.print(view)
    return console.export_text(styles=styles)


def row_with(text: str, words: str) -> str:
    (row,) = (line for line in text.splitlines() if words in line)
    return row


def test_the_labels_of_the_last_window_are_shown_with_their_scores() -> None:
    text = drawn(view_of(PREDICTION))
    assert "75%" in row_with(text, "tumbling")
    assert "cos 0.31" in row_with(text, "tumbling")
    assert text.index("tumbling") < text.index("falling") < text.index("reading")


def test_every_label_of_a_fall_is_red_whatever_its_name() -> None:
    text = drawn(view_of(PREDICTION), styles=True)
    red = "\x1b[31m"
    assert red in row_with(text, "tumbling")
    assert red not in row_with(text, "falling")


def test_a_newer_window_replaces_the_older() -> None:
    newer = replace(PREDICTION, scores={"reading": 0.9}, missing_frames=2)
    text = drawn(view_of(PREDICTION, newer))
    assert "tumbling" not in text
    assert "2 frames missing" in text


def test_a_recording_counts_seconds_from_its_start() -> None:
    assert "2.00 s  bed-1" in drawn(view_of(EVENT))


def test_a_live_source_shows_utc_and_its_name() -> None:
    assert "22:13:22.00 UTC  bed-1" in drawn(view_of(EVENT, live=True))


def test_an_event_that_ended_is_dated_at_its_end() -> None:
    ended = replace(EVENT, state="ended", end_ns=ORIGIN_NS + 9 * NS_PER_S)
    assert "9.00 s" in row_with(drawn(view_of(ended)), "fall")


def test_old_events_leave_the_table() -> None:
    events = [replace(EVENT, subject_id=f"bed-{n}") for n in range(20)]
    text = drawn(view_of(*events))
    assert "bed-11 " not in text
    assert "bed-12 " in text
    assert "bed-19 " in text


def test_a_source_shows_its_state_and_reason() -> None:
    row = row_with(drawn(view_of(STATUS)), "bed-1: ")
    assert "stalled  no picture [since] 5 s" in row
    assert "time by sender, 2 reconnects, 7 dropped" in row


def test_brackets_in_a_title_are_no_markup() -> None:
    assert "ward [bold].mp4" in drawn(view_of(title="ward [bold].mp4"))


def bar_row(view: LiveView) -> str:
    """The bar of progress is the one row of nothing but a line."""
    (row,) = (
        line for line in drawn(view).splitlines() if set(line.strip("│ ")) == {"━"}
    )
    return row.strip("│ ")


def test_the_bar_of_a_recording_grows_with_it() -> None:
    view = LiveView("ward.mp4", EVENTS, origin_ns=ORIGIN_NS, duration_s=6.0)
    view.add(PREDICTION)
    half = len(bar_row(view))
    view.add(replace(PREDICTION, end_ns=ORIGIN_NS + 6 * NS_PER_S))
    assert len(bar_row(view)) == 2 * half


def test_the_bar_of_a_live_showing_counts_from_its_first_window() -> None:
    view = LiveView("demo", EVENTS, duration_s=6.0)
    view.add(PREDICTION)
    half = len(bar_row(view))
    view.add(replace(PREDICTION, end_ns=ORIGIN_NS + 6 * NS_PER_S))
    assert len(bar_row(view)) == 2 * half


def test_learning_says_how_long_and_what_is_watched_meanwhile() -> None:
    learning = DriftStatus("bed-1", "learning", 6.5 * 86_400, None, ORIGIN_NS)
    text = drawn(view_of(PREDICTION, learning))
    assert "learning" in text
    assert "6.5 days left" in text
    assert "faults that the sources report" in text


def test_a_drift_alert_stays_until_it_is_over() -> None:
    alerted = DriftStatus("bed-1", "alerted", 0.0, (0.7, 0.6, 0.8), ORIGIN_NS)
    watching = replace(alerted, state="watching")
    text = drawn(view_of(PREDICTION, ALERT, alerted))
    assert "likely cause dark" in text
    assert "luma by -61.2" in text
    assert "2023-11-14 22:13" in text
    over = replace(ALERT, state="recovered")
    text = drawn(view_of(PREDICTION, ALERT, alerted, over, watching))
    assert "dark" not in text
    assert "implied accuracy 70% (60% to 80%)" in text


@pytest.mark.parametrize(
    ("count", "note"), [(0, "no people in view"), (1, ""), (2, "2 people in view")]
)
def test_the_number_of_people_is_shown_unless_somebody_is_alone(
    count: int, note: str
) -> None:
    text = drawn(view_of(PREDICTION, PeopleCount("bed-1", ORIGIN_NS, count)))
    assert ("people in view" in text) == bool(note)
    assert note in text
