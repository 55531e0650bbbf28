"""A person's answer to an alarm: checked, noted in the audit, stored for the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from services.console.context import Console
from services.console.people import Person
from services.hub.alarms.answers import MOST_SNOOZE_MINUTES, MOST_TEXT
from services.hub.topics import ALARM_ANSWERS
from services.store.answers import StoredAnswer

_MOST_HISTORY: Final = 200
"""Entries of an alarm from which nobody may snooze or escalate it again."""


class AnswerRefused(Exception):
    """An answer cannot be given; ``key`` is why, a text of the catalogue."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


@final
@dataclass(frozen=True, slots=True)
class Given:
    """What a person answers.

    Attributes:
        kind: ack, snooze, escalate or resolve.
        minutes: Length of a snooze, above 0 and up to a day.
        verdict: ``true`` or ``false`` of an alarm that is resolved; None for neither.
        note: A line for the history.
    """

    kind: str
    minutes: float = 10.0
    verdict: str | None = None
    note: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what the hub needs beside the kind and the person."""
        match self.kind:
            case "snooze":
                return {"minutes": self.minutes}
            case "resolve":
                return {"verdict": self.verdict, "note": self.note}
        return {}


def give(console: Console, person: Person, alarm_id: str, given: Given) -> int:
    """Store an answer to an open alarm; return its number.

    Raises:
        AnswerRefused: If it is malformed, or if the person sees no such open alarm.
        StoreError: If it cannot be stored.
    """
    if not person.may_answer:  # a second lock: the routes ask for the role
        reason = "answer.not_yours"
        raise AnswerRefused(reason)
    alarm = console.store.alarms.one(alarm_id)
    if alarm is None or not person.may_see(alarm.subject_id):
        reason = "answer.unknown"
        raise AnswerRefused(reason)
    if alarm.is_over:
        reason = "answer.over"
        raise AnswerRefused(reason)
    _check(given)
    if given.kind in ("snooze", "escalate") and len(alarm.history) >= _MOST_HISTORY:
        reason = "answer.too_often"
        raise AnswerRefused(reason)
    facts = given.facts()
    before = console.store.answers.latest([alarm_id]).get(alarm_id)
    if before is not None and _is_again(before, person, given.kind, facts):
        return before.number  # a double click
    detail = {"subject": alarm.subject_id, **facts}
    console.audit(person, f"answered: {given.kind}", alarm_id, detail)
    by, now_ns = person.signature, console.utc_ns()
    return console.store.answers.give(alarm_id, given.kind, facts, by, now_ns)


def _is_again(
    before: StoredAnswer, person: Person, kind: str, facts: Mapping[str, Any]
) -> bool:
    """Return whether the answer that waits for the hub says the same."""
    said = before.by, before.kind, before.facts
    return before.outcome is None and said == (person.signature, kind, facts)


def _check(given: Given) -> None:
    """Refuse an answer that nobody can understand.

    Raises:
        AnswerRefused: In that case.
    """
    fits = (
        given.kind in ALARM_ANSWERS
        and 0 < given.minutes <= MOST_SNOOZE_MINUTES
        and given.verdict in (None, "true", "false")
    )
    if not fits:
        reason = "answer.malformed"
        raise AnswerRefused(reason)
    if len(given.note) > MOST_TEXT or not given.note.isprintable():
        reason = "answer.note"
        raise AnswerRefused(reason)
