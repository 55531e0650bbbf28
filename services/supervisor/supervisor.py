"""Starts the service, restarts what dies, and ends it in order.

    supervisor ─┬─ recogniser: replicas, which Ray Serve keeps alive
                ├─ hub: one actor, which Ray restarts for ever
                └─ watchers: actors; one that dies is replaced, its subjects move

Ray runs on this machine, or the service joins a cluster. Then replicas and watchers are
spread over its nodes; the hub stays on this machine, where its store is.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import final

from ray.exceptions import RayError

from pipelines.clock import Clock
from services.hub.hub import HubState
from services.recognition.deployment import RecognizerPlan, ServedRecognizer
from services.site.settings import Site
from services.supervisor.answers import ANSWER_S, quietly, unwrapped
from services.supervisor.cluster import Actor, Cluster, RayCluster
from services.supervisor.subjects import refuse_blind, refuse_unseen_zones
from services.supervisor.watchers import Watchers
from services.tasks import end_tasks

logger = logging.getLogger(__name__)

_ROUND_S = 2.0
_HUB_HANGS_S, _HUB_LOST_S = 15.0, 45.0
"""Silence of the hub after which it is killed, and after which the service ends. A hub
that dies is back within about 10 s."""


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
        clip_key = None if site.clips is None else site.clips.key()
        self._cluster = cluster or RayCluster(site.site, clock, address)
        self._watchers = Watchers(
            self._cluster,
            self._start_watcher,
            lambda: self.site,
            clip_key,
            clock,
            say,
        )
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
            asyncio.create_task(self._watchers.watch(), name="watch the watchers"),
            asyncio.create_task(self._watchers.relieve(), name="relieve watchers"),
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
        async with self._watchers.placing:
            await self._apply(site)
        await self._watchers.warn()

    async def _start_watcher(self, number: int) -> Actor:
        assert self.recognizer is not None  # started before the first watcher
        return await self._cluster.start_watcher(number, self.site, self.recognizer)

    async def _apply(self, site: Site) -> None:
        self.site = site
        expected = {subject.id: subject.sources for subject in site.subjects}
        await unwrapped(self._hub.expect.remote(expected, site.alarm_rules()))
        await unwrapped(self._hub.deliver_to.remote(site))
        await self._watchers.place()

    async def _watch_hub(self) -> None:
        """Restart a hub that hangs; give up if it does not come back.

        Ray restarts a hub that dies, but not one whose constructor fails.
        """
        time_s = asyncio.get_running_loop().time
        answered_s, killed = time_s(), False
        while True:
            try:
                await asyncio.wait_for(self._hub.__ray_ready__.remote(), ANSWER_S)
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
            await asyncio.wait_for(self._hub.deliver_to.remote(self.site), ANSWER_S)

    async def stop(self) -> None:
        """End in order: watchers first, then the hub, then recognition.

        On a cluster only the parts that this supervisor has started are removed.
        """
        await end_tasks(self._tasks)  # or they would put back what ends now
        if self._cluster.answers:
            await self._end_actors()
        await self._cluster.close()

    async def _end_actors(self) -> None:
        await self._watchers.stop()
        if self._hub is not None:
            await quietly(self._hub.stop.remote())
            self._cluster.kill(self._hub)
        await quietly(self._cluster.withdraw())
