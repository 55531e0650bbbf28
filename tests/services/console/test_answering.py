"""Answers are checked, noted, and stored for the hub."""

import pytest

from services.console.answering import AnswerRefused, Given, give
from services.console.context import Console
from services.console.people import Person
from tests.made_up_ward import fall

KIM = Person("kim", "carer")


def test_an_answer_waits_for_the_hub_and_is_noted(console: Console) -> None:
    alarm = fall(console.store, "bed-4", 5)
    given = Given("resolve", verdict="false", note="sat down")
    number = give(console, KIM, alarm.alarm_id, given)
    (stored,) = console.store.answers.waiting(10)
    assert (stored.number, stored.by, stored.kind) == (number, "kim", "resolve")
    assert stored.facts == {"verdict": "false", "note": "sat down"}
    (entry,) = console.store.audit.page(1)
    assert (entry.who, entry.what) == ("kim", "answered: resolve")
    console.store.close()


def test_the_same_answer_twice_is_one_until_the_hub_has_taken_it(
    console: Console,
) -> None:
    alarm_id = fall(console.store, "bed-4", 5).alarm_id
    first = give(console, KIM, alarm_id, Given("ack"))
    assert give(console, KIM, alarm_id, Given("ack")) == first
    other = give(console, Person("lea", "carer"), alarm_id, Given("ack"))
    snooze = give(console, KIM, alarm_id, Given("snooze", 5))
    longer = give(console, KIM, alarm_id, Given("snooze", 10))
    console.store.take([], {}, 6, outcomes={longer: ""})
    again = give(console, KIM, alarm_id, Given("snooze", 10))
    assert len({first, other, snooze, longer, again}) == 5
    console.store.close()


def test_an_alarm_is_not_snoozed_without_end(console: Console) -> None:
    alarm = fall(console.store, "bed-4", 5)
    for number in range(200):
        alarm = alarm.snoozed("kim", number + 10, number + 5)
    console.store.take([], {}, 9, [alarm])
    for kind in ("snooze", "escalate"):
        with pytest.raises(AnswerRefused, match=r"^answer\.too_often$"):
            give(console, KIM, alarm.alarm_id, Given(kind))
    assert give(console, KIM, alarm.alarm_id, Given("ack"))
    console.store.close()


def test_who_may_only_see_cannot_answer(console: Console) -> None:
    alarm = fall(console.store, "bed-4", 5)
    reading = Person("kim", "carer", token="board", scopes=frozenset({"read"}))
    for person in (Person("vera", "viewer"), reading):
        with pytest.raises(AnswerRefused, match=r"^answer\.not_yours$"):
            give(console, person, alarm.alarm_id, Given("ack"))
    assert console.store.answers.waiting(10) == []
    console.store.close()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Given("shout"), "answer.malformed"),
        (Given("snooze", minutes=0), "answer.malformed"),
        (Given("snooze", minutes=float("nan")), "answer.malformed"),
        (Given("snooze", minutes=1441), "answer.malformed"),
        (Given("resolve", verdict="maybe"), "answer.malformed"),
        (Given("resolve", note="x" * 201), "answer.note"),
        (Given("resolve", note="two\nlines"), "answer.note"),
    ],
)
def test_a_malformed_answer_is_refused_and_nothing_is_stored(
    console: Console, given: Given, reason: str
) -> None:
    alarm = fall(console.store, "bed-4", 5)
    with pytest.raises(AnswerRefused, match=f"^{reason}$"):
        give(console, KIM, alarm.alarm_id, given)
    assert console.store.answers.waiting(10) == []
    console.store.close()


def test_what_is_over_unknown_or_of_somebody_else_cannot_be_answered(
    console: Console,
) -> None:
    alarm = fall(console.store, "bed-4", 5)
    nina = Person("nina", "carer", frozenset({"bed-1"}))
    for person, alarm_id in ((KIM, "nothing"), (nina, alarm.alarm_id)):
        with pytest.raises(AnswerRefused, match=r"^answer\.unknown$"):
            give(console, person, alarm_id, Given("ack"))
    console.store.take([], {}, 9, [alarm.resolved("kim", None, 9)])
    with pytest.raises(AnswerRefused, match=r"^answer\.over$"):
        give(console, KIM, alarm.alarm_id, Given("ack"))
    console.store.close()
