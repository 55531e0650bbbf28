"""Open alarms as cards: what happened, what was answered, and what one may do."""

from dataclasses import dataclass
from typing import Final, final

from pipelines.live.alarms import ANSWERED, Alarm, AlarmStep
from pipelines.records import BED_EXIT
from services.console.feed import Snapshot
from services.console.people import Person
from services.console.tiles import urgency
from services.store.answers import StoredAnswer

_MOVES: Final = frozenset[AlarmStep](
    {"confirmed", "escalated", "awake", "long lie", "out of bed"}
)
"""Entries of a history after which an alarm waits for an answer."""


@final
@dataclass(frozen=True, slots=True)
class Card:
    """One alarm as a page shows it.

    Attributes:
        alarm: The alarm.
        answer: The latest answer that was given here; None without one.
        may_answer: Whether the person may answer it.
    """

    alarm: Alarm
    answer: StoredAnswer | None
    may_answer: bool

    @property
    def waits(self) -> bool:
        """Whether nobody has answered it."""
        return self.alarm.state not in ANSWERED

    @property
    def calls(self) -> bool:
        """Whether somebody must go and look: a person's alarm without an answer."""
        return self.waits and self.alarm.kind == "person"

    @property
    def tone(self) -> str:
        """What its colour and shape say."""
        if not self.waits:
            return "coming"
        return "alarm" if self.alarm.priority == "high" else "warning"

    @property
    def course(self) -> str:
        """How its episode went on, as a key of the texts; empty for nothing to say."""
        alarm, is_exit = self.alarm, self.alarm.name == BED_EXIT
        if alarm.is_long:
            return "out_of_bed" if is_exit else "long"
        if alarm.has_ended:
            return "back_in_bed" if is_exit else "ended"
        return ""

    @property
    def called_by(self) -> str:
        """Who has called for help, if nobody has answered since; empty for nobody."""
        latest = [it for it in self.alarm.history if it.step in _MOVES][-1:]
        calls = [it for it in latest if it.step == "escalated"]
        return calls[0].by if calls and self.waits else ""

    @property
    def is_sent(self) -> bool:
        """Whether an answer waits for the hub."""
        return self.answer is not None and self.answer.outcome is None

    @property
    def refusal(self) -> str:
        """Why the latest answer did not fit; empty if it did."""
        return "" if self.answer is None else self.answer.outcome or ""

    @property
    def answered_by(self) -> str:
        """Who has answered last; empty for nobody."""
        steps = ("acknowledged", "snoozed")
        entries = [it for it in self.alarm.history if it.step in steps]
        return entries[-1].by if entries and not self.waits else ""


def cards_of(snapshot: Snapshot, person: Person) -> list[Card]:
    """Return the cards of the open alarms that a person may see, urgent ones first."""
    return [
        Card(alarm, snapshot.answers.get(alarm.alarm_id), person.may_answer)
        for alarm in sorted(snapshot.alarms, key=urgency)
        if person.may_see(alarm.subject_id)
    ]
