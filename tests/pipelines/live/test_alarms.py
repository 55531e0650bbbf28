"""The life of one alarm, by time, episode and people."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm, AlarmError, AlarmRule, raise_alarm
from pipelines.records import BED_EXIT, ActionEvent

RULE = AlarmRule("medium", confirm_s=10, escalate_s=(60, 120), long_lie_s=300)
T0_NS = 1_700_000_000 * NS_PER_S


def at(seconds: float) -> int:
    return T0_NS + round(seconds * NS_PER_S)


def raised(rule: AlarmRule = RULE) -> Alarm:
    event = ActionEvent(
        event_id="e1",
        subject_id="bed-4",
        name="fall",
        label="fallen",
        state="started",
        start_ns=at(-3),
        end_ns=None,
        decided_ns=at(-1),
        peak_confidence=0.9,
        modality="video",
        model="tiny",
        prompt_set="ward@1",
    )
    return raise_alarm(event, rule, at(0))


def told(alarm: Alarm) -> list[tuple[str, float]]:
    """Every entry of the history, with its seconds since the alarm was raised."""
    return [(entry.step, (entry.at_ns - T0_NS) / NS_PER_S) for entry in alarm.history]


def test_nobody_answers() -> None:
    alarm = raised().passed(RULE, at(1000))
    assert told(alarm) == [
        ("suspected", 0),
        ("confirmed", 10),
        ("escalated", 70),
        ("escalated", 190),
        ("long lie", 300),
        ("escalated", 360),
        ("escalated", 480),
    ]
    assert (alarm.state, alarm.escalations) == ("escalated", 2)
    assert alarm.priority == "high"
    assert alarm.due_ns(RULE) is None


def test_somebody_who_recovers_in_time_cancels_it() -> None:
    alarm = raised().ended(RULE, at(9))
    assert (alarm.state, alarm.is_over) == ("cancelled", True)
    assert alarm.passed(RULE, at(1000)) == alarm


def test_without_time_to_confirm_it_is_confirmed_at_once() -> None:
    assert raised(AlarmRule()).state == "confirmed"


def test_an_alarm_that_latches_stays_when_the_person_is_up() -> None:
    alarm = raised().passed(RULE, at(20)).ended(RULE, at(30))
    assert (alarm.state, alarm.has_ended) == ("confirmed", True)
    assert told(alarm.passed(RULE, at(1000)))[-1] == ("escalated", 190)  # no long lie
    assert alarm.ended(RULE, at(40)) == alarm


def test_an_alarm_that_does_not_latch_ends_with_its_episode() -> None:
    rule = AlarmRule("medium", latches=False)
    alarm = raised(rule).ended(rule, at(30))
    assert (alarm.state, alarm.verdict) == ("resolved", None)


def test_an_acknowledged_alarm_escalates_no_more_but_a_long_lie_is_told() -> None:
    alarm = raised().passed(RULE, at(20)).acknowledged("kim", at(25))
    assert alarm.history[-1].by == "kim"
    alarm = alarm.passed(RULE, at(299))
    assert alarm.state == "acknowledged"
    alarm = alarm.passed(RULE, at(300))
    assert (alarm.state, told(alarm)[-1]) == ("escalated", ("long lie", 300))
    assert alarm.acknowledged("kim", at(310)).state == "acknowledged"


def test_a_snoozed_alarm_waits_again_at_its_time() -> None:
    alarm = raised().passed(RULE, at(20)).snoozed("kim", at(100), at(25))
    assert alarm.passed(RULE, at(99)).state == "snoozed"
    after = alarm.passed(RULE, at(165))
    assert told(after)[-2:] == [("awake", 100), ("escalated", 160)]


def test_an_answer_ends_a_snooze() -> None:
    alarm = raised().passed(RULE, at(20)).snoozed("kim", at(100), at(25))
    for answered in (
        alarm.acknowledged("lee", at(30)),
        alarm.resolved("lee", "true", at(30)),
    ):
        assert answered.until_ns == 0
        assert answered.passed(RULE, at(200)).state == answered.state


@pytest.mark.parametrize(
    "alarm",
    [
        raised(),
        raised().passed(RULE, at(20)),
        raised().acknowledged("lee", at(15)),
        raised().snoozed("lee", at(900), at(15)),
    ],
    ids=lambda alarm: alarm.state,
)
def test_who_asks_for_the_next_step_gets_it_at_once(alarm: Alarm) -> None:
    called = alarm.escalated("kim", at(30))
    assert (called.state, called.escalations, called.until_ns) == ("escalated", 1, 0)
    assert (called.history[-1].step, called.history[-1].by) == ("escalated", "kim")
    assert told(called.passed(RULE, at(200)))[-1] == ("escalated", 150)  # step 2
    assert called.acknowledged("lee", at(40)).state == "acknowledged"


def test_a_chain_at_its_end_can_be_called_again() -> None:
    called = raised().passed(RULE, at(299)).escalated("kim", at(299.5))
    assert called.escalations == 3
    assert told(called.passed(RULE, at(1000)))[-1] == ("escalated", 480)  # long lie


def test_a_step_is_not_called_twice_in_a_moment() -> None:
    by_itself = raised().passed(RULE, at(70))
    for alarm in (by_itself, raised().escalated("kim", at(70))):
        with pytest.raises(AlarmError, match=r"^alarm e1 has escalated a moment ago$"):
            alarm.escalated("lee", at(74.9))
        assert alarm.escalated("lee", at(75)).escalations == 2


def test_who_resolves_it_says_what_was_found() -> None:
    alarm = (
        raised().passed(RULE, at(20)).resolved("kim", "false", at(30), "was sitting")
    )
    assert (alarm.state, alarm.verdict) == ("resolved", "false")
    assert alarm.history[-1].note == "was sitting"
    assert alarm.ended(RULE, at(40)) == alarm


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ("acknowledged", lambda it: it.acknowledged("lee", at(6))),
        ("snoozed", lambda it: it.snoozed("lee", at(60), at(6))),
        ("escalated", lambda it: it.escalated("lee", at(6))),
        ("resolved", lambda it: it.resolved("lee", None, at(6))),
    ],
)
def test_what_is_over_cannot_be_answered(
    how: str, answer: Callable[[Alarm], Alarm]
) -> None:
    alarm = raised().resolved("kim", None, at(5))
    problem = rf"^alarm e1 is resolved and cannot be {how}$"
    with pytest.raises(AlarmError, match=problem):
        answer(alarm)


def test_answers_that_do_not_fit_say_why() -> None:
    alarm = raised().acknowledged("kim", at(5))
    with pytest.raises(AlarmError, match=r"already acknowledged$"):
        alarm.acknowledged("lee", at(6))
    with pytest.raises(AlarmError, match=r"until the past$"):
        alarm.snoozed("lee", at(6), at(6))


def test_a_clock_that_was_set_moves_every_time() -> None:
    alarm = raised().passed(RULE, at(20)).snoozed("kim", at(100), at(25))
    by_ns = 7 * NS_PER_S
    later = alarm.moved(by_ns)
    assert later.passed(RULE, at(106.9)).state == "snoozed"
    assert later.passed(RULE, at(107)).state == "confirmed"
    assert later.moved(-by_ns) == alarm


@pytest.mark.parametrize("rule", [{"confirm_s": -1.0}, {"escalate_s": (60.0, 0.0)}])
def test_rules_with_impossible_times_are_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        AlarmRule(**rule)  # type: ignore[arg-type]


def test_who_is_out_of_bed_for_too_long_is_urgent_even_if_only_suspected() -> None:
    rule = AlarmRule("low", 3600, (60,), 300, latches=False, out_of_bed_s=900)
    out = replace(raised(rule), name=BED_EXIT)
    assert out.passed(rule, at(899)).state == "suspected"
    assert out.ended(rule, at(899)).state == "cancelled"
    late = out.passed(rule, at(960))
    assert told(late)[1:] == [("out of bed", 900), ("escalated", 960)]
    assert (late.state, late.priority) == ("escalated", "high")
    assert late.ended(rule, at(961)).state == "resolved"
    fall = raised(rule)
    assert fall.passed(rule, at(3599)).state == "suspected"
