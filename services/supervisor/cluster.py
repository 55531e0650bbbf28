"""What the supervisor needs of Ray: a protocol, and its implementation by Ray.

The supervisor decides, and a ``Cluster`` carries out; so the decisions can be tested
without Ray.
"""

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeAlias, cast, final

import ray
from ray import serve
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from pipelines.clock import Clock
from services import signals
from services.errors import RayLost
from services.hub.hub import Hub
from services.hub.link import HUB, RayHubLink
from services.recognition.deployment import (
    RecognizerPlan,
    ServedRecognizer,
    deploy_recognizer,
    start_serve,
)
from services.site.recognizer import RecognizerSettings
from services.site.settings import Site
from services.supervisor.answers import ANSWER_S, unwrapped
from services.supervisor.claim import Deployment, claim_site
from services.supervisor.placement import nodes_for_watchers
from services.supervisor.ray_node import RayNode, in_daemon_thread
from services.watcher.watcher import Watcher

Actor: TypeAlias = Any
"""A handle as Ray has it: ``actor.method.remote(...)`` is awaited, and raises
``RayActorError`` if the actor is dead. Ray's own type lists no methods."""

_REMOVE_S = 60.0
_CONCURRENT = 1000


class Cluster(Protocol):
    """Starts and ends the processes of one site."""

    @property
    def is_ours(self) -> bool:
        """Whether the cluster was started by this process, and ends with it."""
        ...

    @property
    def answers(self) -> bool:
        """Whether there is a cluster that actors can be reached in."""
        ...

    async def start(self) -> None:
        """Start the local node, or join the cluster."""
        ...

    async def describe(self) -> str:
        """Describe the joined cluster in one line."""
        ...

    async def until_lost(self) -> None:
        """Watch the node without end.

        Raises:
            RayLost: Once the node has died, or the cluster has gone.
        """
        ...

    def give_up(self, problem: str) -> None:
        """Record that the service cannot go on.

        Raises:
            RayLost: Always.
        """
        ...

    async def claim(self) -> None:
        """Claim the site for this process.

        Raises:
            SiteTaken: If another service watches the site.
        """
        ...

    async def remove_remains(self, say: Callable[[str], None]) -> None:
        """Remove what an earlier service of this site left when it was killed.

        Raises:
            TimeoutError: If that takes more than a minute.
        """
        ...

    async def needs_frames(self, plan: RecognizerPlan) -> bool:
        """Load the model once; return whether a wearable alone is not enough for it.

        Raises:
            ModelError: If a file cannot be used.
        """
        ...

    async def deploy(
        self, plan: RecognizerPlan, settings: RecognizerSettings
    ) -> ServedRecognizer:
        """Start the replicas; return once one answers."""
        ...

    def start_hub(self, site: Site, recognizer: ServedRecognizer) -> Actor:
        """Start the hub beside this process; return the actor."""
        ...

    async def start_watcher(
        self, number: int, site: Site, recognizer: ServedRecognizer
    ) -> Actor:
        """Start a watcher on one of the nodes in turn; return the actor.

        Raises:
            RayLost: If no node is alive.
        """
        ...

    async def cores(self) -> float:
        """Return the number of processor cores of all living nodes.

        Raises:
            TimeoutError: If Ray does not answer.
        """
        ...

    def kill(self, actor: Actor, *, no_restart: bool = True) -> None:
        """Kill an actor's process."""
        ...

    async def withdraw(self) -> None:
        """Remove the replicas and the claim from a cluster that goes on."""
        ...

    async def close(self) -> None:
        """Leave the cluster, or end the local node; in bounded time."""
        ...


