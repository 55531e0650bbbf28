"""What the supervisor decides when a site starts, changes, loses its hub, or ends."""

import asyncio

import pytest

from pipelines.clock import SystemClock
from services.errors import RayLost, SettingsError, SiteTaken
from services.site.settings import Site
from services.supervisor.supervisor import Supervisor
from tests.jumping_time import run_with_jumps
from tests.services.supervisor.cluster_rig import (
    FakeCluster,
)
from tests.services.supervisor.supervisor_rig import ROUND_S, site_of, started


def test_a_site_is_started_recognition_first_then_hub_then_watchers() -> None:
    async def scene() -> list[str]:
        cluster = FakeCluster()
        supervisor = Supervisor(site_of("a", "b", "c"), SystemClock(), cluster=cluster)
        state = await supervisor.start()
        assert state.url == "http://127.0.0.1:1"
        assert cluster.hub.expected == {name: ["camera"] for name in "abc"}
        assert all(it.of("fall", 0) is not None for it in cluster.hub.rules.values())
        return list(cluster.log)

    assert run_with_jumps(scene()) == [
        "load tiny",
        "deploy 1 of tiny",
        "start hub of ward with colour",
        "start watcher 0",
        "watcher 0 adds a",
        "watcher 0 adds b",
        "start watcher 1",
        "watcher 1 adds c",
    ]


def test_on_a_joined_cluster_the_site_is_claimed_before_anything_is_started() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        cluster, said = FakeCluster(is_ours=False), list[str]()
        supervisor = Supervisor(
            site_of("a"), SystemClock(), "head:6379", said.append, cluster=cluster
        )
        await supervisor.start()  # although the remains are not removed within a minute
        return cluster.log[:3], said

    log, said = run_with_jumps(scene())
    assert log == ["claim", "remove remains", "load tiny"]
    assert said == ["joined", "removing remains"]


def test_a_site_that_is_watched_already_is_refused_and_nothing_is_started() -> None:
    async def scene() -> list[str]:
        cluster = FakeCluster(is_ours=False, holder=SiteTaken("ward", "host, 7"))
        supervisor = Supervisor(site_of("a"), SystemClock(), cluster=cluster)
        with pytest.raises(SiteTaken):
            await supervisor.start()
        await supervisor.stop()
        return cluster.log

    assert run_with_jumps(scene()) == ["claim", "withdraw", "close"]


def test_a_subject_without_a_camera_is_refused_before_replicas_are_started() -> None:
    site = Site.model_validate({"site": "ward", "subjects": [{"id": "a", "imu": "i"}]})

    async def scene() -> list[str]:
        cluster = FakeCluster()
        supervisor = Supervisor(site, SystemClock(), cluster=cluster)
        with pytest.raises(SettingsError, match=r"^subject a has no camera"):
            await supervisor.start()
        return cluster.log

    assert run_with_jumps(scene()) == ["load None"]


@pytest.mark.parametrize("failure", [None, RuntimeError("Ray is ending")])
def test_a_configuration_is_applied_although_no_core_is_known(
    failure: Exception | None,
) -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a") as scene:
            await asyncio.sleep(12 * ROUND_S)  # what a subject needs is known
            scene.cluster.processors, scene.cluster.cores_failure = 0.0, failure
            await scene.supervisor.apply(site_of("a", "b"))
            return list(scene.cluster.log)

    assert run_with_jumps(scene()) == ["watcher 0 adds b"]


def test_a_refused_configuration_changes_nothing() -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a") as scene:
            before = scene.supervisor.site
            blind = [{"id": "b", "imu": "wrist"}]
            site = before.model_dump() | {"subjects": blind}
            with pytest.raises(SettingsError):
                await scene.supervisor.apply(Site.model_validate(site))
            await asyncio.sleep(2 * ROUND_S)
            assert scene.supervisor.site == before
            return list(scene.cluster.log)

    assert run_with_jumps(scene()) == []


def test_a_subject_whose_poses_are_not_to_be_kept_is_watched_anew() -> None:
    async def scene() -> None:
        async with started(FakeCluster(), "a", "b") as scene:
            (watcher,) = scene.cluster.watchers
            site = scene.supervisor.site.model_dump()
            site["subjects"][0]["keep_poses"] = False
            await scene.supervisor.apply(Site.model_validate(site))
            assert scene.cluster.log == ["watcher 0 drops a", "watcher 0 adds a"]
            kept = {name: it.keep_poses for name, it in watcher.subjects.items()}
            assert kept == {"a": False, "b": True}

    run_with_jumps(scene())


