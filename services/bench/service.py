"""The service's throughput relative to the bare encoder, and its latency.

The encoder alone, in this process, is compared with the service on pictures from memory
(``dispatch_share``: the cost of Ray, batching and the chain), and with the service on
RTSP cameras at the largest load that it keeps up with (``encoder_share``).
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, final

import aiomqtt
import numpy as np
import ray

from models.recognizer import ClipRecognizer
from pipelines.clock import Clock, SystemClock, ns_to_seconds
from pipelines.live.inference import ReuseSettings
from pipelines.live.subject import Subject, WatchSettings
from pipelines.live.views import PictureView
from pipelines.live.watch import Watch
from pipelines.progress import Progress
from pipelines.recognition import ActionRecognizer
from pipelines.records import Frame, Prediction
from services.bench.counters import HubCounters
from services.bench.load import Load, growth_json, growth_rows
from services.bench.processes import Usage, measure_processes
from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from services.record_lines import read_event
from services.site.settings import Site, SubjectSettings
from services.supervisor.supervisor import Supervisor
from services.tasks import end_tasks

_ROUNDS = 5
_FEEDERS, _SUBJECTS_EACH, _FRAMES_EACH = 2, 16, 24
_SITE = "bench"
_SETTLE_S = 20.0
"""Time from new cameras to a measurement: an overload is noticed within a few seconds,
its watcher divided after ten, and the cameras that move are connected again."""


@dataclass(frozen=True, slots=True)
class ServiceCost:
    """The result of the benchmark.

    Attributes:
        raw_frames_per_s: Frames per second of the encoder alone, in this process.
        dispatch_share: Ratio of the service's frames per second to these, with pictures
            from memory.
        loads: The measurements, by rising number of cameras.
    """

    raw_frames_per_s: float
    dispatch_share: float
    loads: tuple[Load, ...]

    @property
    def encoder_share(self) -> float:
        """Ratio of the service's frames per second, with cameras by RTSP."""
        return self.best.frames_per_s / self.raw_frames_per_s

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
    *,
    all_loads: bool = False,
) -> ServiceCost:
    """Measure the dispatch share, then each load until one does not keep up.

    A load is a number of cameras; ``subjects`` rise, and each load is measured for
    ``seconds``. ``recognizer`` is the encoder alone, of the shipped checkpoint. With
    ``all_loads`` those beyond the first that does not keep up are measured as well.
    """
    clock = SystemClock()
    async with start_bench(folder, videos, max(subjects), clock) as bench:
        raw, share = await _dispatch(recognizer, bench.supervisor, clock, on_progress)
        loads = []
        for done, number in enumerate(subjects, start=1):
            loads.append(await bench.measure(number, seconds))
            on_progress("loads", done, len(subjects), f"{number} cameras")
            if not loads[-1].keeps_up and not all_loads:
                break
    return ServiceCost(raw, share, tuple(loads))


async def _dispatch(
    recognizer: ClipRecognizer,
    supervisor: Supervisor,
    clock: Clock,
    on_progress: Progress,
) -> tuple[float, float]:
    """Measure encoder and service in turns; return encoder frames/s and the ratio."""
    size = recognizer.clip.image_size_px
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (_SUBJECTS_EACH, size, size, 3), dtype=np.uint8)
    feeder: Any = ray.remote(_Feeder)
    feeders = [
        feeder.options(num_cpus=0).remote(supervisor.recognizer, i)
        for i in range(_FEEDERS)
    ]
    await asyncio.gather(*(each.run.remote(2) for each in feeders))  # loads everything
    alone, served = [], []
    for done in range(_ROUNDS):
        began_ns = clock.now_ns()
        for _ in range(_FEEDERS * _FRAMES_EACH):
            recognizer.encode(pixels)
        frames = _FEEDERS * _SUBJECTS_EACH * _FRAMES_EACH
        alone.append(frames / ns_to_seconds(clock.now_ns() - began_ns))
        began_ns = clock.now_ns()
        runs = (each.run.remote(_FRAMES_EACH) for each in feeders)
        counts = await asyncio.gather(*runs)
        served.append(sum(counts) / ns_to_seconds(clock.now_ns() - began_ns))
        on_progress("dispatch", done + 1, _ROUNDS, f"{served[-1] / alone[-1]:.2f}")
    for each in feeders:
        ray.kill(each)
    shares = [theirs / ours for ours, theirs in zip(alone, served, strict=True)]
    return median(alone), median(shares)


