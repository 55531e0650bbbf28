"""Videos that tell which picture is which, and cameras read with a deadline."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.records import Frame, SourceStatus
from pipelines.sources.camera.source import CameraLimits, CameraSource
from pipelines.sources.gstreamer.core import (
    Gst,
    element,
    make_pipeline,
    pixels_to_buffer,
    rgb_caps,
)
from pipelines.sources.gstreamer.video_writer import VideoFileWriter

Result = TypeVar("Result")
Item = Frame | SourceStatus

RATE_HZ = Fraction(12)
STEP_NS = 250_000_000
SIDE_PX = 32

HASTY = CameraLimits(
    connect_within_s=2.0,
    stalled_after_s=0.8,
    frozen_after_s=1.0,
    retry_first_s=0.05,
    retry_longest_s=0.2,
    healthy_after_s=1.0,
)


def run(task: Coroutine[Any, Any, Result], within_s: float = 30.0) -> Result:
    """Run to the end, or fail at the deadline."""

    async def with_deadline() -> Result:
        return await asyncio.wait_for(task, within_s)

    return asyncio.run(with_deadline())


def numbered(n: int, width_px: int = 64, height_px: int = 48) -> np.ndarray:
    """A picture that tells its number, 0 to 99: tens above, units below, in greys."""
    picture = np.full((height_px, width_px, 3), 30 + 20 * (n // 10), np.uint8)
    picture[height_px // 2 :] = 30 + 20 * (n % 10)
    return picture


def number_of(frame: Frame) -> int:
    """The number of a picture of ``numbered``, whole and padded to a square."""
    side = frame.pixels.shape[0]
    tens, units = (
        round((float(frame.pixels[row, side // 3 : side // 2].mean()) - 30) / 20)
        for row in (side // 3, side - side // 3)
    )
    return 10 * tens + units


def write_numbered(path: Path, count: int) -> Path:
    """A file of pictures 0 to count - 1 at 12 Hz."""
    with VideoFileWriter(path, 64, 48, RATE_HZ) as video:
        for n in range(count):
            video.write(numbered(n))
    return path


def write_timed(
    path: Path,
    pictures: Iterable[tuple[int, np.ndarray]],
    *,
    sound_s: int = 0,
    codec: str = "h264",
) -> Path:
    """Write pictures of any sizes at given times in ns, as .mkv, .mp4 or .ts.

    A key frame comes every twelve pictures. With sound, which begins at 0, a late first
    picture is late in the file as well.
    """
    muxers = {".mkv": "matroskamux", ".mp4": "mp4mux", ".ts": "mpegtsmux"}
    description = (
        "appsrc name=in format=time ! videoconvert ! video/x-raw,format=I420"
        f" ! {codec.replace('h', 'x')}enc speed-preset=ultrafast tune=zerolatency"
        f" key-int-max=12 ! {codec}parse ! queue ! {muxers[path.suffix]} name=mux"
        " ! filesink name=out"
    )
    if sound_s:
        description += (
            f" audiotestsrc samplesperbuffer=4410 num-buffers={10 * sound_s}"
            " ! audio/x-raw,rate=44100 ! avenc_aac ! queue ! mux."
        )
    pipeline = make_pipeline(description)
    element(pipeline, "out").set_property("location", str(path))
    source = element(pipeline, "in")
    pipeline.set_state(Gst.State.PLAYING)
    given = list(pictures)
    rate_hz = Fraction(0) if codec == "h264" else RATE_HZ  # x265 needs one
    if path.suffix == ".mp4":
        # There a picture lasts until the next; the last one for no time at all.
        given.append((given[-1][0] + NS_PER_S // 100, given[-1][1]))
    for time_ns, pixels in given:
        buffer = pixels_to_buffer(pixels)
        buffer.pts = time_ns
        height_px, width_px, _ = pixels.shape
        caps = rgb_caps(width_px, height_px, rate_hz)
        source.emit("push-sample", Gst.Sample.new(buffer, caps, None, None))
    source.emit("end-of-stream")
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, kinds)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    assert message.type == Gst.MessageType.EOS, message.parse_error()
    return path


def camera(address: str | Path, **options: Any) -> CameraSource:
    """A camera with small pictures and little patience, unless a test sets others."""
    given: dict[str, Any] = {
        "clock": SystemClock(),
        "image_size_px": SIDE_PX,
        "step_ns": STEP_NS,
        "limits": HASTY,
        "rng": random.Random(0),
    }
    return CameraSource("bed-1", str(address), **(given | options))


async def read(source: CameraSource) -> list[Item]:
    """Everything up to the end."""
    async with source:
        return [item async for item in source]


async def follow(source: CameraSource, until: Callable[[Item], bool]) -> list[Item]:
    """Everything up to the first item that fulfils a condition, from inside it."""
    items = []
    async for item in source:
        items.append(item)
        if until(item):
            return items
    msg = f"the source ended: {states_of(items)}"
    raise AssertionError(msg)


def frames_of(items: Sequence[Item]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def states_of(items: Sequence[Item]) -> list[tuple[str, str]]:
    """State and reason of each status, without repetitions."""
    pairs = [(i.state, i.reason) for i in items if isinstance(i, SourceStatus)]
    return [pair for n, pair in enumerate(pairs) if n == 0 or pair != pairs[n - 1]]


def is_state(state: str, reason: str = "") -> Callable[[Item], bool]:
    """Whether an item says this state, for a reason that holds these words."""
    return lambda item: (
        isinstance(item, SourceStatus) and item.state == state and reason in item.reason
    )


def is_frame(item: Item) -> bool:
    return isinstance(item, Frame)
