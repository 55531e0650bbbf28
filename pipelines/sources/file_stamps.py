"""The presentation time of each decoded picture of a recording."""

from typing import final

from pipelines.sources.capture_clock import CaptureTime
from pipelines.sources.gst import Gst


@final
class FileStamps:
    """Presentation times, counted from the start of the container.

    MP4 says where that is (edit lists count); Matroska does not, and GStreamer counts
    from its first packet.

    Args:
        origin_ns: What presentation time 0 is.
    """

    def __init__(self, origin_ns: int) -> None:
        self._origin_ns = origin_ns

    def __call__(
        self, sample: Gst.Sample, pipeline: Gst.Pipeline
    ) -> CaptureTime | None:
        """Return origin plus presentation time."""
        buffer, segment = sample.get_buffer(), sample.get_segment()
        if buffer is None or buffer.pts == Gst.CLOCK_TIME_NONE:
            return None
        time_ns = segment.to_stream_time(Gst.Format.TIME, buffer.pts)
        if time_ns == Gst.CLOCK_TIME_NONE:  # before the edit list's first picture
            return None
        return CaptureTime(self._origin_ns + time_ns, "presentation")
