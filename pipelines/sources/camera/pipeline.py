"""One life of a camera's GStreamer pipeline, from connecting to its end.

The picker stands between the two halves of ``pipelines.sources.camera.launch``. A
picture carries its time from one to the other as PTS, and whose clock that is as
offset.
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
from pipelines.sources.camera.launch import launch_camera
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
"""How long to wait for a source to close that has not even opened, at most."""

_EVERYTHING = (
    Gst.BufferCopyFlags.FLAGS | Gst.BufferCopyFlags.META | Gst.BufferCopyFlags.MEMORY
)


@final
class CameraPipeline:
    """Connects to a camera or opens a file, and gives its picked pictures.

    Construct, start and stop it where the event loop runs. Opening and closing happen
    in a thread of its own, for either may block for ever.

    Args:
        subject_id: Whom the pictures show.
        address: The camera.
        clock: Tells when pictures came, for ``last_sign_ns``.
        image_size_px: Side of the square pictures.
        framing: How the picture becomes square.
        answer_within_s: How long to wait for a network camera's answers, in seconds.
        stamps: Tells when a picture was taken.
        picker: Picks on the grid.
        on_frame: Takes each picked picture, its time base and a problem with it or
            ``""``, in a thread of GStreamer.
        rtsp: How an RTSP camera is trusted.
        transport: How its pictures are to travel: ``tcp``, ``udp`` or ``multicast``.
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
        self._access, self._transport = rtsp, transport
        self._rtsp: RtspConnection | None = None
        self._loop = asyncio.get_running_loop()
        self._problem = ""
        self._no_video: SourceError | None = None
        self._film: Film | None = None
        self.last_sign_ns = clock.now_ns()
        """When it was started, or the last picture was decoded."""
        self._first_sign_ns = self.last_sign_ns
        self.pictures = 0
        """How many pictures were decoded."""
        self.ended: asyncio.Future[SourceError | None] = self._loop.create_future()
        """Why it ended; None at the end of a stream."""
        self._calls = BlockingCalls(f"open {subject_id}"[:60])
        self.opened: asyncio.Future[object] = self._loop.create_future()
        """Done once opening has answered, whether with a stream or an error."""
        self.closed: asyncio.Future[object] = self._loop.create_future()
        """Done once nothing of it is left."""
        self._pipeline = launch_camera(address, image_size_px, framing, answer_within_s)
        self._bus = self._pipeline.get_bus()
        self._bus_fd = self._bus.get_pollfd().fd
        self._decoded = element(self._pipeline, "decoded")
        self._picked = element(self._pipeline, "picked")
        self._connections: list[tuple[Gst.Element, int]] = []
        self._connect_signals()

    @property
    def played_ns(self) -> int:
        """How long pictures came."""
        return self.last_sign_ns - self._first_sign_ns if self.pictures else 0

    def start(self, look: Callable[[], Film | None] = lambda: None) -> None:
        """Connect; what follows shows in ``on_frame`` and ``ended``.

        Args:
            look: Called first, where it may block, and returns a file's track to
                watch, or None for the first that there is. What it raises ends the
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
        """Disconnect, and wait a bounded time for what that takes.

        A producer that waits for room must have been let go before.

        Args:
            within_s: Longest wait, in seconds.

        Returns:
            Whether it is closed. If not, ``closed`` tells when it is; until then it
            holds what it had opened, and gives no more pictures.
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
            self._connections.clear()  # they refer to us, and we to the pipeline
            if self.closed.done():
                self._picker.flush()
        return self.closed.done()

    def end(self, error: SourceError | None) -> None:
        """Let ``ended`` be known, unless it is already; from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if error is None:  # an end may come of an error that waits to be read
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
                # Without a taker for what it has, the source fails as well.
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
        """Pull a sample for ``handler``; its failure must not vanish in a C thread."""

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
        """Decode a file's film, and none of its other tracks."""
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
        if self.ended.done():  # left, and still on its way
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
        """Hand a pick to the second half; waits while that is behind."""
        if pick is None:
            return
        sample, time_base = pick.item
        decoded, caps = sample.get_buffer(), sample.get_caps()
        if decoded is None or caps is None:
            return
        # A new head on the same memory: others may hold the decoder's buffer.
        buffer = decoded.copy_region(_EVERYTHING, 0, decoded.get_size())
        if buffer is None:
            return
        buffer.pts = pick.timestamp_ns
        buffer.offset = _TIME_BASES.index(time_base)
        self._picked.emit("push-sample", Gst.Sample.new(buffer, caps, None, None))

    def _on_picture(self, sample: Gst.Sample) -> None:
        buffer = sample.get_buffer()
        if buffer is None or self.ended.done():  # what comes late would look alive
            return
        frame = Frame(
            subject_id=self._subject_id,
            timestamp_ns=buffer.pts,
            tick=self._picker.grid.tick_of(buffer.pts),
            pixels=sample_to_pixels(sample),
        )
        self._on_frame(frame, _TIME_BASES[buffer.offset], self._problem)
