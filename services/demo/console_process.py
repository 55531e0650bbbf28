"""The console of the demonstration: a process of its own, as beside a real site."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from pipelines.errors import PipelineError
from services.site.settings import Site
from services.site_console import console_command, end_child
from services.tasks import end_tasks

_START_S = 60.0
_READY = "the console is at"


@asynccontextmanager
async def running_console(site: Site, folder: Path) -> AsyncIterator[str]:
    """Run the console of a site whose hub runs; give its address and first login.

    Args:
        site: The site, with a section for its console.
        folder: Folder for the site's file.

    Raises:
        PipelineError: If it does not start.
    """
    config = folder / "site.yaml"
    config.write_text(yaml.safe_dump(site.model_dump(mode="json", exclude_unset=True)))
    child = await asyncio.create_subprocess_exec(
        *console_command(config), stderr=PIPE, process_group=0
    )
    try:
        said = await asyncio.wait_for(_until_ready(child), _START_S)
        passing = asyncio.create_task(_pass_on(child), name="console's messages")
        try:
            yield said
        finally:
            await end_tasks([passing])
    finally:
        await end_child(child)


async def _until_ready(child: Process) -> str:
    """Return what the console says until it serves, as one line."""
    said: list[str] = []
    async for line in _lines(child):
        said.append(line)
        if _READY in line:
            return "; ".join(said)
    msg = f"the console has not started: {'; '.join(said)}"
    raise PipelineError(msg)


async def _pass_on(child: Process) -> None:
    async for line in _lines(child):
        print(line, file=sys.stderr)  # noqa: T201  as if it were its own terminal


async def _lines(child: Process) -> AsyncIterator[str]:
    if child.stderr is not None:
        async for line in child.stderr:
            yield line.decode(errors="replace").strip().removeprefix("wardwatch: ")
