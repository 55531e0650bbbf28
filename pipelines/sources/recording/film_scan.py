"""Scan of a recording without decoding, for its film track and presentation times.

The whole file is read once, at the speed of its disk. Only the time of each picture is
kept. A cover or a thumbnail is a video track too, so the film is the track with the
most pictures.
"""

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pipelines.clock import NS_PER_S
from pipelines.errors import SourceNotFound, SourceUnreadable
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.gstreamer.core import (
    Gst,
    element,
    make_pipeline,
    media_type,
    point_at_file,
    static_pad,
)
from pipelines.sources.gstreamer.errors import source_error
from pipelines.sources.recording.time_repair import (
    fill_times,
    repair_times,
    typical_period_ns,
)

ASSUMED_RATE_HZ = 25.0
"""Frame rate of a recording that has neither times nor a frame rate."""

_NO_TIME = -(2**62)
_TIMED_RATIO = 0.02
_DISTINCT_RATIO = 1 / 3
_FILM_TYPES = ("video/", "image/")

_HEAD_BYTES = 16
# GStreamer decodes only the first picture of these formats, or waits for ever.
_PICTURES = {
    rb"GIF8": "GIF",
    rb"RIFF....WEBP": "WebP",
    rb"\x89PNG": "PNG",
}


@dataclass(frozen=True, slots=True)
class Film:
    """The film track of a recording.

    Attributes:
        stream_id: GStreamer's id of the track.
        times_ns: Presentation time of each stored picture after repair, in order of
            storage; None for a picture without a time. Empty if ``untimed``.
        stored_ns: The times before repair; empty if nothing was repaired.
        period_ns: Usual difference of successive times.
        untimed: Whether the recording has no usable times.
        rate_stored: Whether the frame rate is stored in the recording.
        stray: Number of times that jumped away and were interpolated.
        continued: Number of times that restarted or ran backwards.
        filled: Number of pictures without a time whose time was interpolated.
    """

    stream_id: str
    times_ns: tuple[int | None, ...]
    stored_ns: tuple[int | None, ...]
    period_ns: int
    untimed: bool = False
    rate_stored: bool = False
    stray: int = 0
    continued: int = 0
    filled: int = 0


def check_recording(address: CameraAddress) -> Path:
    """Return the path of a recording; block while its file system blocks.

    Raises:
        SourceNotFound: If the file does not exist.
        SourceUnreadable: If the path is a folder, or a picture instead of a film.
    """
    shown, path = str(address), Path(address.location)
    if not path.exists():
        raise SourceNotFound(shown, "no such file")
    if path.is_dir():
        raise SourceUnreadable(shown, "is a folder, not a video file")
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        for signature, name in _PICTURES.items():
            if re.match(signature, head, re.DOTALL):
                problem = f"is a {name} picture, animated or not; make a video of it"
                raise SourceUnreadable(shown, f"{problem}, as by ffmpeg")
    return path


def look_at(address: CameraAddress, on_sign: Callable[[], None]) -> Film | None:
    """Scan a recording before it is played; block while its file system blocks.

    ``on_sign`` is called for each picture read.

    Returns:
        The film; None for a source that cannot be scanned, such as a pipe.

    Raises:
        SourceError: If the file does not exist or has no film.
    """
    path = check_recording(address)
    if not path.is_file():
        return None
    return scan_film(address, on_sign)


def is_film(pad: Gst.Pad) -> bool:
    """Return whether a track contains pictures."""
    return media_type(pad).startswith(_FILM_TYPES)


def shown_ns(segment: Gst.Segment | None, buffer: Gst.Buffer) -> int | None:
    """Return a buffer's presentation time, negative before the start, or None.

    The decoding time is used where it is the only one, as in AVI.
    """
    time_ns = buffer.pts if buffer.pts != Gst.CLOCK_TIME_NONE else buffer.dts
    if time_ns == Gst.CLOCK_TIME_NONE:
        return None
    if segment is None or segment.format != Gst.Format.TIME:
        return int(time_ns)
    return int(time_ns) - segment.start + segment.time


def scan_film(address: CameraAddress, on_sign: Callable[[], None]) -> Film:
    """Read a file to its end, and return its film; blocks until then.

    ``on_sign`` is called for each picture read.

    Raises:
        SourceError: If no picture can be read from it.
    """
    pipeline = make_pipeline("filesrc name=source ! parsebin name=parser")
    point_at_file(element(pipeline, "source"), address.location)
    tracks: list[_Track] = []

    def add_track(_parser: Gst.Element, pad: Gst.Pad) -> None:
        if is_film(pad):
            tracks.append(_Track(pad, on_sign))
        pad.link(static_pad(_add_sink(pipeline), "sink"))

    parser = element(pipeline, "parser")
    connection = parser.connect("pad-added", add_track)
    _hold_until_added(pipeline)
    try:
        pipeline.set_state(Gst.State.PLAYING)
        end = pipeline.get_bus().timed_pop_filtered(
            Gst.CLOCK_TIME_NONE, Gst.MessageType.ERROR | Gst.MessageType.EOS
        )
    finally:
        pipeline.set_state(Gst.State.NULL)
        parser.disconnect(connection)
    films = [track for track in tracks if track.pictures]
    if films:
        return max(films, key=lambda track: track.pictures).film()
    if end is not None and end.type == Gst.MessageType.ERROR:
        raise source_error(address, end)
    problem = "there is no picture in it" if tracks else "there is no video in it"
    raise SourceUnreadable(str(address), problem)


