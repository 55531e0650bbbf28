"""What a card says of an open alarm."""

from dataclasses import replace

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import AlarmRule, raise_alarm
from services.console.alarm_cards import Card
from services.console.texts import LANGUAGES, texts_of
from services.console.wording import Wording
from tests.made_up_ward import event, fault

NOW_NS = 1_700_000_000 * NS_PER_S
LONG_NS = NOW_NS + 600 * NS_PER_S
RULE = AlarmRule(out_of_bed_s=300)


def card(name: str, *, is_over: bool = False) -> Card:
    """A card of an episode that takes ten minutes, or is over at once."""
    alarm = raise_alarm(event("bed-4", name, NOW_NS), RULE, NOW_NS)
    alarm = alarm.ended(RULE, NOW_NS) if is_over else alarm.passed(RULE, LONG_NS)
    return Card(alarm, None, may_answer=True)


@pytest.mark.parametrize(
    ("name", "course", "words"),
    [
        ("fall", "long", "on the floor for long"),
        ("bed exit", "out_of_bed", "out of bed for long"),
    ],
)
def test_who_has_left_the_bed_for_long_is_not_said_to_lie_on_the_floor(
    name: str, course: str, words: str
) -> None:
    shown = card(name)
    assert (shown.alarm.is_long, shown.course) == (True, course)
    assert texts_of("en")(f"alarm.{course}") == words


@pytest.mark.parametrize(
    ("name", "words", "entry"),
    [
        ("fall", "got up again", "Got up again"),
        ("bed exit", "back in bed", "Back in bed"),
    ],
)
def test_an_episode_that_is_over_ended_in_its_own_way(
    name: str, words: str, entry: str
) -> None:
    shown, texts = card(name, is_over=True), texts_of("en")
    assert texts(f"alarm.{shown.course}") == words
    assert Wording(texts).entry(shown.alarm.history[-1], shown.alarm) == entry


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("course", ["long", "out_of_bed", "ended", "back_in_bed"])
def test_every_course_has_words(language: str, course: str) -> None:
    assert texts_of(language)(f"alarm.{course}")


def test_a_fault_of_the_system_waits_and_calls_nobody() -> None:
    lost = Card(fault("bed-4", NOW_NS), None, may_answer=True)
    assert (lost.waits, lost.calls) == (True, False)
    person = replace(lost.alarm, kind="person")
    assert replace(lost, alarm=person).calls


def test_who_called_for_help_is_said_until_somebody_answers_or_the_time_is_up() -> None:
    alarm = raise_alarm(event("bed-4", "fall", NOW_NS), RULE, NOW_NS)
    called = alarm.acknowledged("lee", NOW_NS + 1).escalated("kim", NOW_NS + 2)
    assert Card(called, None, may_answer=True).called_by == "kim"
    answered = called.acknowledged("ada", NOW_NS + 3)
    assert Card(answered, None, may_answer=True).called_by == ""
    assert Card(called.passed(RULE, LONG_NS), None, may_answer=True).called_by == ""
