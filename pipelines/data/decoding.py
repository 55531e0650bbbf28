"""Decode a video file by the numbers of its pictures, from the first to the last.

    file ──▶ CameraPipeline ──▶ number 0, 1, 2, ... ──▶ the chosen ones, scaled, RGB

The numbers are counted while decoding: what a container says about how many there are
is often wrong, seeking in AVI is inexact, and with B-frames in AVI two pictures may
carry the same time. No more than the chosen pictures is scaled or kept.

Whoever calls must not be inside a running event loop.
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
from pipelines.sources.address import CameraAddress
from pipelines.sources.camera_pipeline import CameraPipeline, Held
from pipelines.sources.capture_clock import CaptureTime
from pipelines.sources.file_stamps import presentation_ns
from pipelines.sources.film_scan import look_at
from pipelines.sources.framing import PAD, Framing
from pipelines.sources.grid import FrameGrid, GridPicker
from pipelines.sources.gst import Gst

Picture = UInt8[np.ndarray, "height width 3"]

_SILENT_S = 15.0
_CLOSE_S = 3.0
_SURVEY_PX = 16
_AGREE_RATIO = 0.1


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What decoding a video to its end told.

    Attributes:
        pictures: How many there are.
        rate_hz: Pictures a second: what the container says if the times of the first
            and the last picture bear it out, else what they say; 0 if neither tells.
        width_px: Of the picture as stored.
        height_px: Of the picture as stored.
        pixel_aspect: Width of a stored pixel over its height.
    """

    pictures: int
    rate_hz: float
    width_px: int
    height_px: int
    pixel_aspect: float


def survey(video: Path) -> VideoFacts:
    """Decode a video to its end without scaling or keeping its pictures.

    Raises:
        SourceError: If there is no such file, or no picture in it.
    """
    tally = _Tally()
    _play(video, tally, _SURVEY_PX, PAD)
    return tally.facts()


def decode(
    video: Path, numbers: Collection[int], *, size_px: int, framing: Framing = PAD
) -> dict[int, Picture]:
    """Decode a video to its end and keep some of its pictures.

    Args:
        video: The file.
        numbers: Which pictures to keep, counted from 0.
        size_px: Side of the square pictures.
        framing: How a picture becomes square.

    Returns:
        The pictures in RGB by their numbers.

    Raises:
        SourceError: If there is no such file, or one of the pictures is not in it.
    """
    pictures = _play(video, _Tally(frozenset(numbers)), size_px, framing)
    missing = sorted(set(numbers) - set(pictures))
    if missing:
        raise SourceUnreadable(str(video), f"there is no picture {missing[0]} in it")
    return pictures


@final
class _Tally:
    """Counts the decoded pictures; only the chosen ones go on to be scaled.

    It stands in the place of ``Stamps``: a picture's number serves as its time, so
    that none is lost to another with the same time.
    """

    def __init__(self, chosen: Collection[int] = frozenset()) -> None:
        self._chosen = chosen
        self._shown_ns: list[int] = []
        self._count = 0
        self._form: Gst.Structure | None = None

    def __call__(
        self, sample: Gst.Sample, pipeline: Gst.Pipeline
    ) -> CaptureTime | None:
        number, self._count = self._count, self._count + 1
        caps = sample.get_caps()
        if self._form is None and caps is not None:
            self._form = caps.get_structure(0).copy()
        shown_ns = presentation_ns(sample)
        if shown_ns is not None:
            self._shown_ns = [*self._shown_ns[:1], shown_ns]
        return CaptureTime(number, "presentation") if number in self._chosen else None

    def facts(self) -> VideoFacts:
        """Return what was told, after at least one picture."""
        form = self._form
        if form is None:
            msg = "no picture was counted"
            raise LookupError(msg)
        (_, width_px), (_, height_px) = map(form.get_int, ("width", "height"))
        return VideoFacts(
            self._count,
            self._rate_hz(_ratio(form, "framerate")),
            width_px,
            height_px,
            _ratio(form, "pixel-aspect-ratio") or 1.0,
        )

    def _rate_hz(self, told_hz: float) -> float:
        if len(self._shown_ns) < 2 or self._shown_ns[1] <= self._shown_ns[0]:
            return told_hz
        shown_s = ns_to_seconds(self._shown_ns[1] - self._shown_ns[0])
        measured_hz = (self._count - 1) / shown_s
        # Some MP4 claim thousands of pictures a second.
        agree = abs(told_hz - measured_hz) <= _AGREE_RATIO * measured_hz
        return told_hz if agree else measured_hz


def _ratio(form: Gst.Structure, field: str) -> float:
    told, over, under = form.get_fraction(field)
    return over / under if told and under else 0.0


def _play(
    video: Path, tally: _Tally, size_px: int, framing: Framing
) -> dict[int, Picture]:
    if not video.is_file():
        raise SourceNotFound(str(video), "no such file")
    # Absolute, else a file could be taken for an address such as "test".
    address = CameraAddress.parse(str(video.absolute()))
    return asyncio.run(_play_file(address, tally, size_px, framing))


async def _play_file(
    address: CameraAddress, tally: _Tally, size_px: int, framing: Framing
) -> dict[int, Picture]:
    pictures: dict[int, Picture] = {}

    def keep(frame: Frame, _time_base: TimeBase, _problem: str) -> None:
        pictures[frame.timestamp_ns] = frame.pixels

    life = CameraPipeline(
        address.location,
        address,
        clock=SystemClock(),
        image_size_px=size_px,
        framing=framing,
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
        error = SourceUnreadable(str(address), "there is no picture in it")
    if error is not None:
        raise error
    return pictures


async def _ending(life: CameraPipeline, address: CameraAddress) -> SourceError | None:
    """Wait for the end, as long as pictures come."""
    seen = -1
    while not life.ended.done():
        if life.pictures == seen:
            return SourceUnreadable(str(address), f"no picture for {_SILENT_S:g} s")
        seen = life.pictures
        await asyncio.wait({life.ended}, timeout=_SILENT_S)
    return life.ended.result()