def _hold_until_added(pipeline: Gst.Pipeline) -> None:
    """Let the demuxer read on only once parsebin has finished adding it.

    parsebin adds the demuxer in the thread of its typefind, and discards errors of the
    demuxer until then. The demuxer already reads in another thread. If the file ends
    within its first bytes, that error could be lost, and no other message would come.
    """
    typefind = element(pipeline, "typefind")
    finding = static_pad(typefind, "sink")

    def wait_once(_pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        finding.pause_task()  # paused already; returns when its last run has ended
        return Gst.PadProbeReturn.REMOVE

    first_bytes = Gst.PadProbeType.PULL | Gst.PadProbeType.BUFFER
    static_pad(typefind, "src").add_probe(first_bytes, wait_once)


def _add_sink(pipeline: Gst.Pipeline) -> Gst.Element:
    sink = Gst.ElementFactory.make("fakesink")
    if sink is None:
        msg = "GStreamer has no fakesink"
        raise LookupError(msg)
    sink.set_property("sync", False)
    sink.set_property("async", False)
    pipeline.add(sink)
    sink.sync_state_with_parent()
    return sink


def retime(pad: Gst.Pad, film: Film) -> None:
    """Set the repaired time on each picture that passes a pad.

    Args:
        pad: Pad that all pictures pass, from the first to the last, in order of
            storage.
        film: The scan of the same track.
    """
    times = iter(zip(film.stored_ns, film.times_ns, strict=False))
    base_ns = 0  # offset that the demuxer adds to presentation times

    def give_time(_pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        nonlocal base_ns
        buffer, (stored_ns, time_ns) = info.get_buffer(), next(times, (None, None))
        if buffer is None or time_ns is None:
            return Gst.PadProbeReturn.OK
        if stored_ns is not None:
            timed = buffer.pts if buffer.pts != Gst.CLOCK_TIME_NONE else buffer.dts
            base_ns = timed - stored_ns
        if buffer.pts == Gst.CLOCK_TIME_NONE and stored_ns is not None:
            buffer.dts = max(0, time_ns + base_ns)  # the only time, as in AVI
        else:
            buffer.pts = max(0, time_ns + base_ns)
            buffer.dts = Gst.CLOCK_TIME_NONE  # decoders would use the old time
        return Gst.PadProbeReturn.OK

    if film.stored_ns:
        pad.add_probe(Gst.PadProbeType.BUFFER, give_time)


@final
class _Track:
    """Recorder of the times of one track's pictures."""

    def __init__(self, pad: Gst.Pad, on_sign: Callable[[], None]) -> None:
        self._on_sign = on_sign
        self._stream_id = pad.get_stream_id() or ""
        self._segment: Gst.Segment | None = None
        self._rate_hz = 0.0
        self._times_ns = array("q")
        pad.add_probe(Gst.PadProbeType.BUFFER, self._on_buffer)
        pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._on_event)

    @property
    def pictures(self) -> int:
        """Number of pictures read."""
        return len(self._times_ns)

    def _on_event(self, _pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        event = info.get_event()
        if event is not None and event.type == Gst.EventType.SEGMENT:
            self._segment = event.parse_segment().copy()
        if event is not None and event.type == Gst.EventType.CAPS:
            self._rate_hz = _rate_hz(event.parse_caps()) or self._rate_hz
        return Gst.PadProbeReturn.OK

    def _on_buffer(self, _pad: Gst.Pad, info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        buffer = info.get_buffer()
        if buffer is not None:
            time_ns = shown_ns(self._segment, buffer)
            self._times_ns.append(_NO_TIME if time_ns is None else time_ns)
            self._on_sign()
        return Gst.PadProbeReturn.OK

    def film(self) -> Film:
        """Return the track after repair."""
        stored_ns = tuple(None if ns == _NO_TIME else ns for ns in self._times_ns)
        timed_ns = [time_ns for time_ns in stored_ns if time_ns is not None]
        gap_ns = typical_period_ns(timed_ns)
        usable = len(timed_ns) > _TIMED_RATIO * len(stored_ns)
        usable &= len(set(timed_ns)) > _DISTINCT_RATIO * len(timed_ns)
        if len(stored_ns) > 1 and (gap_ns is None or not usable):
            rate_hz = self._rate_hz or ASSUMED_RATE_HZ
            rate_stored, period_ns = self._rate_hz > 0, round(NS_PER_S / rate_hz)
            return Film(self._stream_id, (), (), period_ns, True, rate_stored)
        gap_ns = gap_ns or round(NS_PER_S / ASSUMED_RATE_HZ)
        period_ns = gap_ns * len(timed_ns) // len(stored_ns)
        repaired = repair_times(stored_ns, gap_ns)
        times_ns = fill_times(repaired.times_ns, period_ns)
        changed = times_ns != stored_ns
        return Film(
            self._stream_id,
            times_ns,
            stored_ns if changed else (),
            period_ns,
            stray=repaired.stray,
            continued=repaired.continued,
            filled=repaired.times_ns.count(None) - times_ns.count(None),
        )


def _rate_hz(caps: Gst.Caps) -> float:
    is_set, over, under = caps.get_structure(0).get_fraction("framerate")
    return over / under if is_set and under else 0.0
