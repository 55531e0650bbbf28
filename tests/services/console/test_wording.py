"""Facts in words."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import raise_alarm
from services.console.texts import texts_of
from services.console.wording import Wording
from tests.made_up_ward import DAY_NS, HOUR_NS, MINUTE_NS, RULE, event

BERLIN = Wording(texts_of("en"), ZoneInfo("Europe/Berlin"))
SUMMER_NS = 1_782_864_000 * NS_PER_S  # 2026-07-01 00:00 UTC


def test_times_are_those_of_the_pages_zone() -> None:
    assert BERLIN.hour(SUMMER_NS) == "02:00"
    assert BERLIN.full(SUMMER_NS) == "01/07/2026 02:00"
    assert Wording(texts_of("de"), BERLIN.zone).date(SUMMER_NS) == "01.07.2026"
    assert BERLIN.iso(SUMMER_NS) == "2026-07-01T00:00:00+00:00"


def test_a_day_begins_at_midnight_of_the_zone() -> None:
    start_ns, end_ns = BERLIN.midnight_ns("2026-07-01")
    assert (SUMMER_NS - start_ns, end_ns - start_ns) == (2 * HOUR_NS, DAY_NS)


def test_a_day_with_a_change_of_the_clock_has_its_own_length() -> None:
    start_ns, end_ns = BERLIN.midnight_ns("2026-10-25")
    assert end_ns - start_ns == 25 * HOUR_NS


def test_no_day_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Invalid isoformat"):
        BERLIN.midnight_ns("yesterday")


@pytest.mark.parametrize(
    ("length_ns", "words"),
    [
        (0, "0 s"),
        (59 * NS_PER_S, "59 s"),
        (MINUTE_NS, "1 min"),
        (119 * MINUTE_NS, "119 min"),
        (2 * HOUR_NS, "2 h"),
        (3 * DAY_NS, "3 days"),
        (-5, "0 s"),
    ],
)
def test_a_duration_has_one_unit(length_ns: int, words: str) -> None:
    assert BERLIN.duration(length_ns).replace("\u00a0", " ") == words


def test_a_reason_is_in_the_words_of_carers() -> None:
    assert BERLIN.reason("service: no watcher reports") == (
        "The service does not report"
    )
    assert BERLIN.reason("camera: no data; imu: not worn") == (
        "Camera: gives no data; Wearable: not worn"
    )
    assert BERLIN.reason("camera: never heard of") == "Camera: never heard of"


@given(st.text())
def test_every_reason_has_words(reason: str) -> None:
    BERLIN.reason(reason)


def test_the_history_says_who_did_what() -> None:
    alarm = raise_alarm(event("bed-4", "fall", 0), RULE, 0)
    helped = alarm.acknowledged("kim", 5).escalated("kim", 7)
    done = helped.resolved("kim", "false", 9, "sat down")
    words = [BERLIN.entry(entry, done) for entry in done.history]
    assert words[-3:] == [
        "kim is on the way",
        "kim called for help",
        "kim closed it: false alarm (sat down)",
    ]


def test_an_alarm_that_ended_by_itself_was_closed_by_nobody() -> None:
    alarm = raise_alarm(event("bed-4", "fall", 0), RULE, 0).resolved("", None, 5)
    assert BERLIN.entry(alarm.history[-1], alarm) == "Closed by itself"