def test_changed_targets_reach_the_hub_also_after_ray_has_restarted_it() -> None:
    phone = {"name": "nurse", "url": "json://127.0.0.1/a"}

    async def scene() -> None:
        async with started(FakeCluster(), "a") as scene:
            site = scene.supervisor.site.model_dump() | {"notify": [phone]}
            changed = Site.model_validate(site)
            await scene.supervisor.apply(changed)
            assert scene.cluster.hub.site is changed
            assert scene.cluster.log == []  # no watcher has noticed anything
            scene.cluster.hub.site = None
            await asyncio.sleep(2 * ROUND_S)
            assert scene.cluster.hub.site is changed

    run_with_jumps(scene())


def test_zones_are_refused_if_recognition_sees_no_people() -> None:
    zone = {"name": "bed", "kind": "bed", "points": [[0, 0], [1, 0], [1, 1]]}
    zoned = [{"id": "b", "camera": "test", "zones": [zone]}]

    async def scene() -> None:
        async with started(FakeCluster(), "a") as scene:
            site = scene.supervisor.site.model_dump() | {"subjects": zoned}
            with pytest.raises(
                SettingsError, match=r"^subject b has zones, and colour"
            ):
                await scene.supervisor.apply(Site.model_validate(site))

    run_with_jumps(scene())


def test_a_hub_that_hangs_is_restarted_once_for_each_time_that_it_hangs() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(), "a") as scene:
            for _ in range(2):
                scene.cluster.hub.hangs = True
                await asyncio.sleep(35)
                scene.cluster.hub.hangs = False
                await asyncio.sleep(15)
            return list(scene.cluster.log), scene.said

    log, said = run_with_jumps(scene())
    assert log == ["restart hub"] * 2
    assert said == ["the hub does not answer: it is restarted"] * 2


def test_a_dead_hub_is_left_to_ray_and_ends_the_service_if_it_stays_away() -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a") as scene:
            scene.cluster.hub.die()
            await asyncio.sleep(40)
            scene.cluster.hub.failure = None
            await asyncio.sleep(5)
            scene.cluster.hub.die()  # the time of an earlier death does not count
            await asyncio.sleep(40)
            assert scene.cluster.log == []
            lost = r"^the hub has not answered for 4[5-8] s; ending with exit code 75"
            async with asyncio.timeout(10):
                with pytest.raises(RayLost, match=lost):
                    await scene.supervisor.until_lost()
        return scene.cluster.log

    assert run_with_jumps(scene()) == ["close"]


def test_a_lost_cluster_ends_the_service_and_its_actors_are_not_asked_any_more() -> (
    None
):
    async def scene() -> list[str]:
        async with started(FakeCluster(is_ours=False), "a") as scene:
            scene.cluster.lose("Ray has not answered for 32 s (head:6379)")
            with pytest.raises(RayLost, match=r"^Ray has not answered for 32 s"):
                await scene.supervisor.until_lost()
        return scene.cluster.log

    assert run_with_jumps(scene()) == ["close"]


def test_a_cluster_that_is_lost_while_replicas_start_ends_the_start() -> None:
    async def scene() -> list[str]:
        cluster = FakeCluster(deploys=False)
        supervisor = Supervisor(site_of("a"), SystemClock(), cluster=cluster)
        asyncio.get_running_loop().call_later(60, cluster.lose, "the node died")
        with pytest.raises(RayLost, match=r"^the node died"):
            await supervisor.start()
        await supervisor.stop()
        return cluster.log

    assert run_with_jumps(scene()) == ["load tiny", "deploy 1 of tiny", "close"]


@pytest.mark.parametrize("hangs", [False, True])
def test_the_hub_ends_after_the_watchers_although_one_does_not_answer(
    *, hangs: bool
) -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a", "b", "c") as scene:
            scene.cluster.watchers[1].hangs = hangs
        return scene.cluster.log

    assert run_with_jumps(scene()) == [
        "stop watcher 0",
        "stop watcher 1",
        "kill watcher 0",
        "kill watcher 1",
        "stop hub",
        "kill hub",
        "withdraw",
        "close",
    ]


@pytest.mark.parametrize("turns", range(4))
def test_the_service_ends_although_the_hub_answers_at_the_same_moment(
    turns: int,
) -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a") as scene:
            gate = scene.cluster.hub.gate
            gate.clear()
            await asyncio.sleep(ROUND_S)
            gate.set()
            for _ in range(turns):  # of the loop, from the answer to the end
                await asyncio.sleep(0)
            async with asyncio.timeout(60):
                await scene.supervisor.stop()
        return scene.cluster.log

    assert "close" in run_with_jumps(scene())
