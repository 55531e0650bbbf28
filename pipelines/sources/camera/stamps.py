"""The capture time of each decoded picture of a live camera, from GStreamer."""

from typing import Protocol, final, runtime_checkable

from pipelines.clock import NS_PER_S, Clock
from pipelines.sources.camera.capture_clock import CaptureClock, CaptureTime
from pipelines.sources.gstreamer.core import Gst

# NTP time, as in RTCP, counts from 1900; Unix time counts from 1970.
_NTP_TO_UNIX_NS = 2_208_988_800 * NS_PER_S
_NTP = Gst.Caps.from_string("timestamp/x-ntp")

# A presentation time outside this range of ages is a fault of the stream.
_OLDEST_NS = 5 * NS_PER_S
_NEWEST_NS = NS_PER_S // 2


@runtime_checkable  # annotations are checked at run time under test
class Stamps(Protocol):
    """A function that returns the capture time of a picture."""

    def __call__(
        self, sample: Gst.Sample, pipeline: Gst.Pipeline
    ) -> CaptureTime | None:
        """Return the capture time of a decoded picture; None if it has none."""
        ...


@final
class LiveStamps:
    """Capture times from the sender's clock if known, otherwise from the arrival.

    Arrival is the time when GStreamer received the first packet of the picture, or the
    device captured it, without decoding and queueing. A picture with an implausible
    presentation time gets the age of the picture before.
    """

    def __init__(self, clock: Clock, capture_clock: CaptureClock) -> None:
        self._clock = clock
        self._capture_clock = capture_clock
        self._correction_ns = clock.correction_ns()
        self._usual_age_ns = 0

    def __call__(
        self, sample: Gst.Sample, pipeline: Gst.Pipeline
    ) -> CaptureTime | None:
        """Return the time of capture or arrival."""
        buffer = sample.get_buffer()
        if buffer is None:
            return None
        age_ns = _age_ns(sample, buffer, pipeline)
        if age_ns is not None and -_NEWEST_NS <= age_ns <= _OLDEST_NS:
            self._usual_age_ns = age_ns
        arrival_ns = self._clock.now_ns() - self._usual_age_ns
        correction_ns = self._clock.correction_ns()
        if correction_ns != self._correction_ns:
            self._capture_clock.correct(correction_ns - self._correction_ns)
            self._correction_ns = correction_ns
        meta = None if _NTP is None else buffer.get_reference_timestamp_meta(_NTP)
        sender_ns = None
        if meta is not None:  # convert UTC to pipeline time
            sender_ns = meta.timestamp - _NTP_TO_UNIX_NS - correction_ns
        return self._capture_clock.stamp(arrival_ns, sender_ns)


def _age_ns(
    sample: Gst.Sample, buffer: Gst.Buffer, pipeline: Gst.Pipeline
) -> int | None:
    """Return the age of a picture; jitter smoothing may make it negative."""
    gst_clock = pipeline.get_pipeline_clock()
    if gst_clock is None or buffer.pts == Gst.CLOCK_TIME_NONE:
        return None
    came_in_ns = sample.get_segment().to_running_time(Gst.Format.TIME, buffer.pts)
    if came_in_ns == Gst.CLOCK_TIME_NONE:
        return None
    return int(gst_clock.get_time() - pipeline.get_base_time() - came_in_ns)
