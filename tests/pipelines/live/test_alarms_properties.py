"""Whatever happens to an alarm, it is never lost, and restarts change nothing."""

from dataclasses import asdict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pipelines.clock import seconds_to_ns
from pipelines.live.alarms import OVER, Alarm, AlarmEntry, AlarmError, AlarmRule
from tests.pipelines.live.test_alarms import T0_NS, raised

SPANS_S = st.sampled_from((0.1, 1.0, 9.0, 30.0, 61.0, 400.0))
MOMENT_NS = seconds_to_ns(5.0)
WHO = st.sampled_from(("kim", "lee"))


class OneAlarm(RuleBasedStateMachine):
    """Time, the episode and people act on one alarm in any order."""

    @initialize(
        confirm_s=st.sampled_from((0.0, 10.0)),
        latches=st.booleans(),
        long_lie_s=st.sampled_from((0.0, 50.0, 300.0)),
        steps=st.lists(st.sampled_from((5.0, 60.0)), max_size=3),
    )
    def begin(
        self, confirm_s: float, latches: bool, long_lie_s: float, steps: list[float]
    ) -> None:
        self.rule = AlarmRule("low", confirm_s, tuple(steps), long_lie_s, latches)
        self.now_ns = T0_NS
        self.alarm = raised(self.rule)
        self.persons = 0

    def is_open(self) -> bool:
        return not self.alarm.is_over

    @rule(span_s=SPANS_S)
    def wait(self, span_s: float) -> None:
        """Many looks at the clock come to the same as one."""
        middle_ns = self.now_ns + seconds_to_ns(span_s / 3)
        self.now_ns += seconds_to_ns(span_s)
        once = self.alarm.passed(self.rule, self.now_ns)
        twice = self.alarm.passed(self.rule, middle_ns).passed(self.rule, self.now_ns)
        assert once == twice
        self.alarm = once

    @rule()
    def recover(self) -> None:
        self.alarm = self.alarm.ended(self.rule, self.now_ns)

    @precondition(lambda self: self.is_open() and self.alarm.state != "acknowledged")
    @rule(by=WHO)
    def acknowledge(self, by: str) -> None:
        self.alarm = self.alarm.acknowledged(by, self.now_ns)
        self.persons += 1

    @precondition(is_open)
    @rule(by=WHO, span_s=SPANS_S)
    def snooze(self, by: str, span_s: float) -> None:
        until_ns = self.now_ns + seconds_to_ns(span_s)
        self.alarm = self.alarm.snoozed(by, until_ns, self.now_ns)
        self.persons += 1

    @precondition(is_open)
    @rule(by=WHO)
    def escalate(self, by: str) -> None:
        """Either the next step is called now, or it was a moment ago."""
        latest, steps = self.alarm.history[-1], self.alarm.escalations
        if latest.step == "escalated" and self.now_ns - latest.at_ns < MOMENT_NS:
            with pytest.raises(AlarmError):
                self.alarm.escalated(by, self.now_ns)
            return
        self.alarm = self.alarm.escalated(by, self.now_ns)
        assert (self.alarm.state, self.alarm.escalations) == ("escalated", steps + 1)
        self.persons += 1

    @precondition(is_open)
    @rule(by=WHO, verdict=st.sampled_from((None, "true", "false")))
    def resolve(self, by: str, verdict: object) -> None:
        self.alarm = self.alarm.resolved(by, verdict, self.now_ns)  # type: ignore[arg-type]
        self.persons += 1

    @rule()
    def restart(self) -> None:
        record = asdict(self.alarm)
        entries = tuple(AlarmEntry(**entry) for entry in record["history"])
        again = Alarm(**{**record, "history": entries})
        assert again == self.alarm
        self.alarm = again

    @invariant()
    def its_history_is_in_order_and_says_all(self) -> None:
        times = [entry.at_ns for entry in self.alarm.history]
        assert times == sorted(times)
        assert self.alarm.history[0].step == "suspected"
        assert sum(bool(entry.by) for entry in self.alarm.history) == self.persons

    @invariant()
    def it_ends_only_by_a_person_a_recovery_in_time_or_because_it_does_not_latch(
        self,
    ) -> None:
        ends = [entry for entry in self.alarm.history if entry.step in OVER]
        assert len(ends) == self.alarm.is_over
        for entry in ends:
            assert entry is self.alarm.history[-1]
            by_itself = entry.step == "cancelled" or not self.rule.latches
            assert entry.by or (by_itself and self.alarm.has_ended)

    @invariant()
    def while_it_waits_something_is_due_until_the_chain_is_at_its_end(self) -> None:
        if self.alarm.state == "suspected":
            assert self.alarm.due_ns(self.rule) is not None
        if self.alarm.state == "snoozed":
            due_ns = self.alarm.due_ns(self.rule)
            assert due_ns is not None
            assert due_ns <= self.alarm.until_ns
        if self.alarm.is_over:
            assert self.alarm.due_ns(self.rule) is None


OneAlarm.TestCase.settings = settings(max_examples=60, deadline=None)
TestOneAlarm = OneAlarm.TestCase
