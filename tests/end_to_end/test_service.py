"""The whole service as a process: cameras by RTSP, events by MQTT, and what is killed.

Footage is simulated; server, broker and every process of the service are real.
"""

import asyncio
import json
import os
import re
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate
from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from tests.mqtt_listener import Heard, listening
from tests.processes import processes_named
from tests.without_lab import without_lab

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(180)]

START_S, BACK_S, END_S = 90.0, 45.0, 30.0
SEED, SECONDS = 43, 60.0


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two rooms in which somebody falls and lies for a while."""
    folder = tmp_path_factory.mktemp("ward")
    plans = [RecordingPlan(Stream.FOOTAGE, SEED, i, SECONDS) for i in range(2)]
    simulate(folder, plans)
    return [folder / plan.name for plan in plans]


@pytest.fixture
def server(footage: list[Path]) -> Iterator[RtspServer]:
    mounts = {f"room-{i}": file for i, file in enumerate(footage)}
    with RtspServer(mounts, loop=True) as running:
        yield running


@dataclass(slots=True)
class Service:
    """A running service, and what is heard of it."""

    process: asyncio.subprocess.Process
    heard: Heard
    url: str
    lines: list[str]

    async def ready(self) -> dict[str, Any]:
        """Return what it says of itself."""

        def ask() -> dict[str, Any]:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                    told: dict[str, Any] = json.load(answer)
            except OSError as error:
                told = {"ready": False, "troubles": [str(error)]}
            return told

        return await asyncio.to_thread(ask)

    async def until_ready(self, within_s: float) -> None:
        async def is_ready() -> bool:
            return bool((await self.ready())["ready"])

        try:
            await eventually(is_ready, within_s)
        except TimeoutError:
            said = "\n".join(self.lines)
            pytest.fail(f"not ready: {await self.ready()}; it says:\n{said}")

    def processes(self, name: str) -> set[int]:
        """Return the service's processes that Ray calls so."""
        return processes_named(f"ray::{name}", self.process.pid)


@asynccontextmanager
async def serving(
    folder: Path,
    broker: Broker,
    cameras: Sequence[str | Path],
    *options: str,
    site: str = "test",
) -> AsyncIterator[Service]:
    """Run the service until the end of the block, or until it ends by itself."""
    config = folder / "site.yaml"
    config.write_text(site_text(broker, cameras, site))
    async with listening(broker.port) as heard:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services", "run", str(config), *options),
            cwd=folder,
            stderr=asyncio.subprocess.PIPE,
            env=without_lab(folder / "blocked"),  # a service needs no laboratory
        )
        lines: list[str] = []
        reading = asyncio.create_task(read_lines(process, lines))
        try:
            await heard.until(lambda it: "online" in states_of(it, "room-0"), START_S)

            async def tells_where() -> bool:
                return any("/metrics" in line for line in lines)

            try:
                await eventually(tells_where, START_S)
            except TimeoutError:
                said = "\n".join(lines)
                pytest.fail(f"does not say where it answers; it says:\n{said}")
            (url,) = re.findall(r"(http://\S+)/metrics", "\n".join(lines))
            yield Service(process, heard, url, lines)
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), END_S) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reading


