"""The life of an alarm, from an event until a person has answered it.

                      recovered in time
    suspected ───────────────────────────▶ cancelled
        │ confirm_s
        ▼        nobody answers      ┌──┐
    confirmed ────────────────▶ escalated │ next step
        │  ▲                      │  ▲ └──┘
        │  └─────── until ────────┼──┼───────────── snoozed
        ├─────────────────────────┤  │ too long        ▲
        ▼                         ▼  │                 │
     resolved ◀──────────────── acknowledged ──────────┘

A person may acknowledge, snooze, escalate or resolve any alarm that is not over. Who
escalates calls the next step at once, as one who is there and needs help; a technical
alarm has no such steps. An alarm that
latches stays when the episode ends, because somebody must have looked; one that does
not is resolved then. Nothing here reads a clock: every method gets the time, and what
is due is dated at the time at which it was due. So a restart changes nothing.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, final

from models.prompts.prompt_set import Priority
from models.window import Modality
from pipelines.clock import seconds_to_ns
from pipelines.records import BED_EXIT, ActionEvent

AlarmState = Literal[
    "suspected",
    "confirmed",
    "escalated",
    "snoozed",
    "acknowledged",
    "resolved",
    "cancelled",
]
AlarmStep = Literal[
    "suspected",
    "confirmed",
    "escalated",
    "snoozed",
    "awake",
    "acknowledged",
    "long lie",
    "out of bed",
    "recovered",
    "resolved",
    "cancelled",
]
"""What an entry of an alarm's history says."""

AlarmKind = Literal["person", "technical"]
Verdict = Literal["true", "false"]
"""A person's word on whether what was reported has happened."""

OVER: Final = frozenset[AlarmState]({"resolved", "cancelled"})
ANSWERED: Final = frozenset[AlarmState]({"acknowledged", "snoozed"}) | OVER

_MOMENT_NS: Final = seconds_to_ns(5.0)
"""Time in which nobody can have answered a step of the escalation yet."""


class AlarmError(ValueError):
    """An answer does not fit the alarm's state."""


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """How an event alarms.

    Attributes:
        priority: How urgent it is, in the manner of IEC 60601-1-8; ``none`` raises no
            alarm.
        confirm_s: Time in which an episode that ends cancels its alarm, in seconds.
        escalate_s: Times without an answer until each step of the escalation, each
            from the one before, in seconds.
        long_lie_s: Length of an episode that makes the alarm urgent again, even if it
            was acknowledged, in seconds; 0 for never.
        latches: Whether the alarm stays when the episode ends.
        out_of_bed_s: The same as ``long_lie_s`` for a bed exit, which has no long lie:
            the person is out of bed for too long. It does not wait for ``confirm_s``.

    Raises:
        ValueError: If a time is negative, or a step of the escalation is not positive.
    """

    priority: Priority = "high"
    confirm_s: float = 0.0
    escalate_s: tuple[float, ...] = (60.0, 120.0)
    long_lie_s: float = 300.0
    latches: bool = True
    out_of_bed_s: float = 0.0

    def __post_init__(self) -> None:
        if (
            min(self.confirm_s, self.long_lie_s, self.out_of_bed_s) < 0
            or min(self.escalate_s, default=1) <= 0
        ):
            msg = (
                "times of an alarm must not be negative, and steps of the escalation"
                f" be positive, got {self.confirm_s}, {self.long_lie_s},"
                f" {self.out_of_bed_s}, {self.escalate_s}"
            )
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class AlarmEntry:
    """One entry of an alarm's history; ``by`` is the person, or empty."""

    step: AlarmStep
    at_ns: int
    by: str = ""
    note: str = ""


