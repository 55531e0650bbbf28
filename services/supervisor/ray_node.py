"""The Ray node that the service runs on: one of its own, or one of a cluster.

A node of one's own is bound to the loopback address alone: it outlives the loss or the
change of the machine's address, and nobody else can reach it. A node that has died
cannot be started again beneath a running service, so the service ends (``RayLost``), in
bounded time and leaving no process behind, and is started again from outside.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast, final

import ray
from ray._common.tls_utils import add_port_to_grpc_server
from ray._private import ray_constants
from ray._private import worker as ray_worker
from ray._private.node import Node
from ray.exceptions import RayError
from ray.serve._private import replica

from pipelines.clock import Clock
from services.errors import RESTART_EXIT_CODE, RayLost

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_ROUND_S = 2.0
_ANSWER_S = 10.0
_SILENT_S = 30.0
"""A cluster that does not answer for so long has gone; Ray itself aborts after 60 s."""
_CLOSE_S = 15.0
_LAST_S = 30.0
_LEAST_CPUS = 4
"""Of a node of our own, whatever the machine has: actors that wait need none."""
_LOOPBACK = "127.0.0.1"
_VITAL = ("gcs_server", "raylet")

_ENVIRONMENT: Final[Mapping[str, str]] = {
    # Nothing is sent to others.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray would keep a record of each of our calls, and grow by some 3 KB with each.
    "RAY_task_events_report_interval_ms": "0",
    # With a heap for each of many threads, memory grows for hours before it settles.
    "MALLOC_ARENA_MAX": "2",
}
"""Of the processes that Ray starts here; one's own cluster brings its own."""


@final
class RayNode:
    """The Ray node of this process.

    Args:
        clock: Times the looks at it.
        address: Of a cluster to join; None for a node of our own.
    """

    def __init__(self, clock: Clock, address: str | None = None) -> None:
        self._clock, self._address = clock, address
        self._lost = ""
        self._last: threading.Timer | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the service has given up: nothing is to be asked any more."""
        return bool(self._lost)

    @property
    def is_ours(self) -> bool:
        """Whether the node was started by this process, and ends with it."""
        return self._address is None

    def start(self, namespace: str) -> None:
        """Start the node, or join the cluster.

        Args:
            namespace: Of the actors that this process makes.
        """
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        logging.getLogger("ray").setLevel(logging.ERROR)
        _bind_to_loopback(self.is_ours)
        if self._address is not None:
            ray.init(address=self._address, namespace=namespace, log_to_driver=False)
            return
        ray.init(
            address="local",
            namespace=namespace,
            include_dashboard=False,
            num_cpus=max(_LEAST_CPUS, os.cpu_count() or 1),
            log_to_driver=True,
            logging_level=logging.ERROR,
            _node_ip_address=_LOOPBACK,
        )

    async def describe(self) -> str:
        """Say in one line which cluster was joined."""
        address = ray.get_runtime_context().gcs_address
        try:
            nodes = await self.alive_nodes()
        except TimeoutError:
            return f"joined the Ray cluster at {address}, which is slow to answer"
        count = f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}"
        return f"joined the Ray cluster at {address}: {count}, " + ", ".join(
            sorted({str(node["NodeManagerAddress"]) for node in nodes.values()})
        )

    async def alive_nodes(self) -> dict[str, Mapping[str, Any]]:
        """Return what Ray knows of each node that lives, by its id.

        Raises:
            TimeoutError: If the cluster does not answer.
        """
        nodes = await in_daemon_thread(_all_nodes, _ANSWER_S)
        return {node["NodeID"]: node for node in nodes if node["Alive"]}

    async def until_lost(self) -> None:
        """Look after the node; return never.

        Raises:
            RayLost: Once it has died, or the cluster has gone.
        """
        here = ray.get_runtime_context().get_node_id()
        time_s = asyncio.get_running_loop().time  # no correction of the clock moves it
        answered_s = time_s()
        while True:
            problem = _dead_process() if self.is_ours else ""
            try:
                if not problem and here not in await self.alive_nodes():
                    problem = f"the Ray node of this machine died ({self._name})"
                answered_s = time_s()
            except (RayError, TimeoutError, RuntimeError, OSError, ValueError):
                silent_s = time_s() - answered_s
                if silent_s > _SILENT_S:
                    problem = (
                        f"Ray has not answered for {silent_s:.0f} s ({self._name})"
                    )
            if problem:
                self.give_up(problem)
            await self._clock.sleep_s(_ROUND_S)

    def give_up(self, problem: str) -> None:
        """End the service for good, whatever still hangs.

        Raises:
            RayLost: Always.
        """
        self._lost = problem
        self._last = threading.Timer(_LAST_S, self._end_now)
        self._last.daemon = True
        self._last.start()
        raise RayLost(problem)

    @property
    def _name(self) -> str:
        return self._address or "local"

    async def close(self) -> None:
        """Leave the cluster, or end the node of our own; in bounded time."""
        if not ray.is_initialized():
            return
        ours = _processes() if self.is_ours else set()
        try:
            # Not by way of serve.shutdown: that kills Serve's controller while it is
            # still asked for something, and Ray prints each such call as failed.
            await in_daemon_thread(ray.shutdown, _CLOSE_S)
        except TimeoutError:
            logger.warning("Ray does not end by itself: its processes are killed")
        else:
            if self._last is not None:
                self._last.cancel()
        _kill(ours)

    def _end_now(self) -> None:
        """End this process: something waits for a Ray that will not answer."""
        _kill(_processes() if self.is_ours else set())
        os._exit(RESTART_EXIT_CODE)


def _bind_to_loopback(wanted: bool) -> None:
    """Have Ray take 127.0.0.1 for this machine's address, here and in its processes.

    Ray binds its servers to loopback if that is the node's address, but on Linux
    ``ray.init`` replaces a loopback address by that of the network card. This switch
    of Ray's, meant for macOS and Windows, is read when Ray is imported.
    """
    switch = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR
    if wanted:
        os.environ[switch] = "0"
    else:
        os.environ.pop(switch, None)
    ray_constants.ENABLE_RAY_CLUSTER = not wanted


def bind_replica_to_loopback() -> None:
    """Have Serve bind the gRPC server of this replica to loopback, if its node is.

    Serve binds it to every network interface, whatever the address of the node, and has
    no setting for it. To be called in the constructor, which runs before.
    """
    here = cast("Any", ray.util).get_node_ip_address() if ray.is_initialized() else ""
    if here != _LOOPBACK:
        return

    def bind(server: object, address: str) -> int:
        port = cast("Any", add_port_to_grpc_server)(
            server, address.replace("[::]", _LOOPBACK)
        )
        return int(port)

    vars(replica)["add_port_to_grpc_server"] = bind


def _all_nodes() -> list[Mapping[str, Any]]:
    return ray.nodes()  # type: ignore[no-untyped-call,no-any-return]  # Ray's own gap


def _node() -> Node | None:
    """Return Ray's own record of the local node and its processes; None without one."""
    return cast("Node | None", cast("Any", ray_worker)._global_node)


