"""A made-up ward in a real store: beds, alarms, poses, and three weeks of history."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pipelines.clock import NS_PER_S, utc_datetime
from pipelines.live.alarms import Alarm, AlarmRule, Verdict, raise_alarm
from pipelines.records import ActionEvent
from services.store.coverage import Covered
from services.store.drift_blocks import DriftBlock
from services.store.live import PoseTrack
from services.store.notices import Notice
from services.store.outbox import Message
from services.store.store import Store

MINUTE_NS = 60 * NS_PER_S
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
BEDS = [f"bed-{number}" for number in range(1, 13)]
RULE = AlarmRule()
ZONES = [
    {
        "name": "bed",
        "kind": "bed",
        "points": [[0.33, 0.55], [0.77, 0.48], [0.83, 0.66], [0.35, 0.76]],
    }
]


def event(
    subject_id: str, name: str, start_ns: int, length_ns: int | None = None
) -> ActionEvent:
    """An episode; without a length it goes on."""
    end_ns = None if length_ns is None else start_ns + length_ns
    return ActionEvent(
        event_id=f"{subject_id}-{name}-{start_ns // NS_PER_S}".replace(" ", "-"),
        subject_id=subject_id,
        name=name,
        label="fallen" if name == "fall" else name,
        state="started" if end_ns is None else "ended",
        start_ns=start_ns,
        end_ns=end_ns,
        decided_ns=start_ns + NS_PER_S,
        peak_confidence=0.93 if name == "fall" else 0.71,
        modality="fused" if name == "fall" else "video",
        model="made up",
        prompt_set="ward",
    )


def add(store: Store, happened: ActionEvent, *alarms: Alarm) -> None:
    """Store an event with its alarms, as the hub does."""
    key = f"event {happened.event_id} {happened.state}"
    message = Message(key, "made/up", {})
    store.take([message], {key: happened}, happened.decided_ns, alarms)
    for waiting in store.outbox.waiting(10):
        store.outbox.delivered(waiting.number, happened.decided_ns)


def fall(store: Store, subject_id: str, at_ns: int) -> Alarm:
    """Let a subject fall: store the event and its alarm, and return the alarm."""
    happened = event(subject_id, "fall", at_ns)
    alarm = raise_alarm(happened, RULE, at_ns)
    add(store, happened, alarm)
    return alarm


def fault(subject_id: str, at_ns: int) -> Alarm:
    """A lost camera."""
    lost = event(subject_id, "camera lost", at_ns)
    rule = AlarmRule(priority="medium", escalate_s=(), long_lie_s=0)
    return replace(raise_alarm(lost, rule, at_ns), kind="technical")


def figure(
    x: float, y: float, size: float, lean: float, step: float = 0.0
) -> list[list[float]]:
    """A body of 33 landmarks, the hips at x, y; ``lean`` is its angle, 0 upright."""
    places = {
        0: (0.0, -0.62),
        11: (-0.13, -0.45),
        12: (0.13, -0.45),
        13: (-0.2 - step / 3, -0.25),
        14: (0.2 + step / 3, -0.25),
        15: (-0.22 - step, -0.06),
        16: (0.22 + step / 2, -0.06),
        23: (-0.08, 0.0),
        24: (0.08, 0.0),
        25: (-0.1 - step, 0.25),
        26: (0.1 + step, 0.25),
        27: (-0.1 - 2 * step, 0.5),
        28: (0.1 + step, 0.5),
        31: (-0.15 - 2 * step, 0.53),
        32: (0.15 + step, 0.53),
    }
    points = []
    for number in range(33):
        across, along = places.get(number, (0.0, 0.0))
        turned_x = across * math.cos(lean) - along * math.sin(lean)
        turned_y = across * math.sin(lean) + along * math.cos(lean)
        visible = 0.95 if number in places else 0.0
        points.append(
            [
                round(0.17 + x + size * turned_x, 3),
                round(y + size * turned_y, 3),
                visible,
            ]
        )
    return points


def poses(now_ns: int, posture: str) -> list[dict[str, Any]]:
    """What a report has seen: two seconds, four times a second."""
    made = []
    for number in range(8):
        phase = math.sin(number / 8 * 2 * math.pi)
        people = [{"track": 1, "points": _posture(posture, phase)}]
        if posture == "helped":
            people.append({"track": 2, "points": figure(0.75, 0.5, 0.5, 0.1, 0.03)})
        at = utc_datetime(now_ns) - timedelta(seconds=2 - number / 4)
        made.append({"at": at.isoformat(), "people": people if posture else []})
    return made


def _posture(posture: str, phase: float) -> list[list[float]]:
    match posture:
        case "bed":
            return figure(0.4, 0.6 + 0.003 * phase, 0.42, -1.45, 0.01)
        case "floor" | "helped":
            return figure(0.55, 0.87, 0.45, 1.5, 0.05 + 0.01 * phase)
        case "sitting":
            return figure(0.42, 0.55, 0.36, 0.1 + 0.02 * phase, 0.06)
    return figure(0.62 + 0.04 * phase, 0.5, 0.6, 0.03, 0.06 * abs(phase))


def live(
    now_ns: int,
    posture: str = "bed",
    label: str = "lying in bed",
    **facts: Any,
) -> dict[str, Any]:
    """The present of a subject, as the hub writes it."""
    at = utc_datetime(now_ns).isoformat()
    return {
        "state": "online",
        "reason": "",
        "action": {"label": label, "confidence": 0.91, "at": at},
        "people": 1 if posture else 0,
        "bed": "in" if posture == "bed" else "out",
        "worn": "worn",
        "camera": {"state": "online", "reason": ""},
        "imu": {"state": "online", "reason": ""},
        "picture_at": at,
        "drift": None,
        "aspect": 1.3333,
        "poses": poses(now_ns, posture),
        "zones": ZONES,
        **facts,
    }


def lives(now_ns: int) -> dict[str, dict[str, Any]]:
    """The present of the whole ward."""
    no_wearable: dict[str, Any] = {"imu": None, "worn": None}
    silent = {"state": "stalled", "reason": "no data"}
    off = {"state": "offline", "reason": "no data"}
    old = utc_datetime(now_ns - 4 * MINUTE_NS).isoformat()
    return {
        "bed-1": live(now_ns),
        "bed-2": live(now_ns, "walking", "walking", **no_wearable),
        "bed-3": live(now_ns, "sitting", "sitting"),
        "bed-4": live(now_ns, "floor", "fallen"),
        "bed-5": live(now_ns, **no_wearable),
        "bed-6": live(
            now_ns, state="degraded", reason="imu: not worn", worn="not worn"
        ),
        "bed-7": live(
            now_ns,
            "",
            state="offline",
            reason="camera: no data",
            camera=off,
            action=None,
            people=None,
            bed=None,
            picture_at=old,
        ),
        "bed-8": live(now_ns, "helped", "fallen"),
        "bed-9": live(now_ns, "", "empty room", **no_wearable),
        "bed-10": live(now_ns, "walking", "standing"),
        "bed-11": live(now_ns),
        "bed-12": live(now_ns, state="degraded", reason="imu: no data", imu=silent),
    }


def track(alarm: Alarm) -> PoseTrack:
    """The poses around a fall: walking, falling, lying."""
    made = []
    for number in range(-120, 241):
        seconds = number / 4
        lean = 1.5 * min(1.0, max(0.0, (seconds + 2.5) / 1.5))
        step = 0.06 * abs(math.sin(seconds * 2)) if lean == 0 else 0.04
        x = min(0.55, 0.2 + 0.35 * (seconds + 30) / 28)
        points = figure(x, 0.5 + 0.25 * lean, 0.6 - 0.1 * lean, lean, step)
        people = [{"track": 1, "points": points}]
        if seconds > 40:
            carer = figure(0.95 - (seconds - 40) / 80, 0.5, 0.6, 0, step)
            people.append({"track": 2, "points": carer})
        made.append({"t": seconds, "people": people})
    content = {
        "alarm_id": alarm.alarm_id,
        "subject": alarm.subject_id,
        "onset": utc_datetime(alarm.raised_ns - 3 * NS_PER_S).isoformat(),
        "aspect": 1.3333,
        "zones": ZONES,
        "poses": made,
    }
    return PoseTrack(alarm.alarm_id, alarm.subject_id, alarm.raised_ns, content)


def fill(store: Store, now_ns: int) -> None:
    """Fill a store with the ward."""
    store.notes.note("expected sources", {name: ["camera"] for name in BEDS})
    _history(store, now_ns)
    _drift(store, "bed-4", now_ns)
    latest = fall(store, "bed-4", now_ns - 95 * NS_PER_S)
    escalated = latest.passed(RULE, now_ns)
    _put(store, escalated)
    _notify(store, escalated)
    store.pose_tracks.put(track(latest))
    helped = fall(store, "bed-8", now_ns - 6 * MINUTE_NS)
    _put(store, helped.acknowledged("kim", now_ns - 5 * MINUTE_NS))
    exit_event = event("bed-10", "bed exit", now_ns - 40 * NS_PER_S)
    medium = replace(RULE, priority="medium")
    add(store, exit_event, raise_alarm(exit_event, medium, exit_event.start_ns))
    store.live.put(lives(now_ns), now_ns)
    store.take([Message("technical 1", "made/up", {})], {}, now_ns - MINUTE_NS)


def _notify(store: Store, alarm: Alarm) -> None:
    """One phone has the alarm, another does not take it, a webhook has refused it."""
    title, body = f"{alarm.subject_id}: {alarm.name}", "confirmed"
    notices = [
        Notice(f"{name} {alarm.alarm_id} {entry}", name, alarm.alarm_id, title, body)
        for name, entry in (("night nurse", 1), ("records", 1), ("doctor", 2))
    ]
    store.take([], {}, alarm.raised_ns, notices=notices)
    (first, _), (second, _) = (
        found
        for name in ("night nurse", "records")
        if (found := store.notices.next(name)) is not None
    )
    store.notices.taken(first, alarm.raised_ns + 2 * NS_PER_S)
    done_ns = alarm.raised_ns + 9 * NS_PER_S
    store.notices.refused(second, "answers HTTP 403", 1, done_ns)


def _put(store: Store, alarm: Alarm) -> None:
    message = Message(f"alarm {alarm.alarm_id} {len(alarm.history)}", "made/up", {})
    store.take([message], {}, alarm.raised_ns, [alarm])
    for waiting in store.outbox.waiting(10):
        store.outbox.delivered(waiting.number, alarm.raised_ns)


def _history(store: Store, now_ns: int) -> None:
    for day in range(21, -1, -1):
        for place, name in enumerate(BEDS):
            start_ns = now_ns - day * DAY_NS - (3 + place) * HOUR_NS
            if (day + place) % 4 == 0:
                add(store, event(name, "bed exit", start_ns, 9 * MINUTE_NS))
            if (day * 5 + place * 3) % 31 == 0:
                happened = event(name, "fall", start_ns, 3 * MINUTE_NS)
                alarm = raise_alarm(happened, RULE, start_ns)
                answered = alarm.acknowledged("kim", start_ns + 40 * NS_PER_S)
                verdict: Verdict = "false" if place % 3 == 0 else "true"
                note = "sat on the floor" if verdict == "false" else ""
                resolved = answered.resolved(
                    "kim", verdict, start_ns + 5 * MINUTE_NS, note
                )
                add(store, happened, resolved)
            if day < 2:
                _cover(store, name, place, utc_datetime(now_ns - day * DAY_NS))


def _drift(store: Store, subject_id: str, now_ns: int) -> None:
    """A day of blocks: a dark hour at night, and a pause of an hour."""
    blocks = []
    for back in range(24 * 12, 0, -1):
        hour = back / 12
        if 6 < hour < 7:
            continue
        dark = max(0.0, 1 - abs(hour - 10) / 2)
        confidence = 0.86 - 0.3 * dark + 0.04 * math.sin(back)
        at_ns = now_ns - back * 5 * MINUTE_NS
        blocks.append(DriftBlock(subject_id, at_ns, confidence, 0.1 + 0.7 * dark))
    store.drift_blocks.put(blocks)


def _cover(store: Store, name: str, place: int, at: Any) -> None:
    day = at.date().isoformat()
    parts = [Covered(name, day, "online", 40_000 - 900 * place)]
    if place % 3 == 2:
        parts.append(Covered(name, day, "camera", 1200.0 + 400 * place))
    if place % 4 == 1:
        parts.append(Covered(name, day, "no watcher", 340.0))
    store.coverage.add(parts)
