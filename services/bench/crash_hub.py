"""A real hub in a process that the crash test kills.

It gets reports by a pipe and answers with their numbers once they are accepted. There
is no recognition, which the hub reports as a trouble and nothing more.
"""

import asyncio
import logging
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import final

import numpy as np

from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import FALL, Clip
from services.hub.hub import Hub
from services.hub.reports import Report
from services.site.settings import Site

READY = 0
"""Answer of a hub that has started; reports have numbers from 1."""


@final
class _NoRecognition:
    """Answers nothing."""

    info = RecognizerInfo("none", "none", ("falling",), {"falling": FALL}, 8)

    async def encode(self, frames: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        raise NotImplementedError


def run_hub(
    pipe: Connection, site: Site, subjects: Sequence[str], folder: Path
) -> None:
    """Run the hub until the process is killed or the pipe is closed."""
    logging.disable(logging.CRITICAL)
    asyncio.run(_serve(pipe, site, subjects, folder))


async def _serve(
    pipe: Connection, site: Site, subjects: Sequence[str], folder: Path
) -> None:
    hub = Hub(site, _NoRecognition(), folder)
    await hub.expect({name: ["camera"] for name in subjects})
    pipe.send(READY)
    while True:
        try:
            number, report = await asyncio.to_thread(_receive, pipe)
        except EOFError:
            break
        await hub.accept(report)
        pipe.send(number)
    await hub.stop()


def _receive(pipe: Connection) -> tuple[int, Report]:
    received: tuple[int, Report] = pipe.recv()
    return received
