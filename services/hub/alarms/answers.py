"""Answers of people to alarms: reading one, and what it does to an alarm."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pipelines.clock import seconds_to_ns
from pipelines.live.alarms import Alarm, Verdict
from services.hub.topics import ALARM_ANSWERS

MOST_TEXT: Final = 200
"""Longest note or name of a person, in characters."""
UNNAMED: Final = "somebody"
"""Who has escalated an alarm without giving a name."""
MOST_SNOOZE_MINUTES: Final = 24 * 60.0
_SNOOZE_MINUTES: Final = 10.0


class AnswerError(Exception):
    """An answer to an alarm cannot be understood, or does not fit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer.

    Attributes:
        about: The id of an alarm, or the name of a subject for all of its open ones.
        kind: ack, snooze, escalate or resolve.
        facts: What else was said: by, minutes, verdict, note; not checked yet.
    """

    about: str
    kind: str
    facts: Mapping[str, Any]


def read_facts(payload: bytes) -> dict[str, Any]:
    """Return the JSON object of a message; an empty payload says nothing else.

    Raises:
        AnswerError: If it is no JSON object.
    """
    if not payload.strip():
        return {}
    try:
        facts = json.loads(payload)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        msg = "the payload is no JSON object"
        raise AnswerError(msg)
    return facts


def answered(alarm: Alarm, answer: Answer, now_ns: int) -> Alarm:
    """Return an alarm after an answer.

    Raises:
        AnswerError: If the answer cannot be understood.
        AlarmError: If it does not fit the alarm.
    """
    by = _text(answer.facts, "by")
    match answer.kind:
        case "ack":
            return alarm.acknowledged(by, now_ns)
        case "snooze":
            until_ns = now_ns + seconds_to_ns(60 * _minutes(answer.facts))
            return alarm.snoozed(by, until_ns, now_ns)
        case "escalate":
            # Without a name the history would say that nobody had answered.
            return alarm.escalated(by or UNNAMED, now_ns)
        case "resolve":
            note = _text(answer.facts, "note")
            return alarm.resolved(by, _verdict(answer.facts), now_ns, note)
    msg = f"answers are {', '.join(ALARM_ANSWERS)}, not {answer.kind!r}"
    raise AnswerError(msg)


def _text(facts: Mapping[str, Any], name: str) -> str:
    text = facts.get(name, "")
    if not isinstance(text, str) or len(text) > MOST_TEXT or not text.isprintable():
        msg = f"{name} must be a line of at most {MOST_TEXT} characters"
        raise AnswerError(msg)
    return text


def _minutes(facts: Mapping[str, Any]) -> float:
    minutes = facts.get("minutes", _SNOOZE_MINUTES)
    is_number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    if not is_number or not 0 < minutes <= MOST_SNOOZE_MINUTES:
        msg = f"minutes must be a number above 0, up to {MOST_SNOOZE_MINUTES:g}"
        raise AnswerError(msg)
    return float(minutes)


def _verdict(facts: Mapping[str, Any]) -> Verdict | None:
    verdict: Verdict | None = facts.get("verdict")
    if verdict is not None and verdict not in get_args(Verdict):
        msg = 'verdict must be "true" or "false"'
        raise AnswerError(msg)
    return verdict
