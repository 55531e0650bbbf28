"""Kill a hub again and again, and compare what is heard with what was reported."""

import asyncio
import itertools
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from pydantic import SecretStr

from pipelines.clock import ns_to_seconds
from pipelines.progress import Progress
from pipelines.records import FALL
from services.bench.crash.gate import Gate
from services.bench.crash.hub import KillableHub
from services.bench.crash.leaping_clock import LeapingClock, Leapt, shared_leapt
from services.bench.crash.steps import RANDOM, STEPS, Killer
from services.bench.crash.ward import (
    LOOK_S,
    SITE,
    Heard,
    People,
    Reports,
    listening,
)
from services.bench.empty_store import make_empty_store
from services.demo.broker import Broker
from services.site.settings import Site
from services.store.store import Store
from services.tasks import end_tasks

_MEAN_LIFE_S: Final = 0.25
_ALL_HEARD_S: Final = 60.0
_PAUSE_S: Final = 0.02
_STARTING_SHARE: Final = 0.2
"""Share of the random moments that may fall into the start of a hub."""
_RANDOM_SHARE: Final = 0.4
"""Share of hubs that are killed at a random moment; the others die at a named step."""
_MOST_TIMES: Final = 4
"""A hub dies when it reaches its step for the first to the fourth time."""
_LONGEST_LIFE_S: Final = 3.0
"""Life after which a hub that does not reach its step is killed anyway."""
_AWAY_SHARE: Final = 0.25
"""Share of hubs for which the broker is away for a while."""
_LONGEST_AWAY_S: Final = 1.0
_LEAPS: Final = 30
"""Leaps of the clock in each outage."""
_LONGEST_OUTAGE_S: Final = 600.0
"""The longest outage by the hub's clock, which leaps ahead meanwhile."""


@final
@dataclass(frozen=True, slots=True)
class CrashOutcome:
    """What a crash test found.

    Attributes:
        kills: Number of times that the hub was killed.
        events: Number of starts and ends of events that were reported.
        lost: Number of those, and of their alarms, that were never heard, and of
            answers in the store that were never applied.
        duplicates: Number of alarms that were published with two different histories,
            and of answers in the store that were applied twice.
        out_of_order: Number of events that were first heard after a later one of their
            subject.
        repeated: Number of messages about events that came again, with the same id.
        answers: Number of answers that people gave by MQTT.
        stored_answers: Number of answers that people gave in the store.
        outages: Number of times that the broker was away.
        longest_outage_s: The longest of these times, by the hub's clock.
        steps: Number of kills by step.
    """

    kills: int
    events: int
    lost: int
    duplicates: int
    out_of_order: int
    repeated: int = 0
    answers: int = 0
    stored_answers: int = 0
    outages: int = 0
    longest_outage_s: float = 0.0
    steps: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or out of order."""
        return not (self.lost or self.duplicates or self.out_of_order)


@final
class _Run:
    """One crash test, with its hubs one after another."""

    def __init__(
        self, site: Site, gate: Gate, reports: Reports, leapt: Leapt, seed: int
    ) -> None:
        self._site, self._gate, self._reports = site, gate, reports
        self._leapt, self._clock = leapt, LeapingClock(leapt)
        self._rng = random.Random(seed)
        self._waiting = reports.next()
        self.steps: Counter[str] = Counter()
        self.outages_s: list[float] = []

    async def live_and_die(self) -> None:
        """Run a hub until it is killed."""
        rng, loop = self._rng, asyncio.get_running_loop()
        step = RANDOM if rng.random() < _RANDOM_SHARE else rng.choice(STEPS)
        killer = Killer(step, rng.randint(1, _MOST_TIMES))
        hub = KillableHub(self._site, killer, leapt=self._leapt)
        away = asyncio.create_task(self._be_away()) if self._is_chosen() else None
        starts = step == RANDOM and rng.random() < _STARTING_SHARE
        if starts or await hub.is_ready():
            life_s = rng.expovariate(1 / _MEAN_LIFE_S)
            strike_s = life_s if step == RANDOM else _LONGEST_LIFE_S
            striking = loop.call_later(strike_s, hub.strike)
            died_at = await self._report_to(hub, rng)
            is_struck = striking.when() <= died_at
            striking.cancel()
            self.steps[RANDOM if is_struck else step] += 1
        else:  # it has reached its step while it started
            self.steps[step] += 1
        await asyncio.to_thread(hub.kill)
        if away is not None:
            await away

    async def end(self, heard: Heard, people: People, store: Store) -> None:
        """Let a last hub deliver everything."""
        hub = KillableHub(self._site, Killer("", 0), leapt=self._leapt)
        if await hub.is_ready() and await hub.send(self._reports.number, self._waiting):
            await self._until_heard(heard, people, store)
        await asyncio.to_thread(hub.close)

    async def _until_heard(self, heard: Heard, people: People, store: Store) -> None:
        """Return once everything was heard, or after the longest time."""
        facts = self._reports, heard, people, store
        with suppress(TimeoutError):
            async with asyncio.timeout(_ALL_HEARD_S):
                while await asyncio.to_thread(_lost, *facts):  # noqa: ASYNC110  it ends by itself
                    await asyncio.sleep(LOOK_S)

    async def _report_to(self, hub: KillableHub, rng: random.Random) -> float:
        """Report until the hub is dead; return when that was, in the loop's time."""
        while await hub.send(self._reports.number, self._waiting):
            self._waiting = self._reports.next()
            await asyncio.sleep(rng.uniform(0, _PAUSE_S))
        return asyncio.get_running_loop().time()

    def _is_chosen(self) -> bool:
        return self._rng.random() < _AWAY_SHARE

    async def _be_away(self) -> None:
        """Let the broker be away for a while, a long one by the hub's clock."""
        began_ns, share = self._clock.now_ns(), self._rng.random()
        self._gate.shut()
        for _ in range(_LEAPS):
            await asyncio.sleep(share * _LONGEST_AWAY_S / _LEAPS)
            self._clock.leap_s(share * _LONGEST_OUTAGE_S / _LEAPS)
        self._gate.open()
        self.outages_s.append(ns_to_seconds(self._clock.now_ns() - began_ns))


