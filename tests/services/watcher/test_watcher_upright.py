"""A watcher keeps which way is up for a wearable."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import final

import aiomqtt
import numpy as np
import pytest

from pipelines.clock import SystemClock, ns_to_seconds
from pipelines.live.subject import WatchSettings
from pipelines.records import ActionEvent
from pipelines.sources.camera.framing import PAD
from services.clips.sealed import SealedClip
from services.demo.broker import Broker
from services.hub.reports import Report
from services.watcher.watched import WatchedSubject
from services.watcher.watcher import Watcher
from tests.fakes import EvenRecognizer

WALK_S, RATE_HZ = 60, 50
WITHIN_S = 20.0


@final
class CountingHub:
    """A hub that waits for predicted windows."""

    def __init__(self) -> None:
        self.recognised = asyncio.Event()

    async def accept(self, report: Report) -> None:
        if any(state.predicted_ns for state in report.subjects.values()):
            self.recognised.set()

    async def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        del subject_ids
        return []

    async def keep_clip(self, clip: SealedClip) -> bool:
        raise NotImplementedError


def walking() -> str:
    """A message of somebody who walks with the sensor's y axis up."""
    count = WALK_S * RATE_HZ
    now_s = ns_to_seconds(SystemClock().now_ns())
    moving = 2 * np.random.default_rng(1).normal(size=count)
    accel = np.stack((np.zeros(count), 9.8 + moving, np.zeros(count)), axis=1)
    facts = {
        "v": 1,
        "t_s": now_s - WALK_S,
        "rate_hz": RATE_HZ,
        "accel_mps2": accel.round(3).tolist(),
    }
    return json.dumps(facts)


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["dropped", "stopped"])
def test_the_orientation_of_a_wearable_is_saved(ends: str, tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        hub = CountingHub()
        given = WatchSettings(), EvenRecognizer(), hub, tmp_path
        watcher = Watcher("watcher-0", *given)
        topic = broker.address("ward/imu/waist")
        host, _, port = topic.removeprefix("mqtt://").split("/")[0].partition(":")
        await watcher.change([WatchedSubject("bed-4", None, topic, PAD)])
        try:
            async with aiomqtt.Client(host, int(port)) as client:
                async with asyncio.timeout(WITHIN_S):
                    while not hub.recognised.is_set():
                        await client.publish("ward/imu/waist", walking(), qos=1)
            if ends == "dropped":
                await watcher.change(drop=["bed-4"])
        finally:
            await watcher.stop()

    with Broker() as broker:
        asyncio.run(scene(broker))
    kept = json.loads((tmp_path / "upright" / "bed-4.json").read_text())["learnt"]
    assert kept["weight"] > 6
    assert kept["y"] / kept["weight"] > 0.99
