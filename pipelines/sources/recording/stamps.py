"""Presentation times of a recording's decoded pictures, and the undecoded ones."""

import bisect
from typing import final

from pipelines.clock import NS_PER_S
from pipelines.sources.camera.capture_clock import CaptureTime
from pipelines.sources.gstreamer.core import Gst
from pipelines.sources.recording.film_scan import Film
from pipelines.sources.recording.report import RecordingReport

_HOLE_NS = NS_PER_S
_HOLE_PERIODS = 5
_UNKNOWN_PERIOD_NS = NS_PER_S // 25


def presentation_ns(sample: Gst.Sample) -> int | None:
    """Return the presentation time of a picture from the start of its container.

    MP4 defines the start (including edit lists). Matroska does not, and GStreamer
    counts from the first packet.

    Returns:
        None if the picture has no time, or is before the start of the edit list.
    """
    buffer, segment = sample.get_buffer(), sample.get_segment()
    if buffer is None or buffer.pts == Gst.CLOCK_TIME_NONE:
        return None
    time_ns = segment.to_stream_time(Gst.Format.TIME, buffer.pts)
    return None if time_ns == Gst.CLOCK_TIME_NONE else int(time_ns)


@final
class FileStamps:
    """Strictly increasing presentation times, with counts of the faults.

    Decoders output pictures in order of presentation. So a picture whose time does not
    increase, or that has none, gets a time shortly after the picture before.
    """

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns
        self._film: Film | None = None
        self._stored_ns: list[int] = []
        self._last_ns: int | None = None
        self._known = ""
        self._pictures = self._displaced = self._missed = 0

    def use(self, film: Film | None) -> None:
        """Set the scan of the recording, before its first picture."""
        self._film = film
        times_ns = () if film is None else film.times_ns
        self._stored_ns = sorted(ns for ns in times_ns if ns is not None and ns >= 0)
        self._known = self.report.line

    def __call__(
        self, sample: Gst.Sample, pipeline: Gst.Pipeline
    ) -> CaptureTime | None:
        """Return origin plus presentation time; None if the picture is not shown."""
        buffer = sample.get_buffer()
        time_ns = None
        if self._film is None or not self._film.untimed:
            time_ns = presentation_ns(sample)
            if time_ns is None:
                if buffer is not None and buffer.pts != Gst.CLOCK_TIME_NONE:
                    return None
                self._displaced += 1
        last_ns = self._last_ns
        if time_ns is None:
            time_ns = 0 if last_ns is None else last_ns + self._period_ns
        elif last_ns is not None and time_ns <= last_ns:
            time_ns = last_ns + max(1, self._period_ns // 4)
            self._displaced += 1
        self._missed += self._stored_between(self._last_ns, time_ns)
        self._last_ns = time_ns
        self._pictures += 1
        return CaptureTime(self._origin_ns + time_ns, "presentation", self._known)

    @property
    def _period_ns(self) -> int:
        return _UNKNOWN_PERIOD_NS if self._film is None else self._film.period_ns

    @property
    def report(self) -> RecordingReport:
        """Faults of the recording so far."""
        film = self._film
        return RecordingReport(
            pictures=self._pictures,
            missed=self._missed,
            displaced=self._displaced + (0 if film is None else film.filled),
            stray=0 if film is None else film.stray,
            continued=0 if film is None else film.continued,
            stored=0 if film is None else len(film.times_ns),
            assumed_rate_hz=NS_PER_S / film.period_ns
            if film and film.untimed
            else None,
            rate_stored=film is not None and film.rate_stored,
        )

    def end(self) -> None:
        """Count the stored pictures after the last decoded one as missed."""
        if self._stored_ns:
            self._missed += self._stored_between(self._last_ns, None)

    def _stored_between(self, last_ns: int | None, next_ns: int | None) -> int:
        """Return the number of stored pictures in a gap of the decoder's output.

        Short gaps do not count, because some stored pictures are never shown.
        """
        half_ns = self._period_ns // 2
        begin_ns = 0 if last_ns is None else last_ns + half_ns
        stop_ns = self._stored_ns[-1] + 1 if self._stored_ns else 0
        if next_ns is not None:
            stop_ns = next_ns - half_ns
        if stop_ns - begin_ns < max(_HOLE_NS, _HOLE_PERIODS * self._period_ns):
            return 0
        first = bisect.bisect_left(self._stored_ns, begin_ns)
        last = bisect.bisect_left(self._stored_ns, stop_ns)
        return max(0, last - first)
