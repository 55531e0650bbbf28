"""The watchers of a site: which subjects each has, and what happens if one fails.

pulse ─▶ dead or silent? ─▶ replaced; its subjects go on in another process
    └──▶ overloaded? ─────▶ divided, while there are cores
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import final

from ray.exceptions import (
    ActorUnschedulableError,
    RayActorError,
    RayError,
    RayTaskError,
)

from pipelines.clock import Clock
from services.site.settings import Site, SubjectSettings
from services.supervisor.answers import ANSWER_S, name_of, quietly
from services.supervisor.cluster import Actor, Cluster
from services.supervisor.loads import Loads
from services.supervisor.placement import plan_changes
from services.supervisor.subjects import watched_subject
from services.watcher.pulse import Pulse
from services.watcher.watched import WatchedSubject, configuration_hash

logger = logging.getLogger(__name__)

_ROUND_S = 2.0
_OPEN_S = 60.0
_MOST_SILENT = 3


@dataclass(slots=True)
class _Placed:
    """A watcher, its subjects, and the number of rounds without its answer.

    Its number is in the actor's name and so in the actor's log. A watcher that replaces
    it has another one.
    """

    number: int
    actor: Actor
    subjects: dict[str, SubjectSettings] = field(default_factory=dict)
    silent: int = 0


@final
class Watchers:
    """The watchers of one site.

    Args:
        cluster: The cluster, whose cores are counted and whose actors are killed.
        start: Starts the watcher with a number; returns the actor.
        site: Returns the site as it is now.
        clip_key: The key of blurred clips; None without clips.
        clock: Clock of the rounds.
        say: Called with what a person should know.

    Attributes:
        placing: Held while a configuration is applied or a watcher is divided.
    """

    def __init__(
        self,
        cluster: Cluster,
        start: Callable[[int], Awaitable[Actor]],
        site: Callable[[], Site],
        clip_key: str | None,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._cluster, self._start_number, self._site = cluster, start, site
        self._clip_key, self._clock, self._say = clip_key, clock, say
        self._numbers = itertools.count()
        self._watchers: dict[int, _Placed] = {}  # by place, which outlives an actor
        self._loads = Loads()
        self.placing = asyncio.Lock()

    async def place(self) -> None:
        """Divide the subjects of the site among watchers; ``placing`` must be held."""
        site = self._site()
        placed = {
            number: list(watcher.subjects.values())
            for number, watcher in self._watchers.items()
        }
        most_each = self._loads.most_each(
            site.watchers.subjects_each, len(site.subjects), await self._cores()
        )
        changes = plan_changes(placed, site.subjects, most_each)
        for number, change in changes.items():
            if number not in self._watchers:
                self._watchers[number] = _Placed(*await self._start())
            watcher = self._watchers[number]
            for name in change.drop:
                watcher.subjects.pop(name, None)
            watcher.subjects |= {subject.id: subject for subject in change.add}
            watched = [self._watched(subject) for subject in change.add]
            await self._change(watcher, watched, change.drop)

    async def watch(self) -> None:
        """Check the watchers until cancelled."""
        while True:
            checks = (self._check(number) for number in self._watchers)
            for failure in await asyncio.gather(*checks, return_exceptions=True):
                if failure is not None:  # the next round tries again
                    logger.error("check of a watcher: %s", type(failure).__name__)
            await self._clock.sleep_s(_ROUND_S)

    async def relieve(self) -> None:
        """Divide overloaded watchers until cancelled; no check waits for it."""
        while True:
            await self._clock.sleep_s(_ROUND_S)
            if self.placing.locked():  # a configuration is being applied
                continue
            relieved = await asyncio.gather(self._divide(), return_exceptions=True)
            if relieved[0] is not None:  # the next round tries again
                logger.error("dividing a watcher: %s", type(relieved[0]).__name__)
            await self.warn()

    async def _divide(self) -> None:
        """Move subjects of an overloaded watcher to one with room, or to a new one.

        They are watched where they are until the new process answers. Then the cameras
        that move are connected again, and open episodes go on.
        """
        number = self._loads.to_divide()
        if number is None or number not in self._watchers:
            return
        async with self.placing:
            full = self._watchers[number]
            other = self._with_room(full)
            is_new = other is None
            if is_new and not len(self._watchers) < await self._cores() < float("inf"):
                return
            if other is None and (other := await self._make_answering()) is None:
                self._loads.forget(number)  # so that this is not tried each round
                return
            count = (len(full.subjects) - len(other.subjects)) // 2
            moved = dict(full.subjects.popitem() for _ in range(count))
            if not await self._change(full, [], list(moved)):
                full.subjects |= moved  # a check adds what it has dropped
                self._loads.forget(number)
                if is_new:
                    self._cluster.kill(other.actor)
                return
            self._say(
                f"watcher {full.number} is overloaded: {count} of its subjects move"
            )
            other.subjects |= moved
            if is_new:
                self._watchers[max(self._watchers) + 1] = other
            watched = [self._watched(each) for each in moved.values()]
            await self._change(other, watched, [])

    def _with_room(self, full: _Placed) -> _Placed | None:
        """Return a watcher with room for subjects of another; None without one."""
        others = [
            watcher
            for number, watcher in self._watchers.items()
            if not watcher.silent and self._loads.has_room(number)
        ]
        other = min(others, key=lambda each: len(each.subjects), default=full)
        apart = len(full.subjects) - len(other.subjects)
        return other if apart >= max(2, len(other.subjects)) else None

    async def _make_answering(self) -> _Placed | None:
        """Start a watcher; return None if it does not answer."""
        number, actor = await self._start()
        try:
            await asyncio.wait_for(actor.pulse.remote(), _OPEN_S)
        except (RayError, TimeoutError) as error:
            logger.warning("a new watcher does not start: %s", name_of(error))
            self._cluster.kill(actor)
            return None
        return _Placed(number, actor)

    async def warn(self) -> None:
        """Say once if there are more subjects than the machine carries.

        All of them are watched: with fewer pictures of each, rather than some not.
        """
        line = self._loads.warning(len(self._site().subjects), await self._cores())
        if line is not None:
            self._say(line)

    async def _cores(self) -> float:
        """Return the number of cores of all nodes; infinite while that is not known."""
        # Ray is slow, or its node is dying: the next round asks again.
        with suppress(RayError, TimeoutError, RuntimeError, OSError, ValueError):
            return await self._cluster.cores() or float("inf")
        return float("inf")

    async def _check(self, number: int) -> None:
        """Ask a watcher for its pulse; replace it if it is dead."""
        watcher = self._watchers[number]
        try:
            pulse: Pulse = await asyncio.wait_for(
                watcher.actor.pulse.remote(), ANSWER_S
            )
        except TimeoutError:
            watcher.silent += 1
            if watcher.silent < _MOST_SILENT:
                return
            why = f"silent for {watcher.silent * ANSWER_S:g} s"
        except RayTaskError as error:
            why = f"failed by {type(error.cause).__name__}"
            await quietly(watcher.actor.stop.remote())  # it may still hold events
        except (RayActorError, ActorUnschedulableError):  # or its node, before it began
            why = "died"
        else:
            watcher.silent = 0
            self._loads.add(number, pulse)
            await self._correct(watcher, pulse)
            return
        await self._replace(number, why)

    async def _correct(self, watcher: _Placed, pulse: Pulse) -> None:
        """Change what a watcher watches, if that is not what it should watch."""
        wanted = {
            name: self._watched(subject) for name, subject in watcher.subjects.items()
        }
        drop = [
            name
            for name, mark in pulse.subjects.items()
            if name not in wanted or configuration_hash(wanted[name]) != mark
        ]
        add = [name for name in wanted if name not in pulse.subjects or name in drop]
        if add or drop:
            await self._change(watcher, [wanted[name] for name in add], drop)

    async def _replace(self, number: int, why: str) -> None:
        """Start another process for the subjects of a watcher."""
        watcher = self._watchers[number]
        self._say(
            f"watcher {watcher.number} {why}: {len(watcher.subjects)} subjects start"
            " again"
        )
        self._cluster.kill(watcher.actor)
        self._loads.forget(number)
        watcher.number, watcher.actor = await self._start()
        watcher.silent = 0
        watched = [self._watched(subject) for subject in watcher.subjects.values()]
        await self._change(watcher, watched, [])

    async def _change(
        self, watcher: _Placed, watched: list[WatchedSubject], drop: list[str]
    ) -> bool:
        """Change the subjects of a watcher; return whether it has answered."""
        try:
            await asyncio.wait_for(watcher.actor.change.remote(watched, drop), _OPEN_S)
        except (RayError, TimeoutError) as error:  # the next round tries again
            logger.warning("a watcher did not apply its subjects: %s", name_of(error))
            return False
        return True

    def _watched(self, subject: SubjectSettings) -> WatchedSubject:
        return watched_subject(self._site(), subject, self._clip_key)

    async def _start(self) -> tuple[int, Actor]:
        number = next(self._numbers)
        return number, await self._start_number(number)

    async def stop(self) -> None:
        """End all watchers, those that do not answer too."""
        actors = [placed.actor for placed in self._watchers.values()]
        await quietly(*(actor.stop.remote() for actor in actors))
        for actor in actors:
            self._cluster.kill(actor)
