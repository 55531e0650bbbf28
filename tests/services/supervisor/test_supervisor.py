"""What the supervisor decides when something dies, hangs, or is to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from ray.exceptions import ActorUnschedulableError, RayActorError, RayError

from pipelines.clock import SystemClock
from services.errors import RayLost, SettingsError, SiteTaken
from services.site.settings import Site
from services.supervisor.supervisor import Supervisor
from tests.jumping_time import run_with_jumps
from tests.services.supervisor.cluster_rig import (
    FakeCluster,
    FakeWatcher,
    raised_over_there,
)

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


@pytest.mark.parametrize(
    "death", [RayActorError(), ActorUnschedulableError("its node died")]
)
def test_a_dead_watcher_is_replaced_and_the_others_are_not_disturbed(
    death: RayError,
) -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(), "a", "b", "c") as scene:
            scene.cluster.watchers[0].failure = death
            await asyncio.sleep(3 * ROUND_S)
            return list(scene.cluster.log), scene.said

    log, said = run_with_jumps(scene())
    assert log == [
        "kill watcher 0",
        "start watcher 2",
        "watcher 2 adds a",
        "watcher 2 adds b",
    ]
    assert said == ["watcher 0 died: 2 subjects start again"]


def overload(watcher: FakeWatcher) -> None:
    watcher.cores, watcher.every = 0.9, 3


def test_an_overloaded_watcher_is_divided_while_there_are_cores() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(), "a", "b") as scene:
            overload(scene.cluster.watchers[0])
            await asyncio.sleep(7 * ROUND_S)
            overload(scene.cluster.watchers[1])  # no core is left for a third
            await asyncio.sleep(40 * ROUND_S)
            return list(scene.cluster.log), scene.said

    log, said = run_with_jumps(scene())
    assert log == ["start watcher 1", "watcher 0 drops b", "watcher 1 adds b"]
    assert said == [
        "watcher 0 is overloaded: 1 of its subjects move",
        "2 subjects are more than can be recognised. While there are too many pictures,"
        " some of every camera are left out. Watch fewer cameras, or add cores, nodes"
        " or recognizer.replicas",
    ]


def test_an_overload_without_a_free_core_is_said_after_a_minute() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(processors=1.0), "a", "b") as scene:
            overload(scene.cluster.watchers[0])
            await asyncio.sleep(29 * ROUND_S)
            assert scene.said == []
            await asyncio.sleep(5 * ROUND_S)
            return list(scene.cluster.log), scene.said

    log, (said,) = run_with_jumps(scene())
    assert log == []
    assert said.startswith("2 subjects are more than can be recognised. While")


def test_no_camera_moves_to_a_process_that_does_not_start_and_checks_go_on() -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a", "b") as scene:
            overload(scene.cluster.watchers[0])
            scene.cluster.hanging_starts = 1
            await asyncio.sleep(8 * ROUND_S)
            assert scene.cluster.log == ["start watcher 1"]
            scene.cluster.watchers[0].die()
            await asyncio.sleep(2 * ROUND_S)
            assert scene.cluster.log[1:3] == ["kill watcher 0", "start watcher 2"]
            await asyncio.sleep(60)
            return list(scene.cluster.log[3:])

    assert run_with_jumps(scene()) == [
        "watcher 2 adds a",
        "watcher 2 adds b",
        "kill watcher 1",
    ]


def test_subjects_stay_where_they_are_if_their_watcher_does_not_drop_them() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(), "a", "b") as scene:
            overload(scene.cluster.watchers[0])
            scene.cluster.watchers[0].lost_changes = 1
            await asyncio.sleep(7 * ROUND_S)
            scene.cluster.watchers[0].every = 1
            await asyncio.sleep(3 * ROUND_S)
            return list(scene.cluster.log), sorted(scene.cluster.watchers[0].subjects)

    log, subjects = run_with_jumps(scene())
    assert log[:2] == ["start watcher 1", "kill watcher 1"]
    assert subjects == ["a", "b"]


def test_a_watcher_with_room_gets_subjects_of_a_full_one() -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), *"abcde", each=4) as scene:
            await asyncio.sleep(12 * ROUND_S)
            overload(scene.cluster.watchers[0])
            await asyncio.sleep(30 * ROUND_S)
            return list(scene.cluster.log)

    # Three and two subjects are not far enough apart to move more.
    assert run_with_jumps(scene()) == ["watcher 0 drops d", "watcher 1 adds d"]


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


def test_more_subjects_than_the_cores_carry_are_watched_and_that_is_said() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(), "a", "b") as scene:
            scene.cluster.watchers[0].cores = 0.9
            await asyncio.sleep(12 * ROUND_S)
            assert scene.said == []
            site = site_of("a", "b", "c", "d", each=9)
            await scene.supervisor.apply(site)
            return list(scene.cluster.log), scene.said

    log, (said,) = run_with_jumps(scene())
    assert log == [  # although a core carries one subject, there are only two cores
        "start watcher 1",
        "watcher 1 adds c",
        "watcher 1 adds d",
    ]
    assert said.startswith("4 subjects are more than 2 cores carry: about 3, as each n")


def test_a_failed_watcher_first_hands_over_the_events_that_it_still_has() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(), "a") as scene:
            scene.cluster.watchers[0].failure = raised_over_there(KeyError("chain"))
            await asyncio.sleep(2 * ROUND_S)
            return list(scene.cluster.log), scene.said

    log, said = run_with_jumps(scene())
    assert log == [
        "stop watcher 0",
        "kill watcher 0",
        "start watcher 1",
        "watcher 1 adds a",
    ]
    assert said == ["watcher 0 failed by KeyError: 1 subjects start again"]


def test_a_watcher_is_replaced_after_three_silent_rounds_in_a_row() -> None:
    # A round without an answer takes 12 s.
    #  silent       answers  silent
    # [0---12---24)[24--33) [34---46---58---68) replaced
    async def scene() -> tuple[list[str], list[str], list[str]]:
        async with started(FakeCluster(), "a") as scene:
            (watcher,) = scene.cluster.watchers
            watcher.hangs = True
            await asyncio.sleep(23)
            watcher.hangs = False
            await asyncio.sleep(10)
            watcher.hangs = True
            await asyncio.sleep(34)
            before = list(scene.cluster.log)
            await asyncio.sleep(2)
            return before, list(scene.cluster.log), scene.said

    before, after, said = run_with_jumps(scene())
    assert before == []
    assert after == ["kill watcher 0", "start watcher 1", "watcher 1 adds a"]
    assert said == ["watcher 0 silent for 30 s: 1 subjects start again"]


def test_a_watcher_is_replaced_as_soon_as_a_node_is_alive_again() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        async with started(FakeCluster(), "a") as scene:
            scene.cluster.watchers[0].die()
            scene.cluster.nodes = 0
            await asyncio.sleep(3 * ROUND_S)
            before = [it for it in scene.cluster.log if it.startswith("start")]
            scene.cluster.nodes = 1
            await asyncio.sleep(2 * ROUND_S)
            return before, scene.cluster.log[-2:]

    before, (started_last, changed_last) = run_with_jumps(scene())
    assert before == []
    assert started_last.startswith("start watcher ")
    assert changed_last == f"{started_last.removeprefix('start ')} adds a"


def test_a_change_that_was_lost_is_made_in_the_next_round() -> None:
    async def scene() -> tuple[dict[str, str | None], list[str]]:
        async with started(FakeCluster(), "a", "b") as scene:
            (watcher,) = scene.cluster.watchers
            watcher.lost_changes = 1
            moved = {"id": "a", "camera": "moved.mp4"}
            others = [{"id": "c", "camera": "test"}]
            site = site_of().model_dump() | {"subjects": [moved, *others]}
            await scene.supervisor.apply(Site.model_validate(site))
            assert sorted(watcher.subjects) == ["a", "b"]
            await asyncio.sleep(2 * ROUND_S)
            cameras = {name: it.camera for name, it in watcher.subjects.items()}
            return cameras, list(scene.cluster.log)

    watched, log = run_with_jumps(scene())
    assert watched == {"a": "moved.mp4", "c": "test"}
    assert [it for it in log if it.startswith(("kill", "start"))] == []


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


def test_a_watcher_that_ends_is_not_replaced() -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a") as scene:
            scene.cluster.watchers[0].die()
        await asyncio.sleep(3 * ROUND_S)
        return scene.cluster.log

    assert run_with_jumps(scene())[-1] == "close"
