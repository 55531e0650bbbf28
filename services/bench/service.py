"""Throughput of the service relative to the bare encoder, and delay of its events.

Two shares of what the encoder alone does in this process: the service with pictures
from memory (``dispatch_share``: what Ray, batching and the chain cost), and with
cameras by RTSP at the largest load that it keeps up with (``encoder_share``).
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, final

import aiomqtt
import numpy as np
import ray

from models.recognizer import ClipRecognizer
from pipelines.clock import NS_PER_S, Clock, SystemClock, ns_to_seconds
from pipelines.live.inference import ReuseSettings
from pipelines.live.watch import Subject, Watch, WatchSettings
from pipelines.progress import Progress
from pipelines.recognition import ActionRecognizer
from pipelines.records import Frame, Prediction
from services.bench.counters import HubCounters
from services.bench.processes import Usage, measure_processes
from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from services.record_lines import read_event
from services.site.settings import Site
from services.supervisor.supervisor import Supervisor

_ROUNDS = 5
_FEEDERS, _SUBJECTS_EACH, _FRAMES_EACH = 2, 16, 24
_SITE = "bench"
_ALL_SEEN, _STEADY_S = 0.98, 0.25
"""What counts as all windows, and as no growth of their age.

In 24 s one window of each camera in 64 may fall on either side of the ends.
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What so many cameras come to.

    Attributes:
        subjects: How many.
        windows_per_s: Windows recognised a second.
        frames_per_s: Pictures encoded a second.
        waits_s: From the end of the window that decided an event to its receipt by
            MQTT: median, 95th and 99th percentile; None if nothing happened.
        age_growth_s: By how much later predictions came at the end than at first.
        dropped: Pictures that full buffers let go.
        cpu_cores: Of each kind of process, cores kept busy.
        rss_mb: The same of memory.
    """

    subjects: int
    windows_per_s: float
    frames_per_s: float
    waits_s: tuple[float, float, float] | None
    age_growth_s: float
    dropped: int
    cpu_cores: dict[str, float]
    rss_mb: dict[str, float]

    @property
    def keeps_up(self) -> bool:
        """Whether as many windows were recognised as came, and no queue grew."""
        due_per_s = self.subjects * NS_PER_S / WatchSettings().windows.step_ns
        all_seen = self.windows_per_s >= _ALL_SEEN * due_per_s
        return all_seen and self.dropped == 0 and self.age_growth_s < _STEADY_S


@dataclass(frozen=True, slots=True)
class ServiceCost:
    """The whole benchmark.

    Attributes:
        raw_frames_per_s: The encoder alone, in this process.
        dispatch_share: The service's frames a second over that, pictures from memory.
        encoder_share: The same at the largest load that keeps up, cameras by RTSP.
        loads: Each number of cameras.
    """

    raw_frames_per_s: float
    dispatch_share: float
    encoder_share: float
    loads: tuple[Load, ...] = field(default=())

    @property
    def best(self) -> Load:
        """The largest load that keeps up; the smallest if none does."""
        fit = [load for load in self.loads if load.keeps_up]
        return fit[-1] if fit else self.loads[0]


async def measure_service(
    recognizer: ClipRecognizer,
    folder: Path,
    videos: Sequence[Path],
    subjects: Sequence[int],
    seconds: float,
    on_progress: Progress,
) -> ServiceCost:
    """Measure both shares, the latter under every load.

    Args:
        recognizer: The encoder alone, for this process; of the shipped checkpoint.
        folder: For the service's own files.
        videos: What the cameras show, in turn.
        subjects: Numbers of cameras, rising.
        seconds: For how long each load is watched.
        on_progress: Called after every step.
    """
    clock = SystemClock()
    mounts = {f"bed-{i}": videos[i % len(videos)] for i in range(max(subjects))}
    with Broker() as broker, RtspServer(mounts, loop=True) as server:
        supervisor = Supervisor(site_of(broker, server, folder, 0), clock)
        try:
            state = await supervisor.start()
            raw, share = await _dispatch(recognizer, supervisor, clock, on_progress)
            bench = Bench(HubCounters(state.url, clock), broker, clock)
            loads = []
            for place, number in enumerate(subjects):
                await supervisor.apply(site_of(broker, server, folder, number))
                loads.append(await bench.watch(number, seconds))
                on_progress("loads", place + 1, len(subjects), f"{number} cameras")
                if not loads[-1].keeps_up:
                    break
        finally:
            await supervisor.stop()
    cost = ServiceCost(raw, share, 0.0, tuple(loads))
    return ServiceCost(raw, share, cost.best.frames_per_s / raw, cost.loads)


def site_of(broker: Broker, server: RtspServer, folder: Path, subjects: int) -> Site:
    """Configure a site of so many cameras."""
    return Site.model_validate(
        {
            "site": _SITE,
            "broker": {"port": broker.port},
            "hub": {"folder": str(folder / "data"), "port": 0, "canary_every_s": 60},
            "subjects": [
                {"id": f"bed-{i}", "camera": server.address(f"bed-{i}")}
                for i in range(subjects)
            ],
        }
    )


async def _dispatch(
    recognizer: ClipRecognizer,
    supervisor: Supervisor,
    clock: Clock,
    on_progress: Progress,
) -> tuple[float, float]:
    """Measure encoder and service in turns; return the former and the share."""
    size = recognizer.clip.image_size_px
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (_SUBJECTS_EACH, size, size, 3), dtype=np.uint8)
    feeder: Any = ray.remote(_Feeder)
    feeders = [
        feeder.options(num_cpus=0).remote(supervisor.recognizer, i)
        for i in range(_FEEDERS)
    ]
    await asyncio.gather(*(it.run.remote(2) for it in feeders))  # everything is loaded
    alone, served = [], []
    for done in range(_ROUNDS):
        began_ns = clock.now_ns()
        for _ in range(_FEEDERS * _FRAMES_EACH):
            recognizer.encode(pixels)
        frames = _FEEDERS * _SUBJECTS_EACH * _FRAMES_EACH
        alone.append(frames / ns_to_seconds(clock.now_ns() - began_ns))
        began_ns = clock.now_ns()
        counts = await asyncio.gather(*(it.run.remote(_FRAMES_EACH) for it in feeders))
        served.append(sum(counts) / ns_to_seconds(clock.now_ns() - began_ns))
        on_progress("dispatch", done + 1, _ROUNDS, f"{served[-1] / alone[-1]:.2f}")
    for it in feeders:
        ray.kill(it)
    shares = [theirs / ours for ours, theirs in zip(alone, served, strict=True)]
    return median(alone), median(shares)


class _Feeder:
    """A watcher's chain on pictures from memory, as fast as it goes."""

    def __init__(self, recognizer: ActionRecognizer, seed: int) -> None:
        self._recognizer = recognizer
        size = recognizer.info.image_size_px
        rng = np.random.default_rng(seed)
        self._pixels = rng.integers(0, 256, (8, size, size, 3), dtype=np.uint8)

    async def run(self, frames: int) -> int:
        """Watch so many frames of each subject; return how many were recognised."""
        settings = WatchSettings(reuse=ReuseSettings(difference_luma=0))
        subjects = [
            Subject(f"bed-{i}", self._camera(f"bed-{i}", frames, settings))
            for i in range(_SUBJECTS_EACH)
        ]
        chain = Watch(subjects, self._recognizer, SystemClock(), settings)
        seen = 0
        async for record in chain.records():
            seen += isinstance(record, Prediction)
        return seen

    async def _camera(
        self, name: str, frames: int, settings: WatchSettings
    ) -> AsyncGenerator[Frame, None]:
        step_ns = settings.windows.step_ns
        for tick in range(frames):
            yield Frame(name, tick * step_ns, tick, self._pixels[tick % 8])


