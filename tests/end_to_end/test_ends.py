"""How the service ends: while it starts, once it watches, and without its cluster."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.processes import process_tree

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(180)]

START_S, END_S = 120.0, 30.0
ADDRESS_S = 30.0
"""An answer takes some 6 s; the rest is for a busy machine."""


def site_file(folder: Path) -> Path:
    path = folder / "site.yaml"
    path.write_text(
        f"site: ward\nsubjects: [{{id: bed, camera: test}}]\n"
        f"broker: {{port: 1}}\nhub: {{folder: {folder}/hub, port: 0}}\n"
    )
    return path


async def start(site: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "run", str(site), *options),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def command_of(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_text().replace("\0", " ")
    except OSError:  # it has ended meanwhile
        return ""


def running(numbers: set[int]) -> list[str]:
    return [command for number in numbers if (command := command_of(number))]


async def until_ray_starts(process: asyncio.subprocess.Process) -> set[int]:
    """Return the processes once Ray has begun to start its own."""
    async with asyncio.timeout(START_S):
        while not any("gcs_server" in it for it in running(process_tree(process.pid))):  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.05)
    return process_tree(process.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_ray_starts_ends_the_service_and_its_processes(
    number: signal.Signals, tmp_path: Path
) -> None:
    async def interrupt() -> tuple[int, bytes, set[int]]:
        process = await start(site_file(tmp_path))
        processes = await until_ray_starts(process)
        process.send_signal(number)
        async with asyncio.timeout(END_S):
            _, said = await process.communicate()
        return process.returncode or 0, said, processes

    code, said, processes = asyncio.run(interrupt())
    assert code == 128 + number
    assert said.splitlines()[-1] == b"wardwatch: ending before it has started"
    assert running(processes) == []


def test_a_clean_end_says_nothing_of_ray_and_leaves_no_process(tmp_path: Path) -> None:
    async def run_and_end() -> tuple[int, bytes, set[int]]:
        process = await start(site_file(tmp_path))
        assert process.stderr is not None
        async with asyncio.timeout(START_S):
            while b"/metrics" not in await process.stderr.readline():
                pass
        processes = process_tree(process.pid)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END_S):
            _, said = await process.communicate()
        return process.returncode or 0, said, processes

    code, said, processes = asyncio.run(run_and_end())
    assert code == 0
    assert b"wardwatch: ending" in said
    assert b"raylet" not in said
    assert b"Serve" not in said
    assert running(processes) == []


def test_an_address_that_takes_connections_and_never_answers_is_refused(
    tmp_path: Path,
) -> None:
    async def run(address: str) -> tuple[int, bytes]:
        process = await start(site_file(tmp_path), "--ray-address", address)
        async with asyncio.timeout(ADDRESS_S):
            _, said = await process.communicate()
        return process.returncode or 0, said

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        code, said = asyncio.run(run(address))
    problem = "what answers there is not the head of a Ray cluster"
    line = said.decode().splitlines()[-1]
    assert (code, line) == (2, f"wardwatch: --ray-address {address}: {problem}")