async def eventually(
    holds: Callable[[], Coroutine[None, None, bool]], within_s: float
) -> None:
    """Ask other processes again and again: nobody tells when they are back."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.3)


async def read_lines(process: asyncio.subprocess.Process, lines: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        lines.append(line.decode().rstrip())


def site_text(broker: Broker, cameras: Sequence[str | Path], name: str = "test") -> str:
    subjects = [
        {"id": f"room-{i}", "camera": str(camera)} for i, camera in enumerate(cameras)
    ]
    site = {
        "site": name,
        "broker": {"port": broker.port},
        "subjects": subjects,
        "watchers": {"subjects_each": 1},
        "hub": {"folder": "data", "port": 0, "canary_every_s": 2},
    }
    return json.dumps(site)  # JSON is YAML


def both(server: RtspServer) -> list[str]:
    return [server.address(f"room-{i}") for i in range(2)]


def states_of(heard: Heard, subject: str) -> list[str]:
    return [it["state"] for it in heard.of(f"{subject}/status")]


def falls_of(heard: Heard, subject: str) -> list[dict[str, Any]]:
    return [it for it in heard.of(f"{subject}/event") if it["name"] == "fall"]


def is_consistent(heard: Heard) -> bool:
    """Nothing ended that never began, and no fall of a subject began within another.

    A message may come twice, as quality of service 1 has it: a hub that is killed
    between the broker's acknowledgement and its own note of it gives it again.
    """
    begun: dict[str, str] = {}
    told = [(it["subject"], it["event_id"], it["state"]) for it in heard.of("/event")]
    names = {it["event_id"]: it["name"] for it in heard.of("/event")}
    for subject, event_id, state in dict.fromkeys(told):
        place = f"{subject} {names[event_id]}"
        if (state == "started") == (place in begun):
            return False
        if state == "ended" and begun.pop(place) != event_id:
            return False
        if state == "started":
            begun[place] = event_id
    return True


def someone_lies(subject: str) -> Callable[[Heard], bool]:
    """Tell whether a fall of a subject goes on."""
    return lambda heard: (
        [it["state"] for it in falls_of(heard, subject)][-1:] == ["started"]
    )


def has_ended(heard: Heard, event: dict[str, Any]) -> bool:
    """Tell whether an event was told to be over, under the same id."""
    told = [(it["event_id"], it["state"]) for it in heard.of("/event")]
    return (event["event_id"], "ended") in told


def test_killed_watchers_lost_broker_and_cameras_return_and_subjects_change(
    tmp_path: Path, server: RtspServer
) -> None:
    async def scene(broker: Broker) -> None:
        async with serving(tmp_path, broker, both(server)) as service:
            heard, subject = service.heard, "room-1"
            await heard.until(someone_lies(subject), 90)
            (*_, fall) = falls_of(heard, subject)
            await replaced("Watcher", service)
            await heard.until(lambda it: has_ended(it, fall), 60)

            broker.stop()
            watchers = service.processes("Watcher")
            server.stop()
            broker.start()
            await heard.until(lambda it: states_of(it, "room-0")[-1] == "offline", 40)
            server.start()
            await heard.until(lambda it: states_of(it, "room-0")[-1] == "online", 60)

            (tmp_path / "site.yaml").write_text("site: [test\n")
            service.process.send_signal(signal.SIGHUP)
            await eventually(lambda: said(service, "stays as it was"), 20)
            (tmp_path / "site.yaml").write_text(site_text(broker, both(server)[:1]))
            service.process.send_signal(signal.SIGHUP)
            await eventually(lambda: said(service, "1 subjects now"), 20)

            assert service.processes("Watcher") == watchers
            assert is_consistent(heard)

    async def said(service: Service, text: str) -> bool:
        return any(text in line for line in service.lines)

    with Broker() as broker:
        asyncio.run(scene(broker))


async def replaced(name: str, service: Service) -> None:
    """Kill the service's processes of a name; return when new ones do their work."""
    before = service.processes(name)
    for number in before:
        os.kill(number, signal.SIGKILL)

    async def is_back() -> bool:
        others = service.processes(name) - before
        return len(others) == len(before) and (await service.ready())["ready"]

    await eventually(is_back, BACK_S)


def more_events_than(number: int) -> Callable[[Heard], bool]:
    return lambda heard: len(heard.of("/event")) > number


def turns_of(events: Sequence[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """What happened when, in seconds after the first of it, each thing once."""
    stamps = {"started": "start_at", "ended": "end_at"}
    told = {
        (it["name"], it["state"], datetime.fromisoformat(it[stamps[it["state"]]]))
        for it in events
    }
    first = min(at for _, _, at in told)
    turns = [(name, state, (at - first).total_seconds()) for name, state, at in told]
    return sorted((name, state, round(at, 3)) for name, state, at in turns)


async def undisturbed(file: Path) -> list[dict[str, Any]]:
    """Events of a file that is watched in one process, at its own pace."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "watch", str(file), "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    text, _ = await process.communicate()
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line["type"] == "event"]


def test_every_event_is_announced_although_replica_and_hub_are_killed(
    tmp_path: Path, footage: list[Path]
) -> None:
    async def scene(broker: Broker) -> None:
        expected = turns_of(await undisturbed(footage[1]))
        assert len(expected) >= 4
        async with serving(tmp_path, broker, [footage[1]]) as service:
            for name, within_s in (("ServeReplica", 20), ("Hub", BACK_S)):
                so_far = len(service.heard.of("/event"))
                await service.heard.until(more_events_than(so_far), within_s)
                await replaced(name, service)
            await service.heard.until(
                lambda it: len(turns_of(it.of("/event"))) >= len(expected),
                SECONDS + BACK_S,
            )
            assert turns_of(service.heard.of("/event")) == expected
            assert is_consistent(service.heard)

    with Broker() as broker:
        asyncio.run(scene(broker))
