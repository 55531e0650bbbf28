"""A real hub in a process that is killed, and the other end of the pipe to it.

It gets reports by the pipe and answers with their numbers once they are accepted. There
is no recognition, which the hub reports as a trouble and nothing more.
"""

import asyncio
import logging
import multiprocessing
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import final

import numpy as np

from pipelines.clock import Clock, SystemClock
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import FALL, Clip
from services.bench.crash.leaping_clock import LeapingClock, Leapt
from services.bench.crash.steps import ACKNOWLEDGED, Killer
from services.bench.crash.ward import SUBJECTS
from services.hub.hub import Hub
from services.hub.reports import Report
from services.site.settings import Site

_PIPE_S = 30.0
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
    pipe: Connection,
    site: Site,
    killer: Killer,
    subjects: Sequence[str],
    leapt: Leapt | None,
) -> None:
    """Run the hub until the process is killed or the pipe is closed."""
    logging.disable(logging.CRITICAL)
    killer.watch_databases()
    clock = SystemClock() if leapt is None else LeapingClock(leapt)
    asyncio.run(_serve(pipe, site, killer, subjects, clock))


async def _serve(
    pipe: Connection, site: Site, killer: Killer, subjects: Sequence[str], clock: Clock
) -> None:
    hub = Hub(site, _NoRecognition(), clock=clock)
    await hub.expect({name: ["camera"] for name in subjects})
    pipe.send(READY)
    with suppress(EOFError, BrokenPipeError):  # the other end was closed
        while True:
            number, report = await asyncio.to_thread(_receive, pipe)
            await hub.accept(report)
            killer.reach(ACKNOWLEDGED)
            pipe.send(number)
    await hub.stop()


def _receive(pipe: Connection) -> tuple[int, Report]:
    received: tuple[int, Report] = pipe.recv()
    return received


@final
class KillableHub:
    """A hub in a process of its own, and the pipe to it.

    Args:
        site: Its site.
        killer: Kills the process at a step.
        subjects: The subjects that the hub expects.
        leapt: How far its clock is ahead; None for the system's clock.
    """

    def __init__(
        self,
        site: Site,
        killer: Killer,
        subjects: Sequence[str] = SUBJECTS,
        leapt: Leapt | None = None,
    ) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["services.bench.crash.hub"])
        self._pipe, far_end = context.Pipe()
        arguments = far_end, site, killer, subjects, leapt
        self._process: BaseProcess = context.Process(target=run_hub, args=arguments)
        self._process.start()
        far_end.close()

    async def send(self, number: int, report: Report) -> bool:
        """Return whether the hub has accepted a report; False if it is dead."""
        with suppress(OSError):
            self._pipe.send((number, report))
            while (answer := await self._answer()) is not None:
                if answer == number:
                    return True
        return False

    async def is_ready(self) -> bool:
        """Return whether the hub has started; False if it is dead."""
        return await self._answer() == READY

    def strike(self) -> None:
        """Kill the process, as a power cut would, without waiting for its end."""
        if self._process.is_alive():
            self._process.kill()

    async def _answer(self) -> int | None:
        return await asyncio.to_thread(_read, self._pipe)

    def kill(self) -> None:
        """Kill the process if it is alive, and wait for its end."""
        self.strike()
        self._process.join()
        self._pipe.close()

    def close(self) -> None:
        """Let the hub end by itself, and wait for it."""
        self._pipe.close()
        self._process.join(_PIPE_S)
        self.strike()


def _read(pipe: Connection) -> int | None:
    with suppress(EOFError, OSError):
        if pipe.poll(_PIPE_S):
            answer: int = pipe.recv()
            return answer
    return None
