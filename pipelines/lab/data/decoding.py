"""Decode a video file by the numbers of its pictures, from the first to the last.

    file ──▶ CameraPipeline ──▶ number 0, 1, 2, ... ──▶ the chosen ones, scaled, RGB

Pictures are counted while decoding: the number in a container is often wrong, seeking
in AVI is inexact, and with B-frames in AVI two pictures may have the same time. Only
the chosen pictures are scaled and kept.

Must not be used inside a running event loop.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import UInt8

from pipelines.clock import SystemClock, ns_to_seconds
from pipelines.errors import SourceError, SourceNotFound, SourceUnreadable
from pipelines.records import Frame, TimeBase
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.capture_clock import CaptureTime
from pipelines.sources.camera.framing import PAD
from pipelines.sources.camera.grid import FrameGrid, GridPicker
from pipelines.sources.camera.pipeline import CameraPipeline, Held
from pipelines.sources.gstreamer.core import Gst
from pipelines.sources.recording.film_scan import look_at
from pipelines.sources.recording.stamps import presentation_ns

Picture = UInt8[np.ndarray, "height width 3"]

_SILENT_S = 15.0
_CLOSE_S = 3.0
_SURVEY_PX = 16
_AGREE_RATIO = 0.1


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Facts about a video, measured by decoding it to its end.

    Attributes:
        pictures: Number of pictures.
        rate_hz: Pictures per second: the container's value if it agrees with the times
            of the first and last picture, else the rate computed from them; 0 if
            neither is known.
    """

    pictures: int
    rate_hz: float


def survey(video: Path) -> VideoFacts:
    """Decode a video to its end without scaling or keeping its pictures.

    Raises:
        SourceError: If there is no such file, or it has no picture.
    """
    tally = _Tally()
    _play(video, tally, _SURVEY_PX)
    return tally.facts()


def decode(
    video: Path, numbers: Collection[int], *, size_px: int
) -> dict[int, Picture]:
    """Decode a video to its end and keep some of its pictures.

    ``numbers`` are those of the pictures to keep, counted from 0.

    Returns:
        The pictures in RGB by their numbers.

    Raises:
        SourceError: If there is no such file, or a picture does not exist.
    """
    pictures = _play(video, _Tally(frozenset(numbers)), size_px)
    missing = sorted(set(numbers) - set(pictures))
    if missing:
        raise SourceUnreadable(str(video), f"it has no picture {missing[0]}")
    return pictures


@final
class _Tally:
    """Counts the decoded pictures, and passes only the chosen ones on.

    It takes the place of ``Stamps``. A picture's number serves as its time, so that
    pictures with equal times stay separate.
    """

    def __init__(self, chosen: Collection[int] = frozenset()) -> None:
        self._chosen = chosen
        self._shown_ns: list[int] = []
        self._count = 0
        self._claimed_hz = 0.0

    def __call__(
        self, sample: Gst.Sample, pipeline: Gst.Pipeline
    ) -> CaptureTime | None:
        number, self._count = self._count, self._count + 1
        caps = sample.get_caps()
        if number == 0 and caps is not None:
            known, over, under = caps.get_structure(0).get_fraction("framerate")
            self._claimed_hz = over / under if known and under else 0.0
        shown_ns = presentation_ns(sample)
        if shown_ns is not None:
            self._shown_ns = [*self._shown_ns[:1], shown_ns]
        return CaptureTime(number, "presentation") if number in self._chosen else None

    def facts(self) -> VideoFacts:
        """Return the facts; at least one picture must have been counted."""
        return VideoFacts(self._count, self._rate_hz())

    def _rate_hz(self) -> float:
        if len(self._shown_ns) < 2 or self._shown_ns[1] <= self._shown_ns[0]:
            return self._claimed_hz
        shown_s = ns_to_seconds(self._shown_ns[1] - self._shown_ns[0])
        measured_hz = (self._count - 1) / shown_s
        # Some MP4 files claim thousands of pictures per second.
        agree = abs(self._claimed_hz - measured_hz) <= _AGREE_RATIO * measured_hz
        return self._claimed_hz if agree else measured_hz


def _play(video: Path, tally: _Tally, size_px: int) -> dict[int, Picture]:
    if not video.is_file():
        raise SourceNotFound(str(video), "no such file")
    # An absolute path, because a relative one could mean an address such as "test".
    address = CameraAddress.parse(str(video.absolute()))
    return asyncio.run(_play_file(address, tally, size_px))


async def _play_file(
    address: CameraAddress, tally: _Tally, size_px: int
) -> dict[int, Picture]:
    pictures: dict[int, Picture] = {}

    def keep(frame: Frame, _time_base: TimeBase, _problem: str) -> None:
        pictures[frame.timestamp_ns] = frame.pixels

    life = CameraPipeline(
        address.location,
        address,
        clock=SystemClock(),
        image_size_px=size_px,
        framing=PAD,
        answer_within_s=_SILENT_S,
        stamps=tally,
        picker=GridPicker[Held](FrameGrid(1)),
        on_frame=keep,
    )
    life.start(lambda: look_at(address, lambda: None))
    try:
        error = await _ending(life, address)
    finally:
        await life.stop(_CLOSE_S)
    if error is None and life.pictures == 0:
        error = SourceUnreadable(str(address), "it has no picture")
    if error is not None:
        raise error
    return pictures


async def _ending(life: CameraPipeline, address: CameraAddress) -> SourceError | None:
    """Wait for the end while pictures keep coming."""
    seen = -1
    while not life.ended.done():
        if life.pictures == seen:
            return SourceUnreadable(str(address), f"no picture for {_SILENT_S:g} s")
        seen = life.pictures
        await asyncio.wait({life.ended}, timeout=_SILENT_S)
    return life.ended.result()
