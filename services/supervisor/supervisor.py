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
from pipelines.errors import PipelineError
from pipelines.live.bed import BedSettings
from pipelines.recognition import RecognizerInfo
from services.errors import SettingsError
from services.hub.hub import HubState
from services.recognition.deployment import RecognizerPlan, ServedRecognizer
from services.site.settings import Site, SubjectSettings
from services.supervisor.cluster import Actor, Cluster, RayCluster, unwrapped
from services.supervisor.loads import Loads
from services.supervisor.placement import plan_changes
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
            asyncio.create_task(self._watch_hub(), name="watch the hub"),
        ]
        return state

    async def _start(self) -> HubState:
        if not self._cluster.is_ours:
            await self._cluster.claim()
            with suppress(TimeoutError):  # remains need room, but do no harm
                await self._cluster.remove_remains(self._say)
        plan = RecognizerPlan.of(self.site)
        _refuse_blind(self.site, await self._cluster.needs_frames(plan))
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
            _refuse_blind(site, self.recognizer.info.needs_frames)
            _refuse_unseen_zones(site, self.recognizer.info)
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
            divided = await asyncio.gather(self._divide(), return_exceptions=True)
            if divided[0] is not None:
                logger.error("dividing a watcher: %s", type(divided[0]).__name__)
            await self._clock.sleep_s(_ROUND_S)

    async def _divide(self) -> None:
        """Move half of an overloaded watcher's subjects to a new one on a free core.

        The cameras that move are connected anew, and open episodes go on.
        """
        async with self._placing:
            number = self._loads.to_divide()
            has_room = len(self._watchers) < await self._cores() < float("inf")
            if has_room and number in self._watchers:
                full, new = self._watchers[number], _Placed(await self._make_watcher())
                moved = list(full.subjects)[1::2]
                new.subjects = {name: full.subjects.pop(name) for name in moved}
                self._say(
                    f"watcher {number} is overloaded: {len(moved)} of its subjects get"
                    " a watcher of their own"
                )
                await self._change(full, [], moved)
                self._watchers[max(self._watchers) + 1] = new
                watched = [self._watched(each) for each in new.subjects.values()]
                await self._change(new, watched, [])
        await self._warn()

    async def _warn(self) -> None:
        """Say once if there are more subjects than the machine carries.

        All of them are watched: with fewer pictures of each, rather than some not.
        """
        line = self._loads.warning(len(self.site.subjects), await self._cores())
        if line is not None:
            self._say(line)

    async def _cores(self) -> float:
        """Return the number of cores of all nodes; infinite while that is not known."""
        with suppress(TimeoutError):  # Ray is slow: the next round asks again
            return await self._cluster.cores()
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
        """Tell the hub who gets alarms now: one that Ray has restarted knows it not.

        It was restarted with what it was started with. Who gets alarms is not in the
        store, because it holds secrets.
        """
        if self.site is self._first_site:
            return
        with suppress(RayError, TimeoutError):  # the next round tells it again
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
    ) -> None:
        try:
            await asyncio.wait_for(watcher.actor.change.remote(watched, drop), _OPEN_S)
        except (RayError, TimeoutError) as error:  # the next round tries again
            logger.warning("a watcher did not apply its subjects: %s", _name_of(error))

    async def _make_watcher(self) -> Actor:
        assert self.recognizer is not None  # started before the first watcher
        number = next(self._numbers)
        return await self._cluster.start_watcher(number, self.site, self.recognizer)

    def _watched(self, subject: SubjectSettings) -> WatchedSubject:
        wearable = subject.imu and self.site.imu_address(subject.imu, subject.imu_topic)
        form = subject.imu_format
        return WatchedSubject(
            subject_id=subject.id,
            camera=subject.camera_address,
            wearable=wearable,
            wearable_form=None if form is None else form.build(),
            framing=subject.framing,
            tls=self.site.broker.tls,
            rtsp=subject.rtsp.build(),
            zones=tuple(zone.build() for zone in subject.zones),
            bed=BedSettings(exit_s=subject.bed_exit_s),
            keep_poses=subject.keep_poses,
        )


def _refuse_blind(site: Site, needs_frames: bool) -> None:
    """Refuse subjects without a camera if recognition needs frames.

    Raises:
        SettingsError: If there is such a subject.
    """
    blind = [subject.id for subject in site.subjects if subject.camera is None]
    if blind and needs_frames:
        problem = (
            f"subject {blind[0]} has no camera, and a wearable alone needs recognition"
            " of the kind is-clip, the default for the shipped checkpoint, prompts and"
            " windows; add a camera, or remove the recognizer settings"
        )
        raise SettingsError([problem])


def _refuse_unseen_zones(site: Site, info: RecognizerInfo) -> None:
    """Refuse zones if recognition looks at whole pictures.

    Raises:
        SettingsError: If a subject has zones.
    """
    zoned = [subject.id for subject in site.subjects if subject.zones]
    if zoned and info.view == "picture":
        problem = (
            f"subject {zoned[0]} has zones, and {info.model} is shown whole pictures,"
            " in which no people are found; set recognizer.view to person, or"
            " recognizer.model to a checkpoint of poses, or remove the zones"
        )
        raise SettingsError([problem])


def _name_of(error: Exception) -> str:
    """Return the text of our own errors, and the name of others.

    The text of others may hold credentials.
    """
    cause = error.cause if isinstance(error, RayTaskError) else error
    return str(cause) if isinstance(cause, PipelineError) else type(cause).__name__


async def _quietly(*asked: Awaitable[object]) -> None:
    """Wait for answers in bounded time; log failures."""
    waits = (asyncio.wait_for(answer, _ANSWER_S * 2) for answer in asked)
    for failure in await asyncio.gather(*waits, return_exceptions=True):
        if failure is not None:
            logger.warning("while ending: %s", type(failure).__name__)
