"""The crash test: a hub that is killed again and again must lose and invent nothing.

    reports ──pipe──▶ hub, killed at random moments ──▶ real broker ──▶ what is heard
       ▲──accepted──────┘        ▲── answers of people ───┘

A report that was not accepted is sent again to the next hub, as watchers do. A message
may come twice with the same id. Moments are drawn from a hub's start on, so they fall
into opening the store, writing, publishing and taking answers.
"""

import asyncio
import itertools
import json
import multiprocessing
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, final

import aiomqtt

from pipelines.clock import Clock
from pipelines.progress import Progress
from pipelines.records import FALL, ActionEvent
from services.bench.crash_hub import READY, run_hub
from services.demo.broker import Broker
from services.hub.reports import Counts, Report, SubjectState
from services.site.settings import Site
from services.tasks import end_tasks

SITE = "crash"
_SUBJECTS = ("bed-1", "bed-2", "bed-3", "bed-4")
_MEAN_LIFE_S = 0.25
_MOST_EVENTS = 3
_ANSWER_SHARE = 0.3
_LISTENING_S, _ALL_HEARD_S = 10.0, 60.0
_PIPE_S = 30.0
_LOOK_S = 0.02
_PAUSE_S = 0.02
_STARTING_SHARE = 0.2
"""Share of hubs that may be killed while they start."""


