"""A live camera and a wearable that sends every five seconds, on real processes."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate
from services.demo.broker import Broker
from services.demo.imu_publisher import publish_imu
from services.demo.rtsp_process import RtspServer

pytestmark = [pytest.mark.gst, pytest.mark.slow, pytest.mark.timeout(400)]

ROOM = RecordingPlan(Stream.FOOTAGE, 7, 3, 36.0)
"""Somebody falls out of bed at 6.7 s, and lies from 7.3 s to 14 s."""
FIRST_S, PERIOD_S, SILENT_S, END_S = 2.5, 5.0, 22.5, 35.0
"""Batches arrive at 7.5, 12.5, 17.5 and 22.5 s: none when the camera sees the fall."""
CEILING_S = 6.0
PATIENCE_S = 60.0
LATE_S = 1.5
"""What a busy machine may add."""


@dataclass(slots=True)
class Watched:
    """Output of one ``wardwatch watch --json``, with the time of each line."""

    zero_ns: int = 0
    lines: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def since_zero_s(self, at: str) -> float:
        return datetime.fromisoformat(at).timestamp() - self.zero_ns / NS_PER_S

    def windows(self, first_s: float, last_s: float) -> list[tuple[float, str]]:
        """Return the age and the modality of the windows that ended in a span."""
        ends = [
            (told_s, self.since_zero_s(line["end_at"]), line["modality"])
            for told_s, line in self.lines
            if line["type"] == "prediction"
        ]
        return [
            (told_s - self.zero_ns / NS_PER_S - end_s, modality)
            for told_s, end_s, modality in ends
            if first_s <= end_s <= last_s
        ]

    def falls(self) -> list[tuple[float, str, str]]:
        """Return the time, state and id of each event of a fall."""
        return [
            (told_s - self.zero_ns / NS_PER_S, line["state"], line["event_id"])
            for told_s, line in self.lines
            if line["type"] == "event" and line["name"] == "fall"
        ]


@asynccontextmanager
async def watching(clock: SystemClock, *arguments: str) -> AsyncIterator[Watched]:
    """Watch until it is left, and then interrupt."""
    watched = Watched()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", "watch", *arguments, "--json"),
        stdout=asyncio.subprocess.PIPE,
    )

    async def read() -> None:
        assert process.stdout is not None
        while text := await process.stdout.readline():
            watched.lines.append((clock.now_ns() / NS_PER_S, json.loads(text)))

    reading = asyncio.create_task(read())
    try:
        yield watched
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading


def later_samples(path: Path) -> Path:
    """Leave out what the wearable felt before ``FIRST_S``."""
    header, *rows = path.read_text().splitlines()
    kept = [row for row in rows if float(row.split(",")[0]) >= FIRST_S]
    later = path.with_name("later.imu.csv")
    later.write_text("\n".join([header, *kept]))
    return later


def test_answers_wait_for_the_wearable_falls_do_not_and_silence_costs_one_wait(
    tmp_path: Path,
) -> None:
    simulate(tmp_path, [ROOM])
    video = tmp_path / ROOM.name
    samples = later_samples(video.with_suffix(".waist.imu.csv"))
    clock = SystemClock()

    async def scene(broker: Broker, server: RtspServer) -> tuple[Watched, Watched]:
        topic = broker.address("ward/imu/waist")
        wait = ("--wearable-wait", str(CEILING_S))
        async with (
            watching(clock, server.address("worn"), "--imu", topic, *wait) as worn,
            watching(clock, server.address("alone")) as alone,
        ):
            by_mount = {"worn": worn, "alone": alone}
            for _ in by_mount:
                start = await asyncio.to_thread(server.wait_for_start, PATIENCE_S)
                by_mount[start.mount].zero_ns = start.zero_ns
            batch = round(PERIOD_S * 50)
            publishing = asyncio.create_task(
                publish_imu(
                    samples,
                    topic,
                    clock=clock,
                    origin_ns=worn.zero_ns,
                    batch_samples=batch,
                )
            )
            await sleep_until(clock, worn, SILENT_S + 1.0)
            publishing.cancel()
            await sleep_until(clock, worn, END_S)
        return worn, alone

    with Broker() as broker:
        mounts = {"worn": video, "alone": video}
        with RtspServer(mounts) as server:
            worn, alone = asyncio.run(scene(broker, server))

    # It began so late after the camera that one wait for its first batch ran out.
    modalities = [it for _, it in worn.windows(FIRST_S + PERIOD_S, SILENT_S)]
    assert modalities.count("fused") >= 0.95 * len(modalities) > 30

    (alone_s, *_), (worn_s, *_) = alone.falls()[0], worn.falls()[0]
    assert worn_s <= alone_s + LATE_S
    assert worn_s < FIRST_S + 2 * PERIOD_S  # before the samples of it came
    states = [(state, event_id) for _, state, event_id in worn.falls()]
    ids = [event_id for _, event_id in states[::2]]
    assert (
        states == [(it, i) for i in ids for it in ("started", "ended")][: len(states)]
    )
    assert len(set(ids)) == len(ids)

    silent = worn.windows(SILENT_S + 0.5, END_S)
    assert {modality for _, modality in silent} == {"video"}
    assert max(age_s for age_s, _ in silent) <= CEILING_S + LATE_S
    later = worn.windows(SILENT_S + 0.5 + CEILING_S, END_S)
    assert len(later) > 5
    assert max(age_s for age_s, _ in later) <= LATE_S


async def sleep_until(clock: SystemClock, watched: Watched, played_s: float) -> None:
    """Let the camera play: nothing else happens when a wearable is silent."""
    played_ns = clock.now_ns() - watched.zero_ns
    await clock.sleep_s(max(0.0, played_s - played_ns / NS_PER_S))
