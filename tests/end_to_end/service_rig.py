"""The service of a site as a process, with a real broker, and what is heard of it."""

import asyncio
import json
import re
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from tests.mqtt_listener import Heard, listening
from tests.processes import processes_named
from tests.without_lab import without_lab

START_S, END_S = 180.0, 30.0
SECONDS = 60.0
"""Length of the simulated footage."""


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
                    state: dict[str, Any] = json.load(answer)
            except OSError as error:
                state = {"ready": False, "troubles": [str(error)]}
            return state

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
        # However busy this machine is, every picture is used.
        "watchers": {"subjects_each": 1, "overloaded_after_s": 3600},
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
    states = [(it["subject"], it["event_id"], it["state"]) for it in heard.of("/event")]
    names = {it["event_id"]: it["name"] for it in heard.of("/event")}
    for subject, event_id, state in dict.fromkeys(states):
        place = f"{subject} {names[event_id]}"
        if (state == "started") == (place in begun):
            return False
        if state == "ended" and begun.pop(place) != event_id:
            return False
        if state == "started":
            begun[place] = event_id
    return True


def someone_lies(subject: str) -> Callable[[Heard], bool]:
    """Return whether a fall of a subject goes on."""
    return lambda heard: (
        [it["state"] for it in falls_of(heard, subject)][-1:] == ["started"]
    )


def has_ended(heard: Heard, event: dict[str, Any]) -> bool:
    """Return whether the end of an event was published, under the same id."""
    published = [(it["event_id"], it["state"]) for it in heard.of("/event")]
    return (event["event_id"], "ended") in published
