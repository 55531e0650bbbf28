"""Endurance: memory and queues of a service over hours.

Cameras come and go meanwhile, once in each round. A straight line through the memory of
each kind of process, its mean in each round after the warm-up, tells whether it grows.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import linregress, t

from pipelines.clock import Clock, SystemClock, ns_to_seconds
from pipelines.progress import Progress
from services.bench.counters import HubCounters
from services.bench.processes import measure_processes
from services.bench.service import site_of
from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from services.supervisor.supervisor import Supervisor

MOST_MB_PER_HOUR = 5.0
_SAMPLE_S = 5.0
_WARM_UP = 1 / 3
ROUND_S = 120.0
"""All cameras go away once in each."""
_AWAY_S = 15.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How the memory of a kind of process changes, after the warm-up.

    Attributes:
        mb_per_hour: Slope of the line.
        low: Lower end of its 95 % interval.
        high: Upper end.
        rss_mb: Memory at the end.
    """

    mb_per_hour: float
    low: float
    high: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Soak:
    """The whole run.

    Attributes:
        minutes: How long it took.
        growth: By kind of process.
        longest_queue: Most messages and records that waited at any time.
        last_queue: How many did at the end.
        windows: Windows recognised.
        outages: How often the cameras went away.
    """

    minutes: float
    growth: Mapping[str, Growth]
    longest_queue: float
    last_queue: float
    windows: float
    outages: int

    @property
    def holds(self) -> bool:
        """Whether no memory grows faster than is wanted, and no queue is left."""
        slow = all(it.high < MOST_MB_PER_HOUR for it in self.growth.values())
        return slow and self.last_queue == 0


async def soak(
    folder: Path,
    videos: Sequence[Path],
    subjects: int,
    minutes: float,
    on_progress: Progress,
) -> Soak:
    """Run a service for some minutes and measure it.

    Args:
        folder: For the service's own files.
        videos: What the cameras show, in turn.
        subjects: How many cameras.
        minutes: How long.
        on_progress: Called every minute.
    """
    clock = SystemClock()
    mounts = {f"bed-{i}": videos[i % len(videos)] for i in range(subjects)}
    with Broker() as broker, RtspServer(mounts, loop=True) as server:
        supervisor = Supervisor(site_of(broker, server, folder, subjects), clock)
        try:
            state = await supervisor.start()
            counters = HubCounters(state.url, clock)
            await counters.until_online(subjects)
            samples: list[tuple[float, Mapping[str, float]]] = []
            queues: list[float] = []
            began_ns, outages = clock.now_ns(), 0
            coming = asyncio.create_task(asyncio.sleep(0))
            before = await counters.read()
            while (span_s := ns_to_seconds(clock.now_ns() - began_ns)) < 60 * minutes:
                usage = measure_processes(os.getpid())
                samples.append((span_s, {k: v.rss_mb for k, v in usage.items()}))
                queues.append((await counters.read())["queue"])
                if span_s > (outages + 1) * ROUND_S and coming.done():
                    coming.result()
                    outages += 1
                    coming = asyncio.create_task(_go_and_come(server, clock))
                note = f"{outages} outages, {queues[-1]:.0f} wait"
                on_progress("minutes", int(span_s / 60), int(minutes), note)
                await clock.sleep_s(_SAMPLE_S)
            await coming
            windows = (await counters.read())["windows"] - before["windows"]
        finally:
            await supervisor.stop()
    kinds = samples[-1][1].keys()
    growth = {
        kind: fit_growth([(at, each[kind]) for at, each in samples if kind in each])
        for kind in kinds
    }
    return Soak(minutes, growth, max(queues), queues[-1], windows, outages)


async def _go_and_come(server: RtspServer, clock: Clock) -> None:
    """Let every camera go away for a while."""
    await asyncio.to_thread(server.stop)
    await clock.sleep_s(_AWAY_S)
    await asyncio.to_thread(server.start)


def fit_growth(samples: Sequence[tuple[float, float]]) -> Growth:
    """Lay a line through the means of rounds after the warm-up.

    Args:
        samples: Seconds since the start, and MB.

    Raises:
        ValueError: If there are fewer than three rounds after the warm-up.
    """
    times, sizes = (np.array(column) for column in zip(*samples, strict=True))
    first_s = _WARM_UP * times[-1]
    blocks = ((times - first_s) // ROUND_S).astype(int)
    wanted = [block for block in range(blocks.max() + 1) if (blocks == block).any()]
    if len(wanted) < 3:
        msg = f"{len(wanted)} rounds after the warm-up, expected three or more"
        raise ValueError(msg)
    hours = np.array([times[blocks == block].mean() for block in wanted]) / 3600
    means = np.array([sizes[blocks == block].mean() for block in wanted])
    line = linregress(hours, means)
    error = float(np.nan_to_num(line.stderr))  # of what never moved it is no number
    reach = float(t.ppf(0.975, len(wanted) - 2)) * error
    slope = float(line.slope)
    return Growth(slope, slope - reach, slope + reach, float(sizes[-1]))
