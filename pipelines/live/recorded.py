"""Merging of a recorded camera and a recorded wearable in order of time."""

from collections.abc import AsyncGenerator, AsyncIterable

from pipelines.live.subject import Item
from pipelines.records import Frame, ImuBatch


async def in_time_order(
    camera: AsyncIterable[Item], wearable: AsyncIterable[Item]
) -> AsyncGenerator[Item, None]:
    """Yield each frame after the wearable's samples up to the frame's time.

    The stream ends with the camera; async generators are closed. Use it for recordings
    only: a live camera must not wait for a silent wearable.
    """
    frames, batches = aiter(camera), aiter(wearable)
    reached_ns = -1
    try:
        async for item in frames:
            while isinstance(item, Frame) and reached_ns < item.timestamp_ns:
                worn = await anext(batches, None)
                if worn is None:
                    break
                if isinstance(worn, ImuBatch) and len(worn.timestamps_ns):
                    reached_ns = int(worn.timestamps_ns[-1])
                yield worn
            yield item
    finally:
        for iterator in (frames, batches):
            if isinstance(iterator, AsyncGenerator):
                await iterator.aclose()
