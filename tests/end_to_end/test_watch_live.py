"""``wardwatch watch`` on a real camera and a real broker, until Ctrl-C."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.demo.broker import Broker
from services.demo.rtsp_process import RtspServer
from tests.camera_rig import write_numbered
from tests.tiny_checkpoint import save_tiny_checkpoint

pytestmark = [pytest.mark.gst, pytest.mark.slow, pytest.mark.timeout(240)]

WITHIN_S = 200.0
PICTURES = 60
IMU_RATE_HZ = 50

ONE_EVENT = """\
version: 1
name: anything
templates: ["{}"]
labels:
  somebody: {texts: [a person], event: anything}
  nobody: {texts: [an empty room], event: anything}
"""
"""The labels of one event have all the probability: it starts with any model."""

Line = dict[str, Any]


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def facts_in(line: Line) -> set[str]:
    """What a line adds to what is waited for."""
    if line["type"] == "status":
        return {f"{line['source']} {line['state']}"}
    return {line["type"]}


async def watch_until(wanted: set[str], *arguments: str) -> tuple[list[Line], int]:
    """Watch until everything wanted was said, then interrupt; lines and exit code."""
    lines: list[Line] = []
    async with running("services", "watch", *arguments, "--json") as process:
        assert process.stdout is not None
        seen: set[str] = set()
        while not wanted <= seen:
            text = await process.stdout.readline()
            assert text, f"it ended by itself, having said {seen}"
            lines.append(json.loads(text))
            seen |= facts_in(lines[-1])
        process.send_signal(signal.SIGINT)
        rest = await process.stdout.read()
        lines += [json.loads(text) for text in rest.splitlines()]
        return lines, await process.wait()


def write_still_wearable(path: Path, seconds: int) -> Path:
    header = "t_s,ax_mps2,ay_mps2,az_mps2,gx_radps,gy_radps,gz_radps"
    rows = [f"{i / IMU_RATE_HZ},0,0,9.81,0,0,0" for i in range(seconds * IMU_RATE_HZ)]
    path.write_text("\n".join([header, *rows]))
    return path


def test_a_live_camera_and_its_wearable_are_watched_until_ctrl_c(
    tmp_path: Path,
) -> None:
    video = write_numbered(tmp_path / "ward.mp4", PICTURES)
    samples = write_still_wearable(tmp_path / "ward.wrist.imu.csv", seconds=120)
    prompts = tmp_path / "anything.yaml"
    prompts.write_text(ONE_EVENT)
    checkpoint = save_tiny_checkpoint(tmp_path / "tiny-clip")
    wanted = {"prediction", "event", "subject online", "wearable online"}

    async def watch(camera: str, topic: str) -> tuple[list[Line], int]:
        chosen = ("--model", str(checkpoint), "--prompts", str(prompts))
        async with running("services.demo.imu_publisher", str(samples), topic):
            watching = watch_until(wanted, camera, "--imu", topic, *chosen)
            return await asyncio.wait_for(watching, WITHIN_S)

    with Broker() as broker, RtspServer({"ward": video}, loop=True) as server:
        topic = broker.address("ward/imu/wrist")
        lines, code = asyncio.run(watch(server.address("ward"), topic))

    assert code == 0
    names = {name for line in lines for name in line if name.endswith(("_at", "_s"))}
    names -= {"learning_left_s"}  # a span, not a time
    assert names == {"start_at", "end_at", "decided_at", "since_at"}
    times = [line[name] for line in lines for name in names if line.get(name)]
    assert [time for time in times if not time.endswith("+00:00")] == []
