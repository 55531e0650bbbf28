"""The ward of the console's benchmark: what its watchers report to the hub."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, final

from pipelines.clock import NS_PER_S, Clock
from pipelines.live.zones import Zone
from pipelines.records import FALL, ActionEvent, PeopleCount, SourceStatus
from services.bench.crash.hub import KillableHub
from services.bench.crash.steps import Killer
from services.errors import ServiceError
from services.hub.history.seen import InView, SeenPerson, SeenPoses
from services.hub.reports import Counts, Report, SubjectState
from services.site.settings import Site
from services.tasks import end_tasks

_EACH: Final = 16
"""Subjects of one watcher, as in the service."""
_EVERY_S: Final = 2.0
"""Time between two reports of a watcher, as in the service."""
_LANDMARKS: Final = 33
_BED: Final = Zone("bed", "bed", ((0.2, 0.5), (0.6, 0.5), (0.6, 0.8), (0.2, 0.8)))


@final
class Ward:
    """Subjects who move all the time, and fall when they are asked to.

    Args:
        subjects: Number of subjects.
        pictures_hz: Poses of each subject in a second.
        clock: Clock of the reports.
        rng: Draws the poses.

    Attributes:
        names: Names of the subjects.
    """

    def __init__(
        self, subjects: int, pictures_hz: int, clock: Clock, rng: random.Random
    ) -> None:
        self.names = tuple(f"bed-{number}" for number in range(1, subjects + 1))
        self._poses = round(pictures_hz * _EVERY_S)
        self._clock, self._rng = clock, rng
        self._number = 0
        self._sending = asyncio.Lock()
        self._hub: KillableHub | None = None

    @asynccontextmanager
    async def reporting(self, site: Site) -> AsyncIterator[None]:
        """Run a hub, and report to it regularly until the end of the block.

        Raises:
            ServiceError: If the hub does not start.
        """
        self._hub = KillableHub(site, Killer("", 0), self.names)
        tasks: list[asyncio.Task[None]] = []
        try:
            if not await self._hub.is_ready():
                msg = "the hub has not started"
                raise ServiceError(msg)
            watchers = self._watchers()
            for place, names in enumerate(watchers):
                await self._report(names)
                pause_s = _EVERY_S * place / len(watchers)
                regular = self._report_regularly(names, pause_s)
                tasks.append(asyncio.create_task(regular, name=f"watcher {place}"))
            yield
        finally:
            await end_tasks(tasks)
            await asyncio.to_thread(self._hub.close)

    async def fall(self, name: str) -> ActionEvent:
        """Let a subject fall; return the event once the hub has it on the disk."""
        now_ns = self._clock.now_ns()
        self._number += 1
        event = ActionEvent(
            event_id=f"{name}-{self._number}",
            subject_id=name,
            name=FALL,
            label="fallen",
            state="started",
            start_ns=now_ns,
            end_ns=None,
            decided_ns=now_ns,
            peak_confidence=0.9,
            modality="video",
            model="none",
            prompt_set="none",
        )
        watchers = self._watchers()
        (names,) = [each for each in watchers if name in each]
        await self._report(names, [event])
        return event

    def _watchers(self) -> list[tuple[str, ...]]:
        """Return the names of each watcher's subjects."""
        firsts = range(0, len(self.names), _EACH)
        return [self.names[first : first + _EACH] for first in firsts]

    async def _report_regularly(self, names: Sequence[str], pause_s: float) -> None:
        await self._clock.sleep_s(pause_s)
        while True:
            await self._report(names)
            await self._clock.sleep_s(_EVERY_S)

    async def _report(
        self, names: Sequence[str], events: Sequence[ActionEvent] = ()
    ) -> None:
        """Report subjects of one watcher; return once the hub has accepted it.

        Raises:
            ServiceError: If the hub has died.
        """
        assert self._hub is not None
        async with self._sending:  # one report at a time crosses the pipe
            self._number += 1
            now_ns = self._clock.now_ns()
            report = Report(
                watcher=f"watcher of {names[0]}",
                sent_ns=now_ns,
                events=tuple(events),
                alerts=(),
                subjects={name: self._state(name, now_ns) for name in names},
                counts=Counts(),
            )
            if not await self._hub.send(self._number, report):
                msg = "the hub of the benchmark has died"
                raise ServiceError(msg)

    def _state(self, name: str, now_ns: int) -> SubjectState:
        step_ns = round(_EVERY_S * NS_PER_S / self._poses)
        poses = tuple(
            SeenPoses(now_ns - step_ns * back, (self._person(),))
            for back in reversed(range(self._poses))
        )
        camera = SourceStatus(name, "camera", "online", now_ns, "", "arrival")
        return SubjectState(
            camera=camera,
            predicted_ns=now_ns,
            label=self._rng.choice(("walking", "standing", "sitting")),
            confidence=self._rng.random(),
            people=PeopleCount(name, now_ns, 1),
            view=InView(now_ns, 4 / 3, poses),
            zones=(_BED,),
        )

    def _person(self) -> SeenPerson:
        """Return somebody whose landmarks are all somewhere else than before."""
        numbers = []
        for _ in range(_LANDMARKS):
            x, y = self._rng.randrange(100, 1200), self._rng.randrange(100, 900)
            numbers += [x, y, self._rng.randrange(50, 100)]
        return SeenPerson(1, tuple(numbers))
