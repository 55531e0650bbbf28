"""What the supervisor decides when a watcher dies, hangs, or has too much to do."""

import asyncio

import pytest
from ray.exceptions import ActorUnschedulableError, RayActorError, RayError

from services.site.settings import Site
from tests.jumping_time import run_with_jumps
from tests.services.supervisor.cluster_rig import (
    FakeCluster,
    FakeWatcher,
    raised_over_there,
)
from tests.services.supervisor.supervisor_rig import ROUND_S, site_of, started


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


def test_a_replaced_watcher_is_named_by_the_number_of_the_process_that_runs() -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a", "b") as scene:
            scene.cluster.watchers[0].die()
            await asyncio.sleep(2 * ROUND_S)
            overload(scene.cluster.watchers[1])
            await asyncio.sleep(7 * ROUND_S)
            scene.cluster.watchers[1].die()
            await asyncio.sleep(2 * ROUND_S)
            return scene.said

    assert run_with_jumps(scene()) == [
        "watcher 0 died: 2 subjects start again",
        "watcher 1 is overloaded: 1 of its subjects move",
        "watcher 1 died: 1 subjects start again",
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


def test_a_watcher_that_ends_is_not_replaced() -> None:
    async def scene() -> list[str]:
        async with started(FakeCluster(), "a") as scene:
            scene.cluster.watchers[0].die()
        await asyncio.sleep(3 * ROUND_S)
        return scene.cluster.log

    assert run_with_jumps(scene())[-1] == "close"
