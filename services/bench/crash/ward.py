"""The ward of the crash test: what is reported, who answers, and what is heard."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, final

import aiomqtt

from pipelines.clock import Clock
from pipelines.records import FALL, ActionEvent
from services.errors import StoreError
from services.hub.reports import Counts, Report, SubjectState
from services.hub.topics import ALARM_ANSWERS
from services.store.store import Store
from services.tasks import end_tasks

SITE: Final = "crash"
SUBJECTS: Final = ("bed-1", "bed-2", "bed-3", "bed-4")
_MOST_EVENTS = 3
_ANSWER_SHARE = 0.3
_LISTENING_S = 10.0
LOOK_S: Final = 0.02
"""Time between two looks at what has arrived."""


@final
@dataclass(slots=True)
class Heard:
    """What the broker passed on.

    Attributes:
        events: Keys of events in the order of hearing, by subject.
        alarms: The longest history of each alarm.
        doubled: Alarms with two different histories.
        repeated: Number of messages about events that came again.
    """

    events: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    alarms: dict[str, list[Any]] = field(default_factory=dict)
    doubled: set[str] = field(default_factory=set)
    repeated: int = 0

    def add(self, topic: str, payload: dict[str, Any]) -> None:
        """Add a message about an event or an alarm."""
        if topic.endswith("/event"):
            key = payload["event_id"], payload["state"]
            told = self.events.setdefault(payload["subject"], [])
            if key in told:
                self.repeated += 1
            else:
                told.append(key)
        elif topic.endswith("/alarm"):
            alarm = payload["changed"]
            name, history = alarm["alarm_id"], alarm["history"]
            known = self.alarms.setdefault(name, history)
            shorter = min(len(known), len(history))
            if known[:shorter] != history[:shorter]:
                self.doubled.add(name)
            if len(history) > len(known):
                self.alarms[name] = history


@final
class Reports:
    """Endless reports of falls that begin and end.

    Attributes:
        told: Keys of events in the order of reporting, by subject.
        number: Number of the latest report.
    """

    def __init__(self, rng: random.Random, clock: Clock) -> None:
        self._rng, self._clock = rng, clock
        self._open: dict[str, ActionEvent] = {}
        self.told: dict[str, list[tuple[str, str]]] = {name: [] for name in SUBJECTS}
        self.number = 0

    def next(self) -> Report:
        """Return a new report."""
        self.number += 1
        now_ns = self._clock.now_ns()
        chosen = self._rng.sample(SUBJECTS, self._rng.randint(1, _MOST_EVENTS))
        events = [self._event(name, now_ns) for name in chosen]
        for event in events:
            self.told[event.subject_id].append((event.event_id, event.state))
        return Report(
            watcher="watcher-0",
            sent_ns=now_ns,
            events=tuple(events),
            alerts=(),
            subjects={name: SubjectState() for name in SUBJECTS},
            counts=Counts(),
        )

    def _event(self, name: str, now_ns: int) -> ActionEvent:
        going_on = self._open.pop(name, None)
        event = ActionEvent(
            event_id=f"{name}-{self.number}" if going_on is None else going_on.event_id,
            subject_id=name,
            name=FALL,
            label="fallen",
            state="started" if going_on is None else "ended",
            start_ns=now_ns if going_on is None else going_on.start_ns,
            end_ns=None if going_on is None else now_ns,
            decided_ns=now_ns,
            peak_confidence=0.9,
            modality="video",
            model="none",
            prompt_set="none",
        )
        if going_on is None:
            self._open[name] = event
        return event


@final
class People:
    """Answer some of the alarms that they hear of, by MQTT or in the store.

    Attributes:
        heard_answers: Number of answers by MQTT.
        stored: Numbers of the answers in the store.
    """

    def __init__(
        self, port: int, heard: Heard, store: Store, clock: Clock, rng: random.Random
    ) -> None:
        self._port, self._heard, self._store = port, heard, store
        self._clock, self._rng = clock, rng
        self.heard_answers = 0
        self.stored: list[int] = []

    async def run(self) -> None:
        """Answer until cancelled."""
        seen: set[str] = set()
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            while True:
                for name in sorted(self._heard.alarms.keys() - seen):
                    seen.add(name)
                    if self._rng.random() < _ANSWER_SHARE:
                        await self._answer(client, name)
                await asyncio.sleep(LOOK_S)

    async def _answer(self, client: aiomqtt.Client, name: str) -> None:
        kind = self._rng.choice(ALARM_ANSWERS)
        if self._rng.random() < 0.5:
            topic = f"wardwatch/{SITE}/alarm/{name}/{kind}"
            await client.publish(topic, b'{"by": "kim"}', qos=1)
            self.heard_answers += 1
            return
        now_ns = self._clock.now_ns()
        with suppress(StoreError):  # a person would see that, and try again
            number = await asyncio.to_thread(
                self._store.answers.give, name, kind, {}, "lee", now_ns
            )
            self.stored.append(number)


@asynccontextmanager
async def listening(port: int, heard: Heard) -> AsyncIterator[None]:
    """Listen to all events and alarms until the end of the block."""

    async def listen() -> None:
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.subscribe(f"wardwatch/{SITE}/+/+", qos=1)
            ready.set()
            async for message in client.messages:
                if isinstance(message.payload, bytes) and message.payload:
                    heard.add(str(message.topic), json.loads(message.payload))

    ready = asyncio.Event()
    task = asyncio.create_task(listen())
    try:
        await asyncio.wait_for(ready.wait(), _LISTENING_S)
        yield
    finally:
        await end_tasks([task])
