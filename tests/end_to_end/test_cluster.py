"""Two Ray nodes: subjects and replicas on both, and what one's death does."""

import asyncio
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from pipelines.clock import SystemClock
from services.demo.broker import Broker
from services.site.settings import Site
from services.supervisor.supervisor import Supervisor
from tests.mqtt_listener import Heard, listening
from tests.processes import processes_named

MOVED_S = 60.0
SUBJECTS = 4


def nodes_of(name: str) -> list[int]:
    """Return the raylet of each of Ray's processes of that name."""
    found = []
    for number in processes_named(f"ray::{name}", os.getpid()):
        with suppress(OSError):  # the process has ended meanwhile
            facts = Path(f"/proc/{number}/stat").read_text()
            found.append(int(facts.rpartition(")")[2].split()[1]))
    return found


def online_since(heard: Heard, after: int) -> set[str]:
    """Return the subjects that were announced as online after so many messages."""
    return {
        payload["subject"]
        for topic, payload in heard.messages[after:]
        if topic.endswith("/status") and "subject" in payload
        if payload["state"] == "online"
    }


async def moved() -> None:
    """Wait until all watchers run on one node; a status may come before they do."""
    async with asyncio.timeout(MOVED_S):
        while sorted(Counter(nodes_of("Watcher")).values()) != [SUBJECTS]:  # noqa: ASYNC110  processes of Ray, which announce nothing
            await asyncio.sleep(0.2)


@pytest.mark.alone
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_subjects_and_replicas_spread_and_move_when_a_node_dies(tmp_path: Path) -> None:
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False},
    )
    second = cluster.add_node(num_cpus=1)

    async def scene(broker: Broker) -> None:
        site = Site.model_validate(
            {
                "site": "test",
                "broker": {"port": broker.port},
                "hub": {"folder": str(tmp_path), "port": 0},
                "recognizer": {"replicas": 2, "threads": 1},
                "watchers": {"subjects_each": 1},
                "subjects": [
                    {"id": f"bed-{i}", "camera": "test"} for i in range(SUBJECTS)
                ],
            }
        )
        said: list[str] = []
        supervisor = Supervisor(site, SystemClock(), cluster.address, said.append)
        async with listening(broker.port) as heard:
            try:
                await supervisor.start()
                await heard.until(lambda it: len(online_since(it, 0)) == SUBJECTS, 60)
                assert sorted(Counter(nodes_of("Watcher")).values()) == [2, 2]
                assert len(set(nodes_of("ServeReplica"))) == 2
                raylet = second.all_processes["raylet"][0].process.pid
                lost = nodes_of("Watcher").count(raylet)
                before = len(heard.messages)
                await asyncio.to_thread(
                    cluster.remove_node, second, allow_graceful=False
                )
                await heard.until(
                    lambda it: len(online_since(it, before)) == lost, MOVED_S
                )
                # One may be begun on the dead node before its death is known.
                assert said[0].startswith("joined the Ray cluster at ")
                assert "2 nodes" in said[0]
                assert len(set(said[1:])) == lost
                await moved()
            finally:
                await supervisor.stop()

    try:
        with Broker() as broker:
            asyncio.run(scene(broker))
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray's own gap