@final
@dataclass(frozen=True, slots=True)
class CrashOutcome:
    """What a crash test found.

    Attributes:
        kills: Number of times that the hub was killed.
        events: Number of starts and ends of events that were reported.
        lost: Number of those, and of their alarms, that were never heard.
        duplicates: Number of alarms that were published with two different histories.
        out_of_order: Number of events that were first heard after a later one of their
            subject.
        repeated: Number of messages about events that came again, with the same id.
        answers: Number of answers that people gave.
    """

    kills: int
    events: int
    lost: int
    duplicates: int
    out_of_order: int
    repeated: int
    answers: int

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or out of order."""
        return not (self.lost or self.duplicates or self.out_of_order)


@final
@dataclass(slots=True)
class _Heard:
    """What the broker passed on."""

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
class _Reports:
    """Endless reports of falls that begin and end."""

    def __init__(self, rng: random.Random, clock: Clock) -> None:
        self._rng, self._clock = rng, clock
        self._open: dict[str, ActionEvent] = {}
        self.told: dict[str, list[tuple[str, str]]] = {name: [] for name in _SUBJECTS}
        self.number = 0

    def next(self) -> Report:
        self.number += 1
        now_ns = self._clock.now_ns()
        chosen = self._rng.sample(_SUBJECTS, self._rng.randint(1, _MOST_EVENTS))
        events = [self._event(name, now_ns) for name in chosen]
        for event in events:
            self.told[event.subject_id].append((event.event_id, event.state))
        return Report(
            watcher="watcher-0",
            sent_ns=now_ns,
            events=tuple(events),
            alerts=(),
            subjects={name: SubjectState() for name in _SUBJECTS},
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
class _Killable:
    """A hub in a process of its own, and the pipe to it."""

    def __init__(self, site: Site, folder: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["services.bench.crash_hub"])
        self._pipe, far_end = context.Pipe()
        arguments = far_end, site, _SUBJECTS, folder
        self._process: BaseProcess = context.Process(target=run_hub, args=arguments)
        self._process.start()
        far_end.close()

    async def send(self, number: int, report: Report) -> bool:
        """Return whether the hub has accepted a report; False if it is dead."""
        with suppress(OSError):
            self._pipe.send((number, report))
            while (answer := await self._answer()) is not None:
                if answer == number:
                    return True
        return False

    async def is_ready(self) -> bool:
        """Return whether the hub has started; False if it is dead."""
        return await self._answer() == READY

    def strike(self) -> None:
        """Kill the process, as a power cut would, without waiting for its end."""
        if self._process.is_alive():
            self._process.kill()

    async def _answer(self) -> int | None:
        return await asyncio.to_thread(_read, self._pipe)

    def kill(self) -> None:
        """Kill the process if it is alive, and wait for its end."""
        self.strike()
        self._process.join()
        self._pipe.close()

    def close(self) -> None:
        """Let the hub end by itself, and wait for it."""
        self._pipe.close()
        self._process.join(_PIPE_S)
        self.strike()


def _read(pipe: Connection) -> int | None:
    with suppress(EOFError, OSError):
        if pipe.poll(_PIPE_S):
            answer: int = pipe.recv()
            return answer
    return None


@final
class _People:
    """Answer some of the alarms that they hear of."""

    def __init__(self, port: int, heard: _Heard, rng: random.Random) -> None:
        self._port, self._heard, self._rng = port, heard, rng
        self.answers = 0

    async def run(self) -> None:
        """Answer until cancelled."""
        seen: set[str] = set()
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            while True:
                for name in sorted(self._heard.alarms.keys() - seen):
                    seen.add(name)
                    if self._rng.random() < _ANSWER_SHARE:
                        kind = self._rng.choice(("ack", "snooze", "resolve"))
                        topic = f"wardwatch/{SITE}/alarm/{name}/{kind}"
                        await client.publish(topic, b'{"by": "kim"}', qos=1)
                        self.answers += 1
                await asyncio.sleep(_LOOK_S)


async def measure_crashes(
    kills: int, seed: int, folder: Path, clock: Clock, on_progress: Progress
) -> CrashOutcome:
    """Kill a hub at random moments, and compare what was reported with what is heard.

    Args:
        kills: Number of kills.
        seed: Seed of events, moments and answers.
        folder: Folder of the store, which must be empty.
        clock: Clock of the events.
        on_progress: Called after each kill.
    """
    rng = random.Random(seed)
    reports, heard = _Reports(rng, clock), _Heard()
    with Broker() as broker:
        site = Site.model_validate(
            {
                "site": SITE,
                "broker": {"port": broker.port},
                "hub": {"folder": str(folder), "port": 0, "canary_every_s": 86_400},
                "alarms": {FALL: {"escalate_s": [1.0]}},
            }
        )
        people = _People(broker.port, heard, rng)
        async with _listening(broker.port, heard):
            answering = asyncio.create_task(people.run())
            waiting = reports.next()
            for kill in range(kills):
                waiting = await _live_and_die(site, folder, reports, waiting, rng)
                on_progress("killing", kill + 1, kills, "kills")
            await end_tasks([answering])
            hub = _Killable(site, folder)
            if await hub.is_ready() and await hub.send(reports.number, waiting):
                await _until_heard(reports, heard)
            await asyncio.to_thread(hub.close)
    return _outcome(kills, reports, heard, people.answers)


async def _live_and_die(
    site: Site, folder: Path, reports: _Reports, waiting: Report, rng: random.Random
) -> Report:
    """Run a hub that is killed at a random moment; return the report that waits."""
    hub = _Killable(site, folder)
    loop = asyncio.get_running_loop()
    if rng.random() < _STARTING_SHARE or await hub.is_ready():
        loop.call_later(rng.expovariate(1 / _MEAN_LIFE_S), hub.strike)
    while await hub.send(reports.number, waiting):
        waiting = reports.next()
        await asyncio.sleep(rng.uniform(0, _PAUSE_S))
    await asyncio.to_thread(hub.kill)
    return waiting


async def _until_heard(reports: _Reports, heard: _Heard) -> None:
    """Return once everything was heard, or after the longest time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ALL_HEARD_S):
            while _lost(reports, heard):  # noqa: ASYNC110  a listener adds to it
                await asyncio.sleep(_LOOK_S)


def _lost(reports: _Reports, heard: _Heard) -> int:
    """Return how many events, and alarms of events, were not heard."""
    told = {key for keys in reports.told.values() for key in keys}
    found = {key for keys in heard.events.values() for key in keys}
    started = {event_id for event_id, state in told if state == "started"}
    return len(told - found) + len(started - heard.alarms.keys())


def _outcome(
    kills: int, reports: _Reports, heard: _Heard, answers: int
) -> CrashOutcome:
    out_of_order = 0
    for name, told in reports.told.items():
        order = {key: place for place, key in enumerate(told)}
        places = [order[key] for key in heard.events.get(name, ())]
        pairs = itertools.pairwise(places)
        out_of_order += sum(later < earlier for earlier, later in pairs)
    return CrashOutcome(
        kills=kills,
        events=sum(map(len, reports.told.values())),
        lost=_lost(reports, heard),
        duplicates=len(heard.doubled),
        out_of_order=out_of_order,
        repeated=heard.repeated,
        answers=answers,
    )


@asynccontextmanager
async def _listening(port: int, heard: _Heard) -> AsyncIterator[None]:
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
