"""Play an IMU file to an MQTT topic in real time, as a wearable would send it.

``python -m services.demo.imu_publisher x.wrist.imu.csv mqtt://host/topic``
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated

import aiomqtt
import numpy as np
import typer

from pipelines.clock import NS_PER_S, Clock, SystemClock, ns_to_seconds
from pipelines.errors import PipelineError
from pipelines.sources.backoff import Backoff
from pipelines.sources.mqtt import quiet_logger, reconnecting
from pipelines.sources.wearable.address import MqttAddress
from pipelines.sources.wearable.payload import encode_imu_payload
from pipelines.sources.wearable.raw_batch import (
    LEAST_RATE_HZ,
    MOST_RATE_HZ,
    RawImuBatch,
)
from pipelines.sources.wearable.replay import read_imu_csv

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 5.0
_ANSWER_S = 2.0
_UNEVEN_RATIO = 1.5
"""A step this much longer than the usual one begins a new message."""


@dataclass(frozen=True, slots=True)
class _Message:
    due_ns: int
    payload: bytes


async def publish_imu(
    path: Path | str,
    address: str,
    *,
    clock: Clock,
    origin_ns: int | None = None,
    batch_samples: int = 10,
    random: Random | None = None,
) -> None:
    """Publish a file's samples, each message when its last sample is due.

    While the broker is gone, messages are kept and connecting is tried again. They then
    arrive late, as from a wearable with a memory.

    Presentation time 0 is ``origin_ns``, or now.

    Raises:
        PipelineError: If the file or the address is malformed.
        ValueError: If ``batch_samples`` is not positive.
    """
    target = MqttAddress.parse(address)
    if batch_samples < 1:
        msg = f"batch_samples must be positive, got {batch_samples}"
        raise ValueError(msg)
    recorded = read_imu_csv(path)
    began_ns = clock.now_ns() if origin_ns is None else origin_ns
    waiting = deque(_messages(recorded, began_ns, batch_samples))
    backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, random or Random())

    async def publish_waiting() -> None:
        async with aiomqtt.Client(
            target.host,
            target.port,
            username=target.user,
            password=target.password,
            logger=quiet_logger,
            timeout=_ANSWER_S,
        ) as client:
            backoff.reset()
            await _publish_all(client, target.topic, waiting, clock)

    def pause_s(error: Exception) -> float:
        logger.warning("no connection to %s: %s", target, error)
        return backoff.next_s()

    await reconnecting(publish_waiting, clock, pause_s)


async def _publish_all(
    client: aiomqtt.Client, topic: str, waiting: deque[_Message], clock: Clock
) -> None:
    while waiting:
        wait_ns = waiting[0].due_ns - clock.now_ns()
        if wait_ns > 0:
            await clock.sleep_s(ns_to_seconds(wait_ns))
        await client.publish(topic, waiting[0].payload, qos=1)
        waiting.popleft()


def _messages(
    recorded: RawImuBatch, began_ns: int, batch_samples: int
) -> Iterator[_Message]:
    times_ns = recorded.device_ns
    steps_ns = np.diff(times_ns)
    usual_ns = float(np.median(steps_ns)) if len(steps_ns) else NS_PER_S / LEAST_RATE_HZ
    breaks = np.flatnonzero(steps_ns > _UNEVEN_RATIO * usual_ns) + 1
    for run in np.split(np.arange(len(times_ns)), breaks):
        for first in range(0, len(run), batch_samples):
            chosen = run[first : first + batch_samples]
            part = recorded.take(chosen)
            span_ns = int(part.device_ns[-1] - part.device_ns[0])
            step_ns = span_ns / (len(chosen) - 1) if len(chosen) > 1 else usual_ns
            rate_hz = min(max(NS_PER_S / step_ns, LEAST_RATE_HZ), MOST_RATE_HZ)
            payload = encode_imu_payload(
                began_ns + int(part.device_ns[0]),
                rate_hz,
                part.accel_mps2,
                part.gyro_radps,
            )
            yield _Message(began_ns + int(part.device_ns[-1]), payload)


def _main(
    path: Annotated[Path, typer.Argument(help="The IMU file.")],
    address: Annotated[str, typer.Argument(help="mqtt://[user:password@]host/topic")],
    batch_samples: Annotated[
        int, typer.Option(min=1, help="Number of samples in a message.")
    ] = 10,
) -> None:
    """Play an IMU file to an MQTT topic in real time."""
    try:
        asyncio.run(
            publish_imu(path, address, clock=SystemClock(), batch_samples=batch_samples)
        )
    except PipelineError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(_main)
