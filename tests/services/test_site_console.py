"""The console as a child process: started again, and ended."""

import asyncio
import sys
from pathlib import Path

import psutil

from services.site_console import keep_running
from tests.fakes import FakeClock

WRITES_ITS_ID = "import os,sys,time;open(sys.argv[1],'a').write(f'{os.getpid()}\\n')"
WAITS = f"{WRITES_ITS_ID};import signal;signal.pause()"
SOON_S = 20.0


def ids_now(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


async def ids_in(file: Path, count: int) -> list[int]:
    async with asyncio.timeout(SOON_S):
        while True:
            if len(found := ids_now(file)) >= count:
                return found
            await asyncio.sleep(0.02)


def test_a_console_that_ends_is_started_again_after_growing_pauses(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    clock = FakeClock(auto_advance=True)
    began_ns = clock.now_ns()

    async def scene() -> None:
        command = [sys.executable, "-c", WRITES_ITS_ID, str(tmp_path / "ids")]
        running = asyncio.create_task(keep_running(command, clock, said.append))
        await ids_in(tmp_path / "ids", 3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())
    assert said[:2] == [
        "the console ended with code 0; it starts again in 2 s",
        "the console ended with code 0; it starts again in 4 s",
    ]
    assert clock.now_ns() - began_ns >= 6_000_000_000


def test_a_console_that_cannot_start_is_tried_again(tmp_path: Path) -> None:
    said: list[str] = []
    program, ids = tmp_path / "console", [str(tmp_path / "ids")]

    def hear(line: str) -> None:
        said.append(line)
        if len(said) == 2:  # what was missing is there again
            program.write_text(f"#!{sys.executable}\n{WRITES_ITS_ID}")
            program.chmod(0o700)

    async def scene() -> None:
        command, clock = [str(program), *ids], FakeClock(auto_advance=True)
        running = asyncio.create_task(keep_running(command, clock, hear))
        await ids_in(tmp_path / "ids", 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())
    problem = "the console could not start (No such file or directory)"
    assert said[:2] == [
        f"{problem}; it starts again in 2 s",
        f"{problem}; it starts again in 4 s",
    ]


def test_the_console_ends_with_the_service(tmp_path: Path) -> None:
    async def scene() -> int:
        command = [sys.executable, "-c", WAITS, str(tmp_path / "ids")]
        running = asyncio.create_task(keep_running(command, FakeClock(), print))
        (number,) = await ids_in(tmp_path / "ids", 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return number

    assert not psutil.pid_exists(asyncio.run(scene()))
