"""The whole service as a process: cameras by RTSP, events by MQTT, and what is killed.

Footage is simulated; server, broker and every process of the service are real.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from tests.end_to_end.service_rig import (
    SECONDS,
    Service,
    both,
    eventually,
    falls_of,
    has_ended,
    is_consistent,
    serving,
    site_text,
    someone_lies,
    states_of,
)
from tests.mqtt_listener import Heard

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(400)]

BACK_S = 45.0


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
    found = {
        (it["name"], it["state"], datetime.fromisoformat(it[stamps[it["state"]]]))
        for it in events
    }
    first = min(at for _, _, at in found)
    turns = [(name, state, (at - first).total_seconds()) for name, state, at in found]
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
        alone = asyncio.create_task(undisturbed(footage[1]))
        async with serving(tmp_path, broker, [footage[1]]) as service:
            for name, within_s in (("ServeReplica", 20), ("Hub", BACK_S)):
                so_far = len(service.heard.of("/event"))
                await service.heard.until(more_events_than(so_far), within_s)
                await replaced(name, service)
            expected = turns_of(await alone)
            assert len(expected) >= 4
            await service.heard.until(
                lambda it: len(turns_of(it.of("/event"))) >= len(expected),
                SECONDS + BACK_S,
            )
            assert turns_of(service.heard.of("/event")) == expected
            assert is_consistent(service.heard)

    with Broker() as broker:
        asyncio.run(scene(broker))
