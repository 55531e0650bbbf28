"""Write pictures to an H.264 file in MP4, at exact presentation times."""

import threading
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import final

import numpy as np
from jaxtyping import UInt8

from pipelines.clock import NS_PER_S
from pipelines.errors import PipelineError
from pipelines.sources.gstreamer.core import (
    Gst,
    element,
    error_line,
    make_pipeline,
    pixels_to_buffer,
    rgb_caps,
    static_pad,
)

_QUEUED_PICTURES = 8
_FINISH_S = 120  # longest time to write the index and move the data behind it
_KEY_EVERY_S = 2
_TIMESCALE_HZ = 12_000  # lower bound; the timescale is a multiple of the numerator

# One thread per file, because footage is written in many files at once. Without
# B-frames, pictures are stored in order of time, as cameras send them.
_ENCODER = "x264enc pass=qual quantizer=22 speed-preset=veryfast threads=1 bframes=0"


@final
class VideoFileWriter:
    """Writer of pictures of one size to a file; picture n is shown at n / rate.

    Use it as a context manager. Leaving the context finishes the file; leaving with an
    exception removes the file.

    Raises:
        ValueError: If a side is odd or under 16 pixels, or the rate is not positive.
        PipelineError: If the file cannot be written, from entering to leaving.
    """

    def __init__(
        self, path: Path | str, width_px: int, height_px: int, rate_hz: Fraction
    ) -> None:
        for side_px in (width_px, height_px):
            if side_px < 16 or side_px % 2:  # subsampled colour planes need even sides
                msg = f"sides must be even and at least 16 px, got {side_px}"
                raise ValueError(msg)
        if rate_hz <= 0:
            msg = f"the rate must be positive, got {rate_hz}"
            raise ValueError(msg)
        self._path = Path(path)
        self._shape = (height_px, width_px, 3)
        self._rate_hz = rate_hz
        self._written = 0
        self._free_slots = threading.Semaphore(_QUEUED_PICTURES)
        self._pipeline = make_pipeline(
            "appsrc name=pictures format=time ! videoconvert"
            f" ! {_ENCODER} key-int-max={max(1, round(_KEY_EVERY_S * rate_hz))}"
            " ! video/x-h264,profile=high ! h264parse"
            " ! mp4mux name=mux faststart=true ! filesink name=file"
        )
        str(path).encode()  # raises if the name is not UTF-8, which GStreamer requires
        mux = element(self._pipeline, "mux")
        # In the same folder, because the temporary folder may be small.
        mux.set_property("faststart-file", f"{path}.part")
        element(self._pipeline, "file").set_property("location", str(path))
        # By default times at fractional rates are rounded to about 4 ms.
        ticks_hz = rate_hz.numerator * -(-_TIMESCALE_HZ // rate_hz.numerator)
        static_pad(mux, "video_0").set_property("trak-timescale", ticks_hz)
        self._pictures = element(self._pipeline, "pictures")
        self._pictures.set_property("caps", rgb_caps(width_px, height_px, rate_hz))
        static_pad(self._pictures, "src").add_probe(
            Gst.PadProbeType.BUFFER, self._on_buffer
        )

    def __enter__(self) -> "VideoFileWriter":
        self._pipeline.set_state(Gst.State.PLAYING)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except PipelineError:
            kind = PipelineError
            raise
        finally:
            self._pipeline.set_state(Gst.State.NULL)
            if kind is not None and self._path.is_file():  # never a device
                self._path.unlink()

    def write(self, pixels: UInt8[np.ndarray, "height width 3"]) -> None:
        """Append one RGB picture; wait while the encoder's queue is full.

        Raises:
            ValueError: If the size of the picture is not that of the file.
            PipelineError: If the file cannot be written.
        """
        if pixels.shape != self._shape:
            msg = f"expected a picture of shape {self._shape}, got {pixels.shape}"
            raise ValueError(msg)
        while not self._free_slots.acquire(timeout=0.2):
            self._raise_failure(wait_ns=0)
        buffer = pixels_to_buffer(pixels)
        buffer.pts = self._time_ns(self._written)
        buffer.duration = self._time_ns(self._written + 1) - buffer.pts
        if self._pictures.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
            self._raise_failure(wait_ns=NS_PER_S)
        self._written += 1

    def _finish(self) -> None:
        if self._written == 0:
            msg = f"{self._path}: no picture was written"
            raise PipelineError(msg)
        self._pictures.emit("end-of-stream")
        self._raise_failure(wait_ns=_FINISH_S * NS_PER_S)

    def _raise_failure(self, wait_ns: int) -> None:
        """Raise the pipeline's error or a timeout; return at the end of the stream.

        With ``wait_ns`` 0, return at once if there is no error.
        """
        bus = self._pipeline.get_bus()
        kinds = Gst.MessageType.ERROR | Gst.MessageType.EOS
        message = bus.timed_pop_filtered(wait_ns, kinds)
        if message is not None and message.type == Gst.MessageType.ERROR:
            msg = f"{self._path}: {error_line(message)}"
            raise PipelineError(msg)
        if message is None and wait_ns:
            msg = f"{self._path}: the encoder does not answer"
            raise PipelineError(msg)

    def _on_buffer(self, _pad: Gst.Pad, _info: Gst.PadProbeInfo) -> Gst.PadProbeReturn:
        self._free_slots.release()
        return Gst.PadProbeReturn.OK

    def _time_ns(self, index: int) -> int:
        return round(index * NS_PER_S / self._rate_hz)
