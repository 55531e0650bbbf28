"""The console of a site as a child process, which is started again when it ends."""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pipelines.clock import Clock, seconds_to_ns

_AGAIN_S: Final = 2.0
_MOST_AGAIN_S: Final = 60.0
_LONG_S: Final = 60.0
"""Life after which an end counts as the first one again."""
_END_S: Final = 12.0


def console_command(config: Path) -> list[str]:
    """Return the command line of the console of a site's file."""
    return [sys.executable, "-m", "services", "console", str(config)]


async def keep_running(
    command: Sequence[str], clock: Clock, say: Callable[[str], None]
) -> None:
    """Run a command, and run it again when it ends, until cancelled.

    Pauses grow from 2 to 60 seconds while it ends soon after its start. When this is
    cancelled, the child is asked to end; it is killed when this is cancelled again, or
    if it takes too long.
    """
    pause_s = _AGAIN_S
    while True:
        began_ns = clock.now_ns()
        how = await _run_once(command)
        if clock.now_ns() - began_ns > seconds_to_ns(_LONG_S):
            pause_s = _AGAIN_S
        say(f"the console {how}; it starts again in {pause_s:g} s")
        await clock.sleep_s(pause_s)
        pause_s = min(2 * pause_s, _MOST_AGAIN_S)


async def _run_once(command: Sequence[str]) -> str:
    """Run a command to its end, and return how it ended."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            process_group=0,  # a terminal's Ctrl-C is for us, and we end the child
        )
    except OSError as err:  # such as no memory, or too many files
        return f"could not start ({err.strerror})"
    try:
        code = await child.wait()
    finally:
        await end_child(child)
    return f"ended with code {code}"


async def end_child(child: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and kill it if that takes too long."""
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), _END_S)
    finally:  # too late, or cancelled again: nothing of its own can be lost
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
