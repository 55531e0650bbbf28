"""What a tile says of a subject."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm, raise_alarm
from services.console.tiles import SILENT_NS, Tile, most_urgent, tile_of
from tests.made_up_ward import RULE, event, live

NOW_NS = 1_700_000_000 * NS_PER_S


def alarm(at_ns: int = NOW_NS, name: str = "fall") -> Alarm:
    return raise_alarm(event("bed-4", name, at_ns), RULE, at_ns)


def tile(*alarms: Alarm, age_ns: int = 0, **facts: Any) -> Tile:
    at_ns = NOW_NS - age_ns
    return tile_of("bed-4", live(at_ns, **facts), at_ns, alarms, NOW_NS)


def test_a_subject_who_is_watched_is_calm_with_its_facts() -> None:
    shown = tile()
    assert (shown.tone, shown.action, shown.bed) == ("calm", "lying in bed", "in")
    assert (shown.people, shown.picture_ns) == (1, NOW_NS)


@pytest.mark.parametrize(
    ("facts", "tone"),
    [
        ({"state": "degraded", "reason": "imu: not worn"}, "doubt"),
        ({"state": "offline", "reason": "camera: no data"}, "away"),
    ],
)
def test_what_is_watched_in_part_or_not_at_all_looks_different(
    facts: dict[str, Any], tone: str
) -> None:
    assert tile(**facts).tone == tone


def test_somebody_on_the_floor_is_not_calm_even_without_an_alarm() -> None:
    assert tile(action={"label": "fallen", "confidence": 0.5}).tone == "doubt"


def test_an_old_report_counts_as_not_watched_and_shows_nothing_old() -> None:
    shown = tile(age_ns=SILENT_NS + 1)
    assert (shown.tone, shown.state) == ("away", "offline")
    assert (shown.action, shown.bed, shown.people) == (None, None, None)
    assert set(shown.sources.values()) == {"offline"}


def test_a_subject_without_any_report_is_not_watched() -> None:
    assert tile_of("bed-4", None, None, [], NOW_NS).tone == "away"


def test_an_unanswered_alarm_is_louder_than_everything_else() -> None:
    assert tile(alarm(), age_ns=SILENT_NS + 1).tone == "alarm"
    medium = replace(alarm(), priority="medium")
    assert tile(medium).tone == "warning"


def test_an_answered_alarm_shows_that_somebody_comes() -> None:
    assert tile(alarm().acknowledged("kim", NOW_NS)).tone == "coming"


def test_not_watched_is_louder_than_an_answered_alarm() -> None:
    answered = alarm().acknowledged("kim", NOW_NS)
    assert tile(answered, age_ns=SILENT_NS + 1).tone == "away"


def test_a_fault_of_the_system_changes_no_tile() -> None:
    fault = replace(alarm(name="camera lost"), kind="technical")
    away = tile(fault, state="offline", reason="camera: no data")
    assert (away.tone, away.alarm) == ("away", None)
    assert tile(fault).tone == "calm"
    fell = alarm(NOW_NS + 1)
    assert tile(fault, fell).alarm is fell


def test_the_most_urgent_alarm_is_unanswered_then_high_then_old() -> None:
    answered = alarm(NOW_NS - 9).acknowledged("kim", NOW_NS)
    medium = replace(alarm(NOW_NS - 8), priority="medium")
    older, newer = alarm(NOW_NS - 7), alarm(NOW_NS - 6)
    assert most_urgent([answered, medium, newer, older]) is older
    assert most_urgent([]) is None
