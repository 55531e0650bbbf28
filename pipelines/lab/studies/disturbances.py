"""What goes wrong with a recording's camera or wearable, put on while it is watched.

masked    the left half of every picture is black
silent    the wearable sends nothing after the first seconds
table     the wearable lies on a table all the time
other     the wearable is worn by the person of another recording
"""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from pipelines.clock import seconds_to_ns
from pipelines.lab.data.footage import Recording
from pipelines.live.subject import Item
from pipelines.records import Frame, ImuBatch

Disturbance = Literal["masked", "silent", "table", "other"]

_SENDS_S = 2.0
_DOWN_MPS2 = (2.4, 9.4, 1.5)  # a device lies at any angle
_NOISE_MPS2, _NOISE_RADPS = 0.01, 0.002


def disturbed(
    items: AsyncIterable[Item], disturbance: Disturbance | None
) -> AsyncIterable[Item]:
    """Return the items of a camera or a wearable as the disturbance leaves them."""
    return items if disturbance is None else _disturbed(items, disturbance)


async def _disturbed(
    items: AsyncIterable[Item], disturbance: Disturbance
) -> AsyncGenerator[Item, None]:
    rng = np.random.default_rng(1)
    try:
        async for item in items:
            match item:
                case Frame() if disturbance == "masked":
                    yield _half_black(item)
                case ImuBatch() if disturbance == "silent":
                    if item.timestamps_ns[0] < seconds_to_ns(_SENDS_S):
                        yield item
                case ImuBatch() if disturbance == "table":
                    yield _at_rest(item, rng)
                case _:
                    yield item
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def swap_wearables(recordings: Sequence[Recording]) -> list[Recording]:
    """Return each recording with the wearables of the next one."""
    others = [*recordings[1:], *recordings[:1]]
    return [
        replace(recording, imu=other.imu)
        for recording, other in zip(recordings, others, strict=True)
    ]


def _half_black(frame: Frame) -> Frame:
    pixels = frame.pixels.copy()
    pixels[:, : pixels.shape[1] // 2] = 0
    return replace(frame, pixels=pixels)


def _at_rest(batch: ImuBatch, rng: np.random.Generator) -> ImuBatch:
    shape = batch.accel_mps2.shape
    accel = rng.normal(_DOWN_MPS2, _NOISE_MPS2, shape).astype(np.float32)
    gyro = rng.normal(0, _NOISE_RADPS, shape).astype(np.float32)
    return replace(batch, accel_mps2=accel, gyro_radps=gyro)