async def measure_crashes(
    kills: int,
    seed: int,
    folder: Path,
    on_progress: Progress,
    database: str | None = None,
) -> CrashOutcome:
    """Kill a hub again and again, and compare what was reported with what is heard.

    Args:
        kills: Number of kills.
        seed: Seed of events, moments and answers.
        folder: Folder of an SQLite store, which must be empty.
        on_progress: Called after each kill.
        database: Address of an empty database, instead of SQLite.

    Raises:
        StoreError: If the database cannot be used, or is not empty.
    """
    leapt = shared_leapt()
    clock, rng = LeapingClock(leapt), random.Random(seed)
    reports, heard = Reports(rng, clock), Heard()
    with Broker() as broker:
        gate = Gate(broker.port)
        async with gate.standing(), listening(broker.port, heard):
            site = _site_of(gate.port, folder, database)
            store = make_empty_store(site.hub.store_url())
            people = People(broker.port, heard, store, clock, random.Random(seed + 1))
            answering = asyncio.create_task(people.run())
            run = _Run(site, gate, reports, leapt, seed + 2)
            for kill in range(kills):
                await run.live_and_die()
                on_progress("killing", kill + 1, kills, "kills")
            await end_tasks([answering])
            await run.end(heard, people, store)
            outcome = _outcome(kills, run, reports, heard, people, store)
            store.close()
    return outcome


def _site_of(port: int, folder: Path, database: str | None) -> Site:
    hub = {"folder": str(folder), "port": 0, "canary_every_s": 86_400}
    address = None if database is None else SecretStr(database)
    return Site.model_validate(
        {
            "site": SITE,
            "broker": {"port": port},
            "hub": {**hub, "database": address},
            "alarms": {FALL: {"escalate_s": [1.0]}},
        }
    )


def _lost(reports: Reports, heard: Heard, people: People, store: Store) -> int:
    """Return how many events, alarms of events, and answers in the store were lost."""
    told = {key for keys in reports.told.values() for key in keys}
    found = {key for keys in heard.events.values() for key in keys}
    started = {event_id for event_id, state in told if state == "started"}
    unheard = len(told - found) + len(started - heard.alarms.keys())
    applied = _times_applied(people, store)
    return unheard + sum(times == 0 for times in applied)


def _times_applied(people: People, store: Store) -> list[int]:
    """Return how often each answer in the store is in its alarm's history.

    An answer that does not fit any more counts as applied once.
    """
    found = []
    for number in people.stored:
        answer = store.answers.one(number)
        if answer is None or answer.outcome is None:
            found.append(0)
        elif answer.outcome:
            found.append(1)
        else:
            alarm = store.alarms.one(answer.about)
            entries = () if alarm is None else alarm.history
            found.append(sum(entry.by == answer.by for entry in entries))
    return found


def _outcome(
    kills: int,
    run: _Run,
    reports: Reports,
    heard: Heard,
    people: People,
    store: Store,
) -> CrashOutcome:
    applied = _times_applied(people, store)
    out_of_order = 0
    for name, told in reports.told.items():
        order = {key: place for place, key in enumerate(told)}
        places = [order[key] for key in heard.events.get(name, ())]
        pairs = itertools.pairwise(places)
        out_of_order += sum(later < earlier for earlier, later in pairs)
    return CrashOutcome(
        kills=kills,
        events=sum(map(len, reports.told.values())),
        lost=_lost(reports, heard, people, store),
        duplicates=len(heard.doubled) + sum(times > 1 for times in applied),
        out_of_order=out_of_order,
        repeated=heard.repeated,
        answers=people.heard_answers,
        stored_answers=len(people.stored),
        outages=len(run.outages_s),
        longest_outage_s=round(max(run.outages_s, default=0.0), 1),
        steps={name: run.steps[name] for name in (RANDOM, *STEPS)},
    )
