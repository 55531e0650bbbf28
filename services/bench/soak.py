"""Growth of a service's memory and queues over hours.

All cameras go away and come back once in each round. A straight line is fitted to the
memory of each kind of process: to its means over the rounds after the warm-up.
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
from services.bench.processes import measure_processes
from services.bench.service import start_bench
from services.demo.rtsp_process import RtspServer

MOST_MB_PER_HOUR = 5.0
_SAMPLE_S = 5.0
_WARM_UP = 1 / 3
ROUND_S = 120.0
"""All cameras go away once in each round."""
_AWAY_S = 15.0


@dataclass(frozen=True, slots=True)
class Growth:
    """Change of the memory of one kind of process after the warm-up.

    ``mb_per_hour`` is the slope of the line, with its 95 % interval ``low`` to
    ``high``.
    """

    mb_per_hour: float
    low: float
    high: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Soak:
    """The result of the run.

    ``growth`` is by kind of process. Queues count messages and records that waited;
    ``outages`` are the times that the cameras went away.
    """

    minutes: float
    growth: Mapping[str, Growth]
    longest_queue: float
    last_queue: float
    windows: float
    outages: int

    @property
    def holds(self) -> bool:
        """Whether memory grows by less than the limit, and no queue is left."""
        slow = all(each.high < MOST_MB_PER_HOUR for each in self.growth.values())
        return slow and self.last_queue == 0


async def soak(
    folder: Path,
    videos: Sequence[Path],
    subjects: int,
    minutes: float,
    on_progress: Progress,
) -> Soak:
    """Run a service for some minutes and measure it.

    The cameras' videos are used in turn.
    """
    clock = SystemClock()
    samples: list[tuple[float, Mapping[str, float]]] = []
    queues: list[float] = []
    outages = 0
    async with start_bench(folder, videos, subjects, clock) as bench:
        await bench.set_cameras(subjects)
        before = await bench.counters.read()
        began_ns = clock.now_ns()
        outage = asyncio.create_task(asyncio.sleep(0))
        while (span_s := ns_to_seconds(clock.now_ns() - began_ns)) < 60 * minutes:
            usage = measure_processes(os.getpid())
            samples.append(
                (span_s, {kind: each.rss_mb for kind, each in usage.items()})
            )
            queues.append((await bench.counters.read())["queue"])
            if span_s > (outages + 1) * ROUND_S and outage.done():
                outage.result()
                outages += 1
                outage = asyncio.create_task(_stop_for_a_while(bench.server, clock))
            note = f"{outages} outages, {queues[-1]:.0f} wait"
            on_progress("minutes", int(span_s / 60), int(minutes), note)
            await clock.sleep_s(_SAMPLE_S)
        await outage
        windows = (await bench.counters.read())["windows"] - before["windows"]
    kinds = samples[-1][1].keys()
    growth = {
        kind: fit_growth([(at, each[kind]) for at, each in samples if kind in each])
        for kind in kinds
    }
    return Soak(minutes, growth, max(queues), queues[-1], windows, outages)


async def _stop_for_a_while(server: RtspServer, clock: Clock) -> None:
    """Take all cameras away for 15 s."""
    await asyncio.to_thread(server.stop)
    await clock.sleep_s(_AWAY_S)
    await asyncio.to_thread(server.start)


def fit_growth(samples: Sequence[tuple[float, float]]) -> Growth:
    """Fit a line to the means of the rounds after the warm-up.

    Samples are pairs of seconds since the start and MB.

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
    error = float(np.nan_to_num(line.stderr))  # NaN if the memory never changed
    reach = float(t.ppf(0.975, len(wanted) - 2)) * error
    slope = float(line.slope)
    return Growth(slope, slope - reach, slope + reach, float(sizes[-1]))