@final
class RayCluster:
    """The Ray cluster of this process.

    Without an address this is a local node.
    """

    def __init__(self, site: str, clock: Clock, address: str | None = None) -> None:
        self._site = site
        self._node = RayNode(clock, address)
        self._deployment = Deployment(site)
        self._claim: object = None
        self._deployed = False

    @property
    def is_ours(self) -> bool:
        """Whether the cluster was started by this process, and ends with it."""
        return self._node.is_ours

    @property
    def answers(self) -> bool:
        """Whether there is a cluster that actors can be reached in."""
        return ray.is_initialized() and not self._node.is_lost

    async def start(self) -> None:
        """Start the local node, or join the cluster."""
        # In the main thread Ray would replace the handlers of our signals.
        await asyncio.to_thread(self._node.start, self._deployment.name)
        signals.reinstall()

    async def describe(self) -> str:
        """Describe the joined cluster in one line."""
        return await self._node.describe()

    async def until_lost(self) -> None:
        """Watch the node without end."""
        await self._node.until_lost()

    def give_up(self, problem: str) -> None:
        """Record that the service cannot go on; end the process if it hangs."""
        self._node.give_up(problem)

    async def claim(self) -> None:
        """Claim the site for this process."""
        self._claim = await claim_site(self._site, scheduling_strategy=_here())

    async def remove_remains(self, say: Callable[[str], None]) -> None:
        """Remove what an earlier service of this site left when it was killed."""

        def remove() -> None:
            start_serve()
            for name in self._deployment.remains(serve.status().applications):
                say(f"removing {name}, which an earlier run of this site left behind")
                serve.delete(name)

        await in_daemon_thread(remove, _REMOVE_S)

    async def needs_frames(self, plan: RecognizerPlan) -> bool:
        """Load the model in a process of its own, which then ends."""
        tried = ray.remote(num_cpus=0, max_calls=1)(RecognizerPlan.try_out).remote(plan)
        return await unwrapped(tried)

    async def deploy(
        self, plan: RecognizerPlan, settings: RecognizerSettings
    ) -> ServedRecognizer:
        """Start the replicas; return once one answers."""
        deploy = partial(
            deploy_recognizer,
            plan,
            self._deployment.name,
            replicas=settings.replicas,
            most_replicas=settings.most_replicas,
            cpus=1.0,
            gpus=1.0 if settings.device.startswith("cuda") else 0.0,
        )
        self._deployed = True
        return await in_daemon_thread(deploy, None)

    def start_hub(self, site: Site, recognizer: ServedRecognizer) -> Actor:
        """Start the hub on this node, where its store is; Ray restarts it."""
        actor = ray.remote(Hub).options(
            name=HUB,
            namespace=self._deployment.name,
            num_cpus=0,
            max_restarts=-1,
            max_concurrency=_CONCURRENT,
            scheduling_strategy=_here(),
        )
        return cast("Actor", actor).remote(site, recognizer, site.hub.folder.absolute())

    async def start_watcher(
        self, number: int, site: Site, recognizer: ServedRecognizer
    ) -> Actor:
        """Start a watcher on one of the nodes with CPUs in turn.

        Ray puts actors that need no CPU on any node, at times all on one, even if they
        ask for a node and would accept others. On a node that dies meanwhile the
        watcher is dead, and replaced as any other.
        """
        nodes = nodes_for_watchers(await self._node.alive_nodes())
        if not nodes:
            raise RayLost("no Ray node is alive")  # noqa: EM101  its own message
        in_turn = NodeAffinitySchedulingStrategy(nodes[number % len(nodes)], soft=False)
        actor = ray.remote(Watcher).options(
            namespace=self._deployment.name,
            num_cpus=0,
            max_restarts=0,
            max_concurrency=_CONCURRENT,
            scheduling_strategy=in_turn,
        )
        return cast("Actor", actor).remote(
            f"watcher-{number}",
            site.watch_settings(),
            recognizer,
            RayHubLink(self._deployment.name),
            site.hub.folder.absolute() / "normal",
        )

    async def cores(self) -> float:
        """Return the number of processor cores of all living nodes."""
        if self.is_ours:  # a small machine's node pretends to have more
            return float(os.cpu_count() or 1)
        nodes = await self._node.alive_nodes()
        return sum(float(node["Resources"].get("CPU", 0.0)) for node in nodes.values())

    def kill(self, actor: Actor, *, no_restart: bool = True) -> None:
        """Kill an actor's process."""
        ray.kill(actor, no_restart=no_restart)

    async def withdraw(self) -> None:
        """Remove the replicas and the claim from a cluster that goes on."""
        try:
            if self._deployed and not self.is_ours:
                delete = partial(serve.delete, self._deployment.name)
                await in_daemon_thread(delete, ANSWER_S)
        finally:
            if self._claim is not None:
                ray.kill(cast("Actor", self._claim))

    async def close(self) -> None:
        """Leave the cluster, or end the local node; in bounded time."""
        await self._node.close()


def _here() -> NodeAffinitySchedulingStrategy:
    node = ray.get_runtime_context().get_node_id()
    return NodeAffinitySchedulingStrategy(node, soft=False)