@final
class Bench:
    """Watches a running service under load."""

    def __init__(self, counters: HubCounters, broker: Broker, clock: Clock) -> None:
        self._counters, self._broker, self._clock = counters, broker, clock

    async def watch(self, subjects: int, seconds: float) -> Load:
        """Let all cameras come, then watch for some seconds."""
        await self._counters.until_online(subjects)
        waits: list[float] = []
        listening = asyncio.create_task(self._listen(waits))
        before = await self._counters.at_report()
        processes = measure_processes(os.getpid())
        began_ns = self._clock.now_ns()
        marks = [before]
        for _ in range(3):
            await self._clock.sleep_s(seconds / 3)
            marks.append(await self._counters.at_report())
        span_s = ns_to_seconds(self._clock.now_ns() - began_ns)
        after, later = marks[-1], measure_processes(os.getpid())
        if listening.done():  # it hears for ever, unless it failed
            listening.result()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        ages = [_mean_age(*pair) for pair in pairwise(marks)]
        idle = Usage(0.0, 0.0)
        return Load(
            subjects=subjects,
            windows_per_s=(after["windows"] - before["windows"]) / span_s,
            frames_per_s=(after["frames"] - before["frames"]) / span_s,
            waits_s=_percentiles(waits),
            age_growth_s=ages[-1] - ages[0],
            dropped=round(after["dropped"] - before["dropped"]),
            cpu_cores={
                name: (usage.cpu_s - processes.get(name, idle).cpu_s) / span_s
                for name, usage in later.items()
            },
            rss_mb={name: usage.rss_mb for name, usage in later.items()},
        )

    async def _listen(self, waits: list[float]) -> None:
        async with aiomqtt.Client("127.0.0.1", self._broker.port) as client:
            await client.subscribe(f"wardwatch/{_SITE}/+/event", qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                event = read_event(json.loads(message.payload))
                wait_ns = self._clock.now_ns() - event.decided_ns
                waits.append(ns_to_seconds(wait_ns))


def _mean_age(before: dict[str, float], after: dict[str, float]) -> float:
    count = after["age_count"] - before["age_count"]
    return (after["age_sum"] - before["age_sum"]) / max(count, 1.0)


def _percentiles(waits: Sequence[float]) -> tuple[float, float, float] | None:
    if not waits:
        return None
    low, high, highest = np.quantile(waits, (0.5, 0.95, 0.99)).tolist()
    return low, high, highest


def cost_json(cost: ServiceCost) -> dict[str, Any]:
    """Return the benchmark as a JSON object; its figures are of the best load."""
    best = cost.best
    waits_s = best.waits_s or (None, None, None)
    return {
        "subjects": best.subjects,
        "windows_per_s": round(best.windows_per_s, 2),
        "latency_p50_s": waits_s[0],
        "latency_p95_s": waits_s[1],
        "latency_p99_s": waits_s[2],
        "raw_frames_per_s": round(cost.raw_frames_per_s, 1),
        "dispatch_share": round(cost.dispatch_share, 3),
        "encoder_share": round(cost.encoder_share, 3),
        "rss_mb": {name: round(value) for name, value in best.rss_mb.items()},
        "cpu_cores": {name: round(value, 3) for name, value in best.cpu_cores.items()},
        "loads": [
            {
                "subjects": load.subjects,
                "windows_per_s": round(load.windows_per_s, 2),
                "frames_per_s": round(load.frames_per_s, 2),
                "latency_s": load.waits_s,
                "age_growth_s": round(load.age_growth_s, 3),
                "dropped": load.dropped,
                "keeps_up": load.keeps_up,
            }
            for load in cost.loads
        ],
    }


def cost_rows(cost: ServiceCost) -> list[tuple[str, str]]:
    """Return the benchmark as rows of a table."""
    best = cost.best
    rows = [
        ("encoder alone", f"{cost.raw_frames_per_s:.0f} pictures/s"),
        ("dispatch_share, pictures from memory", f"{cost.dispatch_share:.2f}"),
        (
            "encoder_share, RTSP of 320x240 at 12 frames/s (H.264)",
            f"{cost.encoder_share:.2f}",
        ),
        ("largest load that keeps up", f"{best.subjects} cameras"),
    ]
    for load in cost.loads:
        waits = (
            "no event"
            if load.waits_s is None
            else " / ".join(f"{1000 * wait:.0f}" for wait in load.waits_s)
            + " ms p50 / p95 / p99 to MQTT"
        )
        held = "" if load.keeps_up else ", does not keep up"
        rows.append(
            (
                f"{load.subjects} cameras",
                f"{load.windows_per_s:.1f} windows/s, {waits}{held}",
            )
        )
    for name, rss_mb in best.rss_mb.items():
        cores = best.cpu_cores[name]
        rows.append((name, f"{100 * cores:.0f} % of a core, {rss_mb:.0f} MB"))
    return rows
