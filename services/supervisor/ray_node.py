"""The Ray node that the service runs on: a local one, or one of a cluster.

A local node is bound to the loopback address only: it survives the loss or the change
of the machine's address, and no other machine can reach it. A node that has died cannot
be started again below a running service. The service then ends (``RayLost``) in bounded
time, leaves no process behind, and is started again from outside.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar, cast, final

import psutil
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
"""Silence after which a cluster counts as lost; Ray itself aborts after 60 s."""
_CLOSE_S = 15.0
_LAST_S = 30.0
_LEAST_CPUS = 4
"""Least CPUs of a local node, even on a smaller machine: actors mostly wait."""
_LOOPBACK = "127.0.0.1"
_VITAL = ("gcs_server", "raylet")

_ENVIRONMENT: Final[Mapping[str, str]] = {
    # Ray sends no usage statistics.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Otherwise Ray keeps a record of about 3 KB for each call.
    "RAY_task_events_report_interval_ms": "0",
    # With one heap for each of many threads, memory grows for hours.
    "MALLOC_ARENA_MAX": "2",
}
"""Environment of the processes that Ray starts here."""


@final
class RayNode:
    """The Ray node of this process.

    Without an address this is a local node.
    """

    def __init__(self, clock: Clock, address: str | None = None) -> None:
        self._clock, self._address = clock, address
        self._lost = ""
        self._last: threading.Timer | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the service has given up, so that Ray must not be called."""
        return bool(self._lost)

    @property
    def is_ours(self) -> bool:
        """Whether the node is local: started by this process, and ended with it."""
        return self._address is None

    def start(self, namespace: str) -> None:
        """Start the node, or join the cluster."""
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
        """Return a line about the cluster that was joined."""
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
        """Return Ray's description of each living node, by the node's id.

        Raises:
            TimeoutError: If the cluster does not answer.
        """
        nodes = await in_daemon_thread(_all_nodes, _ANSWER_S)
        return {node["NodeID"]: node for node in nodes if node["Alive"]}

    async def until_lost(self) -> None:
        """Check the node repeatedly, until it is lost.

        Raises:
            RayLost: Once the node has died, or the cluster is gone.
        """
        here = ray.get_runtime_context().get_node_id()
        time_s = asyncio.get_running_loop().time  # monotonic
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
        """End the service, by force if it has not ended after a while.

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
        """Leave the cluster or end the local node, in bounded time."""
        if not ray.is_initialized():
            return
        ours = _processes() if self.is_ours else set()
        try:
            # serve.shutdown would kill Serve's controller while calls to it are still
            # running, and Ray prints each such call as failed.
            await in_daemon_thread(ray.shutdown, _CLOSE_S)
        except TimeoutError:
            logger.warning("Ray does not end; killing its processes")
        else:
            if self._last is not None:
                self._last.cancel()
        _kill(ours)

    def _end_now(self) -> None:
        """End this process, which still waits for an answer of Ray."""
        _kill(_processes() if self.is_ours else set())
        os._exit(RESTART_EXIT_CODE)


def _bind_to_loopback(wanted: bool) -> None:
    """Let Ray use 127.0.0.1 as this machine's address, here and in its processes.

    Ray binds its servers to loopback if that is the node's address, but on Linux
    ``ray.init`` replaces a loopback address by that of the network card. A switch of
    Ray, made for macOS and Windows, prevents that; Ray reads it when it is imported.
    """
    switch = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR
    if wanted:
        os.environ[switch] = "0"
    else:
        os.environ.pop(switch, None)
    ray_constants.ENABLE_RAY_CLUSTER = not wanted


def bind_replica_to_loopback() -> None:
    """Bind the gRPC server of this Serve replica to loopback, if its node is.

    Serve binds it to every network interface, whatever the address of the node, and has
    no setting for it. Call this in the replica's constructor, before Serve binds it.
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
    """Return Ray's record of the local node and its processes; None without one."""
    return cast("Node | None", cast("Any", ray_worker)._global_node)


def _dead_process() -> str:
    """Return which vital process of a local node has ended, or an empty text."""
    node = _node()
    for kind in _VITAL:
        infos = [] if node is None else node.all_processes.get(kind, [])
        if any(info.process.poll() is not None for info in infos):
            return f"the local Ray node died ({kind})"
    return ""


def _processes() -> set[int]:
    """Return the ids of the local node's processes: Ray's servers and all workers."""
    node = _node()
    if node is None:
        return set()
    processes = node.all_processes
    found = {info.process.pid for infos in processes.values() for info in infos}
    raylets = {str(info.process.pid) for info in processes.get("raylet", [])}
    for process in psutil.process_iter(["environ"]):
        variables = process.info["environ"] or {}  # None if not ours to read
        if variables.get("RAY_RAYLET_PID") in raylets:
            found.add(process.pid)
    return found


def _kill(processes: set[int]) -> None:
    for number in processes:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


async def in_daemon_thread(
    function: Callable[[], Answer], within_s: float | None
) -> Answer:
    """Call a function that may hang, in a thread that does not hold the process.

    ``within_s`` limits the wait; None is no limit.

    Raises:
        TimeoutError: If it does not return in time. Its thread goes on.
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
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=work, daemon=True, name="may hang").start()
    return await asyncio.wait_for(answer, within_s)
