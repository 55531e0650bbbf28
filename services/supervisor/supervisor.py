"""Starts the service, restarts what dies, and ends it in order.

    supervisor ─┬─ recogniser: replicas, which Ray Serve keeps alive
                ├─ hub: one actor, which Ray restarts for ever
                └─ watchers: actors; one that dies is replaced, its subjects move

Ray runs on this machine, or the service joins a cluster. Then replicas and watchers are
spread over its nodes; the hub stays on this machine, where its store is.
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
from services.hub.hub import HubState
from services.recognition.deployment import RecognizerPlan, ServedRecognizer
from services.site.settings import Site, SubjectSettings
from services.supervisor.cluster import Actor, Cluster, RayCluster, name_of, unwrapped
from services.supervisor.loads import Loads
from services.supervisor.placement import plan_changes
from services.supervisor.subjects import (
    refuse_blind,
    refuse_unseen_zones,
    watched_subject,
)
from services.tasks import end_tasks
from services.watcher.pulse import Pulse
from services.watcher.watched import WatchedSubject, configuration_hash

logger = logging.getLogger(__name__)

_ROUND_S = 2.0
_ANSWER_S = 10.0
_OPEN_S = 60.0
_MOST_SILENT = 3
_HUB_HANGS_S, _HUB_LOST_S = 15.0, 45.0
"""Silence of the hub after which it is killed, and after which the service ends. A hub
that dies is back within about 10 s."""


@dataclass(slots=True)
class _Placed:
    """A watcher, its subjects, and the number of rounds without its answer."""

    actor: Actor
    subjects: dict[str, SubjectSettings] = field(default_factory=dict)
    silent: int = 0


@final
class Supervisor:
    """Runs one site.

    ``cluster`` carries out what is decided; by default Ray at ``address``, or a local
    one.

    Raises:
        ClipError: If the key of blurred clips cannot be read.
    """

    def __init__(
        self,
        site: Site,
        clock: Clock,
        address: str | None = None,
        say: Callable[[str], None] = logger.info,
        *,
        cluster: Cluster | None = None,
    ) -> None:
        self.site, self._clock, self._say = site, clock, say
        self._first_site = site
        self._clip_key = None if site.clips is None else site.clips.key()
        self._cluster = cluster or RayCluster(site.site, clock, address)
        self._numbers = itertools.count()
        self._watchers: dict[int, _Placed] = {}
        self._loads, self._placing = Loads(), asyncio.Lock()
        self.recognizer: ServedRecognizer | None = None
        self._hub: Actor = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> HubState:
        """Start everything; return the state of the hub.

        Raises:
            ModelError: If the checkpoint or the prompt set cannot be used.
            ServiceError: If the hub cannot start, another service watches the site, or
                Ray dies meanwhile.
        """
        await self._cluster.start()
        if not self._cluster.is_ours:
            self._say(await self._cluster.describe())
        self._tasks = [asyncio.create_task(self._cluster.until_lost(), name="node")]
        starting = asyncio.create_task(self._start(), name="start")
        try:
            tasks = (starting, *self._tasks)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                await self.until_lost()
        finally:
            await end_tasks([starting])
        state = starting.result()
        self._tasks += [
            asyncio.create_task(self._watch_watchers(), name="watch the watchers"),
            asyncio.create_task(self._relieve_watchers(), name="relieve watchers"),
            asyncio.create_task(self._watch_hub(), name="watch the hub"),
        ]
        return state

    async def _start(self) -> HubState:
        if not self._cluster.is_ours:
            await self._cluster.claim()
            with suppress(TimeoutError):  # remains need room, but do no harm
                await self._cluster.remove_remains(self._say)
        plan = RecognizerPlan.of(self.site)
        refuse_blind(self.site, await self._cluster.needs_frames(plan))
        self.recognizer = await self._cluster.deploy(plan, self.site.recognizer)
        self._hub = self._cluster.start_hub(self.site, self.recognizer)
        state: HubState = await unwrapped(self._hub.state.remote())
        await self.apply(self.site)
        return state

    async def until_lost(self) -> None:
        """Wait until the service cannot go on.

        Raises:
            RayLost: Once Ray or the hub is lost for good.
        """
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in self._tasks:
            if task.done():
                task.result()

    async def apply(self, site: Site) -> None:
        """Apply the subjects and targets of alarms of another configuration.

        Unchanged ones go on.

        Raises:
            SettingsError: If a subject has no camera, and recognition needs frames, or
                if it has zones, and recognition does not see people.
        """
        if self.recognizer is not None:
            refuse_blind(site, self.recognizer.info.needs_frames)
            refuse_unseen_zones(site, self.recognizer.info)
        async with self._placing:
            await self._apply(site)
        await self._warn()

    async def _apply(self, site: Site) -> None:
        self.site = site
        expected = {subject.id: subject.sources for subject in site.subjects}
        await unwrapped(self._hub.expect.remote(expected, site.alarm_rules()))
        await unwrapped(self._hub.deliver_to.remote(site))
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
                self._watchers[number] = _Placed(await self._make_watcher())
            watcher = self._watchers[number]
            for name in change.drop:
                watcher.subjects.pop(name, None)
            watcher.subjects |= {subject.id: subject for subject in change.add}
            watched = [self._watched(subject) for subject in change.add]
            await self._change(watcher, watched, change.drop)

    async def _watch_watchers(self) -> None:
        """Check the watchers until cancelled."""
        while True:
            checks = (self._check_watcher(number) for number in self._watchers)
            for failure in await asyncio.gather(*checks, return_exceptions=True):
                if failure is not None:  # the next round tries again
                    logger.error("check of a watcher: %s", type(failure).__name__)
            await self._clock.sleep_s(_ROUND_S)

    async def _relieve_watchers(self) -> None:
        """Divide overloaded watchers until cancelled; no check waits for it."""
        while True:
            await self._clock.sleep_s(_ROUND_S)
            if self._placing.locked():  # a configuration is being applied
                continue
            relieved = await asyncio.gather(self._divide(), return_exceptions=True)
            if relieved[0] is not None:  # the next round tries again
                logger.error("dividing a watcher: %s", type(relieved[0]).__name__)
            await self._warn()

    async def _divide(self) -> None:
        """Move subjects of an overloaded watcher to one with room, or to a new one.

        They are watched where they are until the new process answers. Then the cameras
        that move are connected again, and open episodes go on.
        """
        number = self._loads.to_divide()
        if number is None or number not in self._watchers:
            return
        async with self._placing:
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
            self._say(f"watcher {number} is overloaded: {count} of its subjects move")
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
        actor = await self._make_watcher()
        try:
            await asyncio.wait_for(actor.pulse.remote(), _OPEN_S)
        except (RayError, TimeoutError) as error:
            logger.warning("a new watcher does not start: %s", name_of(error))
            self._cluster.kill(actor)
            return None
        return _Placed(actor)

    async def _warn(self) -> None:
        """Say once if there are more subjects than the machine carries.

        All of them are watched: with fewer pictures of each, rather than some not.
        """
        line = self._loads.warning(len(self.site.subjects), await self._cores())
        if line is not None:
            self._say(line)

    async def _cores(self) -> float:
        """Return the number of cores of all nodes; infinite while that is not known."""
        # Ray is slow, or its node is dying: the next round asks again.
        with suppress(RayError, TimeoutError, RuntimeError, OSError, ValueError):
            return await self._cluster.cores() or float("inf")
        return float("inf")

    async def _watch_hub(self) -> None:
        """Restart a hub that hangs; give up if it does not come back.

        Ray restarts a hub that dies, but not one whose constructor fails.
        """
        time_s = asyncio.get_running_loop().time
        answered_s, killed = time_s(), False
        while True:
            try:
                await asyncio.wait_for(self._hub.__ray_ready__.remote(), _ANSWER_S)
            except (RayError, TimeoutError) as error:
                silent_s = time_s() - answered_s
                if silent_s > _HUB_LOST_S:
                    self._cluster.give_up(
                        f"the hub has not answered for {silent_s:.0f} s"
                    )
                hangs = isinstance(error, TimeoutError) and silent_s > _HUB_HANGS_S
                if hangs and not killed:
                    self._say("the hub does not answer: it is restarted")
                    self._cluster.kill(self._hub, no_restart=False)
                    killed = True
            else:
                answered_s, killed = time_s(), False
                await self._remind_hub()
            await self._clock.sleep_s(_ROUND_S)

    async def _remind_hub(self) -> None:
        """Send the hub the present targets of alarms.

        Ray restarts a hub with the targets that it was first started with. They are not
        in the store, because they hold secrets.
        """
        if self.site is self._first_site:
            return
        with suppress(RayError, TimeoutError):  # the next round sends them again
            await asyncio.wait_for(self._hub.deliver_to.remote(self.site), _ANSWER_S)

    async def stop(self) -> None:
        """End in order: watchers first, then the hub, then recognition.

        On a cluster only the parts that this supervisor has started are removed.
        """
        await end_tasks(self._tasks)  # or they would put back what ends now
        if self._cluster.answers:
            await self._end_actors()
        await self._cluster.close()

    async def _end_actors(self) -> None:
        watchers = [placed.actor for placed in self._watchers.values()]
        await _quietly(*(actor.stop.remote() for actor in watchers))
        for actor in watchers:
            self._cluster.kill(actor)
        if self._hub is not None:
            await _quietly(self._hub.stop.remote())
            self._cluster.kill(self._hub)
        await _quietly(self._cluster.withdraw())

    async def _check_watcher(self, number: int) -> None:
        """Ask a watcher for its pulse; replace it if it is dead."""
        watcher = self._watchers[number]
        try:
            pulse: Pulse = await asyncio.wait_for(
                watcher.actor.pulse.remote(), _ANSWER_S
            )
        except TimeoutError:
            watcher.silent += 1
            if watcher.silent < _MOST_SILENT:
                return
            why = f"silent for {watcher.silent * _ANSWER_S:g} s"
        except RayTaskError as error:
            why = f"failed by {type(error.cause).__name__}"
            await _quietly(watcher.actor.stop.remote())  # it may still hold events
        except (RayActorError, ActorUnschedulableError):  # or its node, before it began
            why = "died"
        else:
            watcher.silent = 0
            self._loads.add(number, pulse)
            wanted = {
                name: self._watched(subject)
                for name, subject in watcher.subjects.items()
            }
            drop = [
                name
                for name, mark in pulse.subjects.items()
                if name not in wanted or configuration_hash(wanted[name]) != mark
            ]
            add = [
                name for name in wanted if name not in pulse.subjects or name in drop
            ]
            if add or drop:
                await self._change(watcher, [wanted[name] for name in add], drop)
            return
        self._say(
            f"watcher {number} {why}: {len(watcher.subjects)} subjects start again"
        )
        self._cluster.kill(watcher.actor)
        self._loads.forget(number)
        watcher.actor, watcher.silent = await self._make_watcher(), 0
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
        return watched_subject(self.site, subject, self._clip_key)

    async def _make_watcher(self) -> Actor:
        assert self.recognizer is not None  # started before the first watcher
        number = next(self._numbers)
        return await self._cluster.start_watcher(number, self.site, self.recognizer)


async def _quietly(*asked: Awaitable[object]) -> None:
    """Wait for answers in bounded time; log failures."""
    waits = (asyncio.wait_for(answer, _ANSWER_S * 2) for answer in asked)
    for failure in await asyncio.gather(*waits, return_exceptions=True):
        if failure is not None:
            logger.warning("while ending: %s", type(failure).__name__)
