"""A recorded wearable stays ahead of its camera, and no more than needed.

wearable  [0────1)[1────2)[2────3)      seconds
camera    0    .9     1.8       3.6
"""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np

from pipelines.live.recorded import in_time_order
from pipelines.live.subject import Item
from pipelines.records import Frame, ImuBatch, SourceStatus
from tests.fakes import colour_frames, play


def worn(first_s: int) -> ImuBatch:
    times_ns = np.arange(first_s * 10, first_s * 10 + 10) * 100_000_000
    values = np.zeros((10, 3), np.float32)
    return ImuBatch("wrist", times_ns.astype(np.int64), values, values.copy())


def told(item: Item) -> str:
    match item:
        case Frame():
            return f"frame {item.timestamp_ns / 1e9:g}"
        case ImuBatch():
            return f"worn {item.timestamps_ns[0] / 1e9:g}"
        case SourceStatus():
            return item.state


def test_each_frame_comes_after_the_samples_up_to_its_time() -> None:
    online = SourceStatus("cam", "camera", "online", 0, "playing", "presentation")
    frames = colour_frames("bed-4", "w..w", step_ns=600_000_000)
    frames += colour_frames("bed-4", "w", step_ns=600_000_000, first_tick=6)

    async def scene() -> list[str]:
        camera = play([online, *frames])
        wearable = play([worn(0), worn(1), worn(2)])
        return [told(item) async for item in in_time_order(camera, wearable)]

    assert asyncio.run(scene()) == [
        "online",
        *("worn 0", "frame 0"),
        *("worn 1", "frame 1.8"),
        *("worn 2", "frame 3.6"),
    ]


def test_both_recordings_are_closed_with_it() -> None:
    closed = list[str]()

    async def recording(name: str) -> AsyncGenerator[Item, None]:
        try:
            for frame in colour_frames(name, "ww"):
                yield frame if name == "camera" else worn(0)
        finally:
            closed.append(name)

    async def scene() -> None:
        both = in_time_order(recording("camera"), recording("wearable"))
        await anext(both)
        await both.aclose()
        assert closed == ["camera", "wearable"]

    asyncio.run(scene())