class _Feeder:
    """Runs a watcher's chain on pictures from memory, as fast as possible.

    The pictures are what the encoder is given: nobody is searched for in them.
    """

    def __init__(self, recognizer: ActionRecognizer, seed: int) -> None:
        self._recognizer = recognizer
        size = recognizer.info.image_size_px
        rng = np.random.default_rng(seed)
        self._pixels = rng.integers(0, 256, (8, size, size, 3), dtype=np.uint8)

    async def run(self, frames: int) -> int:
        """Watch this number of frames per subject; return the number of predictions."""
        settings = WatchSettings(reuse=ReuseSettings(difference_luma=0))
        subjects = [
            Subject(f"bed-{i}", self._camera(f"bed-{i}", frames, settings))
            for i in range(_SUBJECTS_EACH)
        ]
        chain = Watch(
            subjects, self._recognizer, SystemClock(), settings, view=PictureView()
        )
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
@dataclass(frozen=True, slots=True)
class Bench:
    """A service that runs for a benchmark, with its broker and cameras."""

    _broker: Broker
    server: RtspServer
    supervisor: Supervisor
    counters: HubCounters
    _clock: Clock

    async def set_cameras(self, subjects: int) -> None:
        """Let the service watch this number of cameras, and wait for their pictures."""
        cameras = [
            SubjectSettings.model_validate(
                {"id": f"bed-{i}", "camera": self.server.address(f"bed-{i}")}
            )
            for i in range(subjects)
        ]
        site = self.supervisor.site.model_copy(update={"subjects": tuple(cameras)})
        await self.supervisor.apply(site)
        await self.counters.until_online(subjects)

    async def measure(self, subjects: int, seconds: float) -> Load:
        """Measure the service with this number of cameras for some seconds."""
        await self.set_cameras(subjects)
        await self._clock.sleep_s(_SETTLE_S)
        waits: list[float] = []
        listening = asyncio.create_task(self._listen(waits))
        marks = [await self.counters.at_report()]
        usage_before = measure_processes(os.getpid())
        began_ns = self._clock.now_ns()
        for _ in range(3):
            await self._clock.sleep_s(seconds / 3)
            marks.append(await self.counters.at_report())
        span_s = ns_to_seconds(self._clock.now_ns() - began_ns)
        usage_after = measure_processes(os.getpid())
        if listening.done():  # only an error ends it
            listening.result()
        await end_tasks([listening])
        ages = [_mean_age(*pair) for pair in pairwise(marks)]
        counted = {name: marks[-1][name] - marks[0][name] for name in marks[0]}
        return Load(
            subjects=subjects,
            windows_per_s=counted["windows"] / span_s,
            frames_per_s=counted["frames"] / span_s,
            waits_s=_percentiles(waits),
            age_growth_s=ages[-1] - ages[0],
            dropped=round(counted["dropped"]),
            thinned=round(counted["thinned"]),
            used_ratio=marks[-1]["used"],
            cpu_cores={
                name: (usage.cpu_s - usage_before.get(name, Usage()).cpu_s) / span_s
                for name, usage in usage_after.items()
            },
            rss_mb={name: usage.rss_mb for name, usage in usage_after.items()},
        )

    async def _listen(self, waits: list[float]) -> None:
        """Collect the seconds from each event's decision to its receipt."""
        async with aiomqtt.Client("127.0.0.1", self._broker.port) as client:
            await client.subscribe(f"wardwatch/{_SITE}/+/event", qos=1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                event = read_event(json.loads(message.payload))
                wait_ns = self._clock.now_ns() - event.decided_ns
                waits.append(ns_to_seconds(wait_ns))


@asynccontextmanager
async def start_bench(
    folder: Path, videos: Sequence[Path], most_subjects: int, clock: Clock
) -> AsyncIterator[Bench]:
    """Start a broker, cameras and the service, which watches no camera yet."""
    mounts = {f"bed-{i}": videos[i % len(videos)] for i in range(most_subjects)}
    with Broker() as broker, RtspServer(mounts, loop=True) as server:
        site = Site.model_validate(
            {
                "site": _SITE,
                "broker": {"port": broker.port},
                "hub": {
                    "folder": str(folder / "data"),
                    "port": 0,
                    "canary_every_s": 60,
                },
            }
        )
        supervisor = Supervisor(site, clock)
        try:
            state = await supervisor.start()
            counters = HubCounters(state.url, clock)
            yield Bench(broker, server, supervisor, counters, clock)
        finally:
            await supervisor.stop()


def _mean_age(before: dict[str, float], after: dict[str, float]) -> float:
    count = after["age_count"] - before["age_count"]
    return (after["age_sum"] - before["age_sum"]) / max(count, 1.0)


def _percentiles(waits: Sequence[float]) -> tuple[float, float, float] | None:
    if not waits:
        return None
    low, high, highest = np.quantile(waits, (0.5, 0.95, 0.99)).tolist()
    return low, high, highest


def cost_json(cost: ServiceCost) -> dict[str, Any]:
    """Return the benchmark as a JSON object, with the figures of the best load."""
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
        **growth_json(cost.loads),
    }


def cost_rows(cost: ServiceCost) -> list[tuple[str, str]]:
    """Return the benchmark as rows of a table."""
    best = cost.best
    rows = [
        ("encoder alone", f"{cost.raw_frames_per_s:.0f} pictures/s"),
        ("dispatch_share, pictures from memory", f"{cost.dispatch_share:.2f}"),
        ("encoder_share, RTSP, H.264 of 320x240", f"{cost.encoder_share:.2f}"),
        (
            "largest load that keeps up",
            f"{best.subjects} cameras" if best.keeps_up else "none of those measured",
        ),
        *growth_rows(cost.loads),
    ]
    for name, rss_mb in best.rss_mb.items():
        cores = best.cpu_cores[name]
        rows.append((name, f"{100 * cores:.0f} % of a core, {rss_mb:.0f} MB"))
    return rows
