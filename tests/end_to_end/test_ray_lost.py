"""The Ray node of a service dies: the service ends, and is started again."""

import asyncio
import os
import signal
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

import pytest

from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from services.errors import RESTART_EXIT_CODE
from tests.end_to_end.service_rig import (
    Service,
    both,
    eventually,
    falls_of,
    has_ended,
    is_consistent,
    serving,
    someone_lies,
)
from tests.processes import processes_named

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(400)]

ENDS_WITHIN_S = 60.0
LISTENS = "0A"


def listening_addresses(process: int) -> set[str]:
    """Return the addresses that a process listens on, by TCP, from Linux's /proc."""
    inodes = set()
    for descriptor in Path(f"/proc/{process}/fd").glob("*"):
        try:
            inodes.add(str(descriptor.readlink()))
        except OSError:  # it was closed meanwhile
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and f"socket:[{fields[9]}]" in inodes:
                found.add(fields[1].partition(":")[0])
    return found


def is_loopback(address: str) -> bool:
    """Tell whether an address, as the kernel writes it, is reached from here alone."""
    words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
    parsed = ip_address(b"".join(words))
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def running(processes: Iterable[int]) -> dict[int, str]:
    """Return those of some processes that still run, by what they are."""
    found = {}
    for number in processes:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{number}/cmdline").read_text()
        except OSError:
            continue
        if state[0] != "Z":  # has ended, and waits for its parent to notice
            found[number] = command.replace("\0", " ")
    return found


def raylets_of(service: Service) -> list[int]:
    return [
        number
        for number in processes_named("/", service.process.pid)
        if Path(f"/proc/{number}/cmdline").read_text().split("\0")[0].endswith("raylet")
    ]


def test_a_dead_node_ends_the_service_and_an_open_fall_keeps_its_id(
    tmp_path: Path, server: RtspServer
) -> None:
    async def scene(broker: Broker) -> None:
        async with serving(tmp_path, broker, both(server)) as service:
            heard = service.heard
            await heard.until(someone_lies("room-1"), 90)
            (*_, fall) = falls_of(heard, "room-1")
            processes = processes_named("", service.process.pid)
            addresses = set().union(*map(listening_addresses, processes))
            assert addresses
            assert all(map(is_loopback, addresses))

            (raylet,) = raylets_of(service)
            os.kill(raylet, signal.SIGKILL)
            code = await asyncio.wait_for(service.process.wait(), ENDS_WITHIN_S)
            assert code == RESTART_EXIT_CODE

            async def none_is_left() -> bool:
                return not running(processes)

            await eventually(none_is_left, 5)  # the kernel takes its time
            assert "the local Ray node died" in service.lines[-1]

            async with serving(tmp_path, broker, both(server)):
                await heard.until(lambda it: has_ended(it, fall), 60)
                assert is_consistent(heard)

    with Broker() as broker:
        asyncio.run(scene(broker))
