"""One life of a camera's GStreamer pipeline, from connecting to its end.

The picker is between the two halves of ``pipelines.sources.camera.launch``. Between
them, a picture's buffer has the capture time as PTS and the time base as offset.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import final

from pipelines.clock import Clock
from pipelines.errors import SourceError, SourceUnreadable
from pipelines.records import Frame, TimeBase
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.blocking_calls import BlockingCalls
from pipelines.sources.camera.framing import Framing
from pipelines.sources.camera.grid import GridPicker, Pick
from pipelines.sources.camera.launch import launch_camera, placement_of
from pipelines.sources.camera.rtsp_access import SYSTEM_TRUST, RtspAccess
from pipelines.sources.camera.rtsp_connection import RtspConnection
from pipelines.sources.camera.stamps import Stamps
from pipelines.sources.gstreamer.core import (
    Gst,
    element,
    media_type,
    sample_to_pixels,
    static_pad,
)
from pipelines.sources.gstreamer.errors import source_error
from pipelines.sources.recording.film_scan import Film, is_film, retime

Held = tuple[Gst.Sample, TimeBase]
OnFrame = Callable[[Frame, TimeBase, str], None]

_TIME_BASES: tuple[TimeBase, ...] = ("sender", "arrival", "presentation")

_LEFT_UNOPENED_S = 1.0
"""Longest wait for the closing of a source that has not opened yet."""

_EVERYTHING = (
    Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.META | Gst.BufferCopyFlags.MEMORY
)


@final
class CameraPipeline:
    """One connection to a camera, or one reading of a file.

    Construct, start and stop it in the thread of the event loop. Opening and closing
    run in a separate thread, because both may block for ever.

    Args:
        subject_id: The subject in the pictures.
        address: The camera.
        clock: Clock for ``last_sign_ns``.
        image_size_px: Side of the square pictures, in pixels.
        framing: Conversion of the picture to a square.
        answer_within_s: Longest wait for an answer of a network camera, in seconds.
        stamps: Function that returns the capture time of a picture.
        picker: Selection of pictures on the frame grid.
        on_frame: Called with each picked picture, its time base, and a problem with its
            time or ``""``, in a thread of GStreamer.
        rtsp: Transport and trust of an RTSP camera.
        transport: Transport of this connection: ``tcp``, ``udp`` or ``multicast``.
    """

    def __init__(
        self,
        subject_id: str,
        address: CameraAddress,
        *,
        clock: Clock,
        image_size_px: int,
        framing: Framing,
        answer_within_s: float,
        stamps: Stamps,
        picker: GridPicker[Held],
        on_frame: OnFrame,
        rtsp: RtspAccess = SYSTEM_TRUST,
        transport: str = "tcp",
    ) -> None:
        self._subject_id = subject_id
        self._address = address
        self._clock = clock
        self._stamps = stamps
        self._picker = picker
        self._on_frame = on_frame
        self._framing = framing
        self._access, self._transport = rtsp, transport
        self._rtsp: RtspConnection | None = None
        self._loop = asyncio.get_running_loop()
        self._problem = ""
        self._no_video: SourceError | None = None
        self._film: Film | None = None
        self.last_sign_ns = clock.now_ns()
        """Time of the start, or of the last decoded picture."""
        self._first_sign_ns = self.last_sign_ns
        self.pictures = 0
        """Number of decoded pictures."""
        self.ended: asyncio.Future[SourceError | None] = self._loop.create_future()
        """The error that ended the life; None for the end of the stream."""
        self._calls = BlockingCalls(f"open {subject_id}"[:60])
        self.opened: asyncio.Future[object] = self._loop.create_future()
        """Done once opening has succeeded or failed."""
        self.closed: asyncio.Future[object] = self._loop.create_future()
        """Done once the pipeline is closed and its resources are free."""
        self._pipeline = launch_camera(address, image_size_px, framing, answer_within_s)
        self._bus = self._pipeline.get_bus()
        self._bus_fd = self._bus.get_pollfd().fd
        self._decoded = element(self._pipeline, "decoded")
        self._picked = element(self._pipeline, "picked")
        self._connections: list[tuple[Gst.Element, int]] = []
        self._connect_signals()

    @property
    def played_ns(self) -> int:
        """Time between the first and the last decoded picture."""
        return self.last_sign_ns - self._first_sign_ns if self.pictures else 0

    def start(self, look: Callable[[], Film | None] = lambda: None) -> None:
        """Start to connect; results come in ``on_frame`` and ``ended``.

        Args:
            look: Called first, in a thread where it may block. Returns the track of a
                file to decode, or None for the first track. Its exception ends the
                life.
        """
        self._loop.add_reader(self._bus_fd, self._read_bus)
        self.opened = self._calls.call(lambda: self._open(look))
        self.opened.add_done_callback(self._on_opened)

    def _open(self, look: Callable[[], Film | None]) -> None:
        self._film = look()
        if self._address.kind == "rtsp":
            self._rtsp = RtspConnection(
                element(self._pipeline, "source"),
                self._address,
                self._access,
                self._transport,
                self._connect,
            )
        self._pipeline.set_state(Gst.State.PLAYING)

    def _on_opened(self, opened: asyncio.Future[object]) -> None:
        self.last_sign_ns = self._clock.now_ns()
        if not opened.cancelled() and (error := opened.exception()) is not None:
            self._settle(error)

    async def stop(self, within_s: float) -> bool:
        """Disconnect, and wait a limited time for the pipeline to close.

        A producer that waits for room in a buffer must have been released before.

        Returns:
            Whether the pipeline is closed. If not, ``closed`` is done later; until then
            the source stays open, and yields no more pictures.
        """
        self._loop.remove_reader(self._bus_fd)
        self.end(None)
        if not self.opened.done():
            within_s = min(within_s, _LEFT_UNOPENED_S)
        self.closed = self._calls.call(lambda: self._pipeline.set_state(Gst.State.NULL))
        self._calls.finish()
        try:
            await asyncio.wait({self.closed}, timeout=within_s)
        except asyncio.CancelledError:
            await asyncio.wait({self.closed}, timeout=within_s)
            raise
        finally:
            for owner, connection in self._connections:
                owner.disconnect(connection)
            self._connections.clear()  # break the cycle of references to the pipeline
            if self.closed.done():
                self._picker.flush()
        return self.closed.done()

    def end(self, error: SourceError | None) -> None:
        """Set ``ended`` if it is not set; may be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if error is None:  # an error on the bus may have caused the end
            self._read_bus()
        if self.ended.done():
            return
        if error is None or isinstance(error, SourceError):
            self.ended.set_result(error)
        else:
            self.ended.set_exception(error)

    def _read_bus(self) -> None:
        while (message := self._bus.pop()) is not None:
            if message.type == Gst.MessageType.ERROR:
                # A source without a linked pad fails too: report the missing video.
                error = self._no_video or (self._rtsp and self._rtsp.error(message))
                self._settle(error or source_error(self._address, message))

    def _connect_signals(self) -> None:
        decoder = element(self._pipeline, "decoder")
        pictures = element(self._pipeline, "pictures")
        if self._address.kind == "file":
            parser = element(self._pipeline, "parser")
            self._connect(parser, "pad-added", self._link_film)
            self._connect(parser, "no-more-pads", self._check_film)
        self._connect(decoder, "pad-added", self._link_pictures)
        self._connect(decoder, "no-more-pads", self._check_pictures)
        self._connect(self._decoded, "new-sample", self._guard(self._on_decoded))
        self._connect(self._decoded, "eos", self._on_last_decoded)
        self._connect(pictures, "new-sample", self._guard(self._on_picture))
        self._connect(pictures, "eos", lambda _sink: self.end(None))

    def _connect(
        self, owner: Gst.Element, signal: str, handler: Callable[..., object]
    ) -> None:
        self._connections.append((owner, owner.connect(signal, handler)))

    def _guard(
        self, handler: Callable[[Gst.Sample], None]
    ) -> Callable[[Gst.Element], Gst.FlowReturn]:
        """Return a callback that passes samples to ``handler`` and reports its errors.

        GStreamer's C threads would discard an exception.
        """

        def on_sample(sink: Gst.Element) -> Gst.FlowReturn:
            sample = sink.emit("pull-sample")
            try:
                if sample is not None:
                    handler(sample)
            except Exception as err:  # noqa: BLE001 raised again where ended is awaited
                self._loop.call_soon_threadsafe(self._settle, err)
                return Gst.FlowReturn.ERROR
            return Gst.FlowReturn.OK

        return on_sample

    def _link_pictures(self, _decoder: Gst.Element, pad: Gst.Pad) -> None:
        sink = static_pad(self._decoded, "sink")
        if media_type(pad).startswith("video/") and not sink.is_linked():
            pad.link(sink)

    def _check_pictures(self, _decoder: Gst.Element) -> None:
        if not static_pad(self._decoded, "sink").is_linked():
            self._end_without_video()

    def _link_film(self, _parser: Gst.Element, pad: Gst.Pad) -> None:
        """Link the film of a file to the decoder, and no other track."""
        film = self._film
        sink = static_pad(element(self._pipeline, "decoder"), "sink")
        if sink.is_linked() or not is_film(pad):
            return
        if film is None or pad.get_stream_id() == film.stream_id:
            if film is not None:
                retime(pad, film)
            pad.link(sink)

    def _check_film(self, _parser: Gst.Element) -> None:
        decoder = element(self._pipeline, "decoder")
        if not static_pad(decoder, "sink").is_linked():
            self._end_without_video()

    def _end_without_video(self) -> None:
        shown = str(self._address)
        self._no_video = SourceUnreadable(shown, "there is no video in it")
        self.end(self._no_video)

    def _on_decoded(self, sample: Gst.Sample) -> None:
        if self.ended.done():  # decoded after the end
            return
        self.last_sign_ns = self._clock.now_ns()
        if self.pictures == 0:
            self._first_sign_ns = self.last_sign_ns
        self.pictures += 1
        taken = self._stamps(sample, self._pipeline)
        if taken is not None:
            self._problem = taken.problem
            self._push(
                self._picker.offer(taken.timestamp_ns, (sample, taken.time_base))
            )

    def _on_last_decoded(self, _sink: Gst.Element) -> None:
        self._push(self._picker.flush())
        self._picked.emit("end-of-stream")

    def _push(self, pick: Pick[Held] | None) -> None:
        """Push a pick into the second half; wait while its queue is full."""
        if pick is None:
            return
        sample, time_base = pick.item
        decoded, caps = sample.get_buffer(), sample.get_caps()
        if decoded is None or caps is None:
            return
        # A new buffer with the same memory: the decoder's buffer may be in use.
        buffer = decoded.copy_region(_EVERYTHING, 0, decoded.get_size())
        if buffer is None:
            return
        buffer.pts = pick.timestamp_ns
        buffer.offset = _TIME_BASES.index(time_base)
        self._picked.emit("push-sample", Gst.Sample.new(buffer, caps, None, None))

    def _on_picture(self, sample: Gst.Sample) -> None:
        buffer = sample.get_buffer()
        if buffer is None or self.ended.done():  # a late picture would show "online"
            return
        frame = Frame(
            subject_id=self._subject_id,
            timestamp_ns=buffer.pts,
            tick=self._picker.grid.tick_of(buffer.pts),
            pixels=sample_to_pixels(sample),
            placement=placement_of(self._pipeline, self._framing),
        )
        self._on_frame(frame, _TIME_BASES[buffer.offset], self._problem)
