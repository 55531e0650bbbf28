"""Rows for the tests of the store."""

from dataclasses import replace

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm, AlarmRule, Verdict, raise_alarm
from pipelines.records import ActionEvent, EventState
from services.store.outbox import Message
from services.store.store import Store

START_NS = 1_700_000_000_000_000_001
HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS


def message(key: str) -> Message:
    return Message(key, f"topic/{key}", {"key": key, "of": [1, None]}, retain=True)


def event(state: EventState = "started", event_id: str = "e1") -> ActionEvent:
    return ActionEvent(
        event_id=event_id,
        subject_id="bed-4",
        name="fall",
        label="fallen",
        state=state,
        start_ns=START_NS,
        end_ns=None,
        decided_ns=START_NS + NS_PER_S,
        peak_confidence=0.9,
        modality="video",
        model="tiny",
        prompt_set="ward@1",
    )


def ended(started: ActionEvent, after_ns: int = HOUR_NS) -> ActionEvent:
    return replace(started, state="ended", end_ns=started.start_ns + after_ns)


def alarm(alarm_id: str = "e1", at_ns: int = START_NS, subject: str = "bed-4") -> Alarm:
    raised = replace(event(event_id=alarm_id), subject_id=subject)
    return raise_alarm(raised, AlarmRule(), at_ns)


def resolved(it: Alarm, verdict: Verdict | None = "true") -> Alarm:
    return it.resolved("kim", verdict, it.raised_ns + HOUR_NS, "hip")


def take_event(store: Store, it: ActionEvent, now_ns: int = 1) -> None:
    key = f"{it.event_id} {it.state}"
    store.take([message(key)], {key: it}, now_ns)