def _dead_process() -> str:
    """Say which process that a local node cannot do without has ended, if any."""
    node = _node()
    for kind in _VITAL:
        infos = [] if node is None else node.all_processes.get(kind, [])
        if any(info.process.poll() is not None for info in infos):
            return f"the local Ray node died ({kind})"
    return ""


def _processes() -> set[int]:
    """Return the processes of the local node: Ray's own, and every worker of it."""
    node = _node()
    if node is None:
        return set()
    parts = {
        kind: [info.process.pid for info in infos]
        for kind, infos in node.all_processes.items()
    }
    signs = {f"RAY_RAYLET_PID={number}".encode() for number in parts.get("raylet", [])}
    found = {number for numbers in parts.values() for number in numbers}
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if signs & set(path.read_bytes().split(b"\0")):
                found.add(int(path.parent.name))
        except OSError:  # it has ended meanwhile, or is not ours
            continue
    return found


def _kill(processes: set[int]) -> None:
    for number in processes:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue


async def in_daemon_thread(
    function: Callable[[], Answer], within_s: float | None
) -> Answer:
    """Call a function that may hang for ever; a hung one does not hold the process.

    Args:
        function: What to call.
        within_s: How long to wait for it; None for as long as it takes.

    Raises:
        TimeoutError: If it does not return in time. It is left behind.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Answer] = loop.create_future()

    def settle(settling: Callable[[Any], None], value: object) -> None:
        if not answer.done():
            settling(value)

    def work() -> None:
        try:
            value = function()
        except BaseException as error:  # noqa: BLE001  raised where it is awaited
            outcome: tuple[Callable[[Any], None], object] = answer.set_exception, error
        else:
            outcome = answer.set_result, value
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:  # the loop has closed; nobody waits any more
            return

    threading.Thread(target=work, daemon=True, name="may hang").start()
    return await asyncio.wait_for(answer, within_s)
