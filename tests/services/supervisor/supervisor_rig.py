"""A supervisor that runs on a cluster of fakes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pipelines.clock import SystemClock
from services.site.settings import Site
from services.supervisor.supervisor import Supervisor
from tests.services.supervisor.cluster_rig import FakeCluster

ROUND_S = 2.0
"""The supervisor looks at everything so often."""


def site_of(*subjects: str, each: int = 2) -> Site:
    return Site.model_validate(
        {
            "site": "ward",
            "recognizer": {"model": "tiny"},
            "watchers": {"subjects_each": each},
            "subjects": [{"id": name, "camera": "test"} for name in subjects],
        }
    )


@dataclass(slots=True)
class Scene:
    supervisor: Supervisor
    cluster: FakeCluster
    said: list[str]


@asynccontextmanager
async def started(
    cluster: FakeCluster, *subjects: str, each: int = 2
) -> AsyncIterator[Scene]:
    """Start a supervisor; its log then begins with what happens from there on."""
    said: list[str] = []
    supervisor = Supervisor(
        site_of(*subjects, each=each), SystemClock(), None, said.append, cluster=cluster
    )
    try:
        await supervisor.start()
        cluster.log.clear()
        yield Scene(supervisor, cluster, said)
    finally:
        await supervisor.stop()