@final
@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm; an episode has one at most.

    Attributes:
        alarm_id: The id of its event.
        subject_id: Name of the subject.
        name: Name of the event.
        priority: How urgent it is now.
        state: Its present state.
        raised_ns: When it was raised.
        confidence: Confidence of its event when it was raised.
        modality: What the event was recognised from: video, imu or fused.
        waits_since_ns: Since when it waits for an answer.
        escalations: Number of steps of the escalation so far; a long lie starts it
            again.
        until_ns: End of a snooze; 0 without one.
        has_ended: Whether the episode is over.
        is_long: Whether its episode was too long: a long lie, or out of bed.
        verdict: What a person found; None until it is resolved by one.
        history: Everything that happened, in order.
        kind: Whether it is about a person, or about a fault of the system.
    """

    alarm_id: str
    subject_id: str
    name: str
    priority: Priority
    state: AlarmState
    raised_ns: int
    confidence: float
    modality: Modality
    waits_since_ns: int
    escalations: int = 0
    until_ns: int = 0
    has_ended: bool = False
    is_long: bool = False
    verdict: Verdict | None = None
    history: tuple[AlarmEntry, ...] = ()
    kind: AlarmKind = "person"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in OVER

    def acknowledged(self, by: str, now_ns: int) -> "Alarm":
        """Return the alarm with a person on the way.

        Raises:
            AlarmError: If it is over, or was acknowledged before.
        """
        self._require_open("acknowledged")
        if self.state == "acknowledged":
            msg = f"alarm {self.alarm_id} is already acknowledged"
            raise AlarmError(msg)
        later = self._with("acknowledged", AlarmEntry("acknowledged", now_ns, by))
        return replace(later, until_ns=0)

    def snoozed(self, by: str, until_ns: int, now_ns: int) -> "Alarm":
        """Return the alarm silent until a time, at which it waits for an answer again.

        Raises:
            AlarmError: If it is over, or the time is not later than now.
        """
        self._require_open("snoozed")
        if until_ns <= now_ns:
            msg = f"alarm {self.alarm_id} cannot be snoozed until the past"
            raise AlarmError(msg)
        entry = AlarmEntry("snoozed", now_ns, by)
        return replace(self._with("snoozed", entry), until_ns=until_ns)

    def escalated(self, by: str, now_ns: int) -> "Alarm":
        """Return the alarm with its next step called at once by a person.

        It waits for an answer again, whatever was answered before. The chain may be at
        its end: who was called is called again. Two who ask in the same moment, or one
        whose message comes twice, call one step.

        Raises:
            AlarmError: If it is over, is technical, or has escalated a moment ago.
        """
        self._require_open("escalated")
        if self.kind == "technical":
            msg = f"alarm {self.alarm_id} is technical and cannot be escalated"
            raise AlarmError(msg)
        latest = self.history[-1]
        if latest.step == "escalated" and now_ns - latest.at_ns < _MOMENT_NS:
            msg = f"alarm {self.alarm_id} has escalated a moment ago"
            raise AlarmError(msg)
        later = self._with("escalated", AlarmEntry("escalated", now_ns, by))
        return replace(
            later,
            waits_since_ns=now_ns,
            escalations=self.escalations + 1,
            until_ns=0,
        )

    def resolved(
        self, by: str, verdict: Verdict | None, now_ns: int, note: str = ""
    ) -> "Alarm":
        """Return the alarm at its end, with what a person found.

        Raises:
            AlarmError: If it is over.
        """
        self._require_open("resolved")
        entry = AlarmEntry("resolved", now_ns, by, note)
        return replace(self._with("resolved", entry), verdict=verdict, until_ns=0)

    def ended(self, rule: AlarmRule, now_ns: int) -> "Alarm":
        """Return the alarm after the end of its episode; a second end changes nothing.

        It is cancelled while suspected, resolved if it does not latch, and stays else.
        """
        if self.has_ended or self.is_over:
            return self
        over = replace(self, has_ended=True)
        if self.state == "suspected":
            return over._with("cancelled", AlarmEntry("cancelled", now_ns))
        if not rule.latches:
            return over._with("resolved", AlarmEntry("resolved", now_ns))
        return over._with(self.state, AlarmEntry("recovered", now_ns))

    def passed(self, rule: AlarmRule, now_ns: int) -> "Alarm":
        """Return the alarm after all that was due by now."""
        alarm = self
        while (due_ns := alarm.due_ns(rule)) is not None and due_ns <= now_ns:
            alarm = alarm._happen(rule, due_ns)
        return alarm

    def due_ns(self, rule: AlarmRule) -> int | None:
        """Return when something happens next by itself; None if nothing does."""
        return min(self._dues(rule).values(), default=None)

    def moved(self, by_ns: int) -> "Alarm":
        """Return the alarm with all its times later, because the clock was set."""
        return replace(
            self,
            raised_ns=self.raised_ns + by_ns,
            waits_since_ns=self.waits_since_ns + by_ns,
            until_ns=self.until_ns and self.until_ns + by_ns,
            history=tuple(
                replace(entry, at_ns=entry.at_ns + by_ns) for entry in self.history
            ),
        )

    def _dues(self, rule: AlarmRule) -> dict[AlarmStep, int]:
        """Return when each step is due; of equal times the first is taken."""
        dues: dict[AlarmStep, int] = {}
        if self.state == "suspected":
            dues["confirmed"] = self.raised_ns + seconds_to_ns(rule.confirm_s)
        if self.state == "snoozed":
            dues["awake"] = self.until_ns
        waits = self.state not in ANSWERED and self.state != "suspected"
        if waits and self.escalations < len(rule.escalate_s):
            after_ns = seconds_to_ns(rule.escalate_s[self.escalations])
            dues["escalated"] = self.waits_since_ns + after_ns
        if self.has_ended or self.is_long or self.is_over:
            return dues
        if self.name == BED_EXIT:
            if rule.out_of_bed_s:
                dues["out of bed"] = self.raised_ns + seconds_to_ns(rule.out_of_bed_s)
        elif rule.long_lie_s and self.state != "suspected":
            dues["long lie"] = self.raised_ns + seconds_to_ns(rule.long_lie_s)
        return dues

    def _happen(self, rule: AlarmRule, due_ns: int) -> "Alarm":
        dues = self._dues(rule)
        step = min(dues, key=dues.__getitem__)
        entry = AlarmEntry(step, due_ns)
        match step:
            case "confirmed" | "awake":
                state: AlarmState = "escalated" if self.escalations else "confirmed"
                later = self._with(state, entry)
                return replace(later, waits_since_ns=due_ns, until_ns=0)
            case "escalated":
                later = self._with("escalated", entry)
                return replace(
                    later, waits_since_ns=due_ns, escalations=self.escalations + 1
                )
            case _:  # too long: the escalation starts again
                later = self._with("escalated", entry)
                return replace(
                    later,
                    priority="high",
                    is_long=True,
                    waits_since_ns=due_ns,
                    escalations=0,
                    until_ns=0,
                )

    def _with(self, state: AlarmState, entry: AlarmEntry) -> "Alarm":
        return replace(self, state=state, history=(*self.history, entry))

    def _require_open(self, what: str) -> None:
        if self.is_over:
            msg = f"alarm {self.alarm_id} is {self.state} and cannot be {what}"
            raise AlarmError(msg)


def raise_alarm(event: ActionEvent, rule: AlarmRule, now_ns: int) -> Alarm:
    """Return a new alarm for an event that has started."""
    alarm = Alarm(
        alarm_id=event.event_id,
        subject_id=event.subject_id,
        name=event.name,
        priority=rule.priority,
        state="suspected",
        raised_ns=now_ns,
        confidence=event.peak_confidence,
        modality=event.modality,
        waits_since_ns=now_ns,
        history=(AlarmEntry("suspected", now_ns),),
    )
    return alarm.passed(rule, now_ns)
