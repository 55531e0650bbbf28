"""Two sites on one Ray cluster: neither harms the other."""

import asyncio
import re
import sys
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from services.demo.broker import Broker
from services.errors import RESTART_EXIT_CODE
from tests.end_to_end.service_rig import (
    START_S,
    Service,
    eventually,
    serving,
    site_text,
)

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

ENDS_WITHIN_S = 60.0
CPUS = 2
"""One for the replica of each site: remains that are not removed leave no room."""


async def canary_at(service: Service) -> float:
    """Return when the recogniser last answered the hub."""
    url = f"{service.url}/metrics"

    def ask() -> str:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    name = "wardwatch_canary_success_timestamp_seconds"
    found = re.search(rf"^{name} (\S+)", await asyncio.to_thread(ask), re.MULTILINE)
    assert found is not None
    return float(found[1])


async def goes_on(service: Service) -> None:
    """Return once recognition has answered again; it must be ready all the while."""
    before = await canary_at(service)

    async def has_answered() -> bool:
        assert (await service.ready())["ready"]
        return await canary_at(service) > before

    await eventually(has_answered, 20)


async def refused(config: Path, address: str) -> str:
    """Start another service of a site that is watched; return what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "run", str(config)),
        *("--ray-address", address),
        cwd=config.parent,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), START_S)
    assert process.returncode == 2
    return said.decode().splitlines()[-1]


def test_sites_share_a_cluster_and_one_ends_without_harm_to_the_other(
    tmp_path: Path,
) -> None:
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": CPUS, "include_dashboard": False},
    )

    async def scene(broker: Broker) -> None:
        config = tmp_path / "site.yaml"
        config.write_text(site_text(broker, ["test"], "one"))

        async def start(site: str, stack: AsyncExitStack) -> Service:
            (tmp_path / site).mkdir(exist_ok=True)
            options = ("--ray-address", cluster.address)
            running = serving(tmp_path / site, broker, ["test"], *options, site=site)
            service = await stack.enter_async_context(running)
            await service.until_ready(START_S)
            return service

        async with AsyncExitStack() as stack, AsyncExitStack() as second:
            one = await start("one", stack)
            two = await start("two", second)
            said = await refused(config, cluster.address)
            assert said.startswith("wardwatch: site one is already watched")
            await asyncio.gather(goes_on(one), goes_on(two))

            await second.aclose()
            await goes_on(one)

            one.process.kill()
            await one.process.wait()
            one = await start("one", stack)
            assert any("an earlier run of this site left" in it for it in one.lines)
            assert any("joined the Ray cluster at" in it for it in one.lines)

            await asyncio.to_thread(cluster.shutdown)
            code = await asyncio.wait_for(one.process.wait(), ENDS_WITHIN_S)
            assert code == RESTART_EXIT_CODE

    try:
        with Broker() as broker:
            asyncio.run(scene(broker))
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray's own gap
