"""A camera or a video file as a stream of picked frames and of its own state.

    connecting ──▶ online ◀──▶ stalled (frozen picture: frames go on)
        │            │
        │            ├──▶ stalled  no picture for some seconds ─┐
        ▼            ▼                                           ▼
      offline ◀── connection lost ──────────────────▶ wait (backoff), connect again

A file is read to its end, without loss, as fast as it is consumed or at a given speed.
"""

import asyncio
import contextlib
import functools
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import final

from pipelines.clock import Clock, SystemClock, ns_to_seconds, seconds_to_ns
from pipelines.errors import SourceError, SourceRefused, SourceUnreadable
from pipelines.records import Frame, SourceKey, SourceState, SourceStatus, TimeBase
from pipelines.sources.backoff import Backoff
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.capture_clock import CaptureClock
from pipelines.sources.camera.framing import PAD, Framing
from pipelines.sources.camera.frozen import FrozenPicture
from pipelines.sources.camera.grid import FrameGrid, GridPicker
from pipelines.sources.camera.pipeline import CameraPipeline, Held
from pipelines.sources.camera.rtsp_access import SYSTEM_TRUST, RtspAccess
from pipelines.sources.camera.rtsp_connection import RtspTransports, TransportRefused
from pipelines.sources.camera.stamps import LiveStamps, Stamps
from pipelines.sources.recording.film_scan import Film, look_at
from pipelines.sources.recording.report import RecordingReport
from pipelines.sources.recording.stamps import FileStamps
from pipelines.sources.status_board import StatusBoard
from pipelines.sources.stream_buffer import BufferClosed, StreamBuffer

logger = logging.getLogger(__name__)

_FROZEN = "frozen picture"
_WATCHES_PER_LIMIT = 10


@dataclass(frozen=True, slots=True)
class CameraLimits:
    """Timeouts and limits of a live camera.

    Attributes:
        connect_within_s: Longest time from connecting to the first picture, in seconds.
        stalled_after_s: Time without a picture after which the stream has stalled, in
            seconds.
        frozen_after_s: Time with the same picture after which it is frozen, in seconds.
        retry_first_s: Shortest wait before a reconnection, in seconds.
        retry_longest_s: Longest wait before a reconnection, in seconds.
        healthy_after_s: Time with pictures after which the waits restart with the
            shortest, in seconds.
        close_within_s: Longest wait for a source to close, in seconds; then the rest of
            the program continues.
        buffered_frames: Greatest number of frames that wait for the consumer.
    """

    connect_within_s: float = 15.0
    stalled_after_s: float = 5.0
    frozen_after_s: float = 30.0
    retry_first_s: float = 1.0
    retry_longest_s: float = 30.0
    healthy_after_s: float = 10.0
    close_within_s: float = 3.0
    buffered_frames: int = 8


@final
class CameraSource:
    """One camera; an async context manager, and in it an async iterator.

    Status records are in order with the frames: a change of the time base comes before
    the first frame with that time base.

    Args:
        subject_id: The subject in the pictures.
        address: ``rtsp://…``, a device, a video file, or ``test``.
        clock: The clock of the chain.
        image_size_px: Side of the square pictures, in pixels.
        step_ns: One step of the frame grid, in nanoseconds.
        framing: Conversion of the picture to a square.
        rtsp: Transport and trust of an RTSP camera.
        limits: Timeouts and limits of a live camera.
        fail_fast: Whether to raise if the first connection fails or a file does not
            answer. Without it, the source waits for a file that does not answer.
        rng: Random generator for the waits between attempts.
        origin_ns: For a file: pipeline time of presentation time 0.
        speed: For a file: speed relative to real time; None for the speed of the
            consumer.
        on_status: Called on the event loop with each new status, at once. The same
            status in the stream waits behind frames that were not read yet.

    Raises:
        ValueError: If ``speed`` is not positive.
        SourceError: If the address has none of the forms above.
    """

    def __init__(
        self,
        subject_id: str,
        address: str,
        *,
        clock: Clock,
        image_size_px: int,
        step_ns: int,
        framing: Framing = PAD,
        rtsp: RtspAccess = SYSTEM_TRUST,
        limits: CameraLimits | None = None,
        fail_fast: bool = False,
        rng: random.Random | None = None,
        origin_ns: int = 0,
        speed: float | None = None,
        on_status: Callable[[SourceStatus], None] | None = None,
    ) -> None:
        if speed is not None and not speed > 0:
            msg = f"speed must be positive, got {speed}"
            raise ValueError(msg)
        self._subject_id = subject_id
        self._address = CameraAddress.parse(address)
        self._clock = clock
        self._image_size_px = image_size_px
        self._framing = framing
        self._rtsp, self._transports = rtsp, RtspTransports(rtsp)
        self._limits = limits or CameraLimits()
        self._fail_fast = fail_fast
        self._speed = speed
        self._on_status = on_status
        self._attempt = 0
        self._origin_ns = origin_ns
        self._backoff = Backoff(
            self._limits.retry_first_s,
            self._limits.retry_longest_s,
            rng or random.Random(),
        )
        self._frozen = FrozenPicture(seconds_to_ns(self._limits.frozen_after_s))
        live = self._address.live
        # The watchdog of a decoder needs real time, also for a recording.
        self._watch_clock = clock if live else SystemClock()
        self._picker = GridPicker[Held](FrameGrid(step_ns, 0 if live else origin_ns))
        self._capture_clock = CaptureClock()
        self._file_stamps = FileStamps(origin_ns)
        self._stamps: Stamps = (
            LiveStamps(clock, self._capture_clock) if live else self._file_stamps
        )

    @property
    def report(self) -> RecordingReport:
        """Faults of the file so far."""
        return self._file_stamps.report

    @property
    def dropped(self) -> int:
        """Number of frames dropped because the consumer was too slow."""
        return self._buffer.dropped

    @property
    def waiting(self) -> int:
        """Number of frames that wait for the consumer."""
        return self._buffer.waiting

    async def __aenter__(self) -> "CameraSource":
        live = self._address.live
        self._entered_ns = self._clock.now_ns()
        self._buffer = StreamBuffer[Frame | SourceStatus](
            self._limits.buffered_frames, lossless=not live
        )
        self._board = StatusBoard(
            SourceKey(self._subject_id, "camera"),
            clock=self._clock,
            time_base="arrival" if live else "presentation",
            dropped=lambda: self._buffer.dropped,
            bridged=lambda: self._capture_clock.bridged,
            publish=lambda status: self._buffer.put(status, kept=True),
            on_status=self._on_status,
        )
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._buffer.close()
        self._task.cancel()
        # ``__anext__`` has raised the error.
        with contextlib.suppress(asyncio.CancelledError, SourceError):
            await self._task

    def __aiter__(self) -> AsyncIterator[Frame | SourceStatus]:
        return self

    async def __anext__(self) -> Frame | SourceStatus:
        """Return the next frame or change of state.

        Raises:
            StopAsyncIteration: At the end of a file.
            SourceError: If the file cannot be read, or, with ``fail_fast``, the camera
                cannot be reached.
        """
        item = None
        with contextlib.suppress(BufferClosed):
            item = await self._buffer.get()
        if item is None:
            await self._task
            raise StopAsyncIteration
        if self._speed is not None and isinstance(item, Frame):
            await self._wait_until_due(item.timestamp_ns, self._speed)
        return item

    async def _wait_until_due(self, timestamp_ns: int, speed: float) -> None:
        due_ns = self._entered_ns + round((timestamp_ns - self._origin_ns) / speed)
        wait_ns = due_ns - self._clock.now_ns()
        if wait_ns > 0:
            await self._clock.sleep_s(ns_to_seconds(wait_ns))

    async def _run(self) -> None:
        try:
            if self._address.live:
                await self._keep_connected()
            else:
                await self._read_file()
        finally:
            self._buffer.close()

    async def _read_file(self) -> None:
        async with self._playing() as life:
            error = await life.ended
        if error is not None:
            raise error
        if life.pictures == 0:
            problem = "there is no picture in it"
            raise SourceUnreadable(str(self._address), problem)
        self._file_stamps.end()
        if self.report.line:
            self._board.update("online", self.report.line)

    async def _keep_connected(self) -> None:
        while True:
            self._board.count_reconnects(self._attempt)
            self._frozen.restart()
            async with self._playing() as life:
                error = await life.ended
                if isinstance(error, TransportRefused):
                    if self._transports.refused():
                        continue
                    problem = self._transports.problem()
                    error = SourceUnreadable(str(self._address), problem)
                if error is None:
                    error = SourceUnreadable(str(self._address), "the stream was ended")
                if self._fail_fast and self._attempt == 0 and life.pictures == 0:
                    raise error
                # Reported before closing, which is slow for a hung camera.
                hung = isinstance(error, _Hung) and life.pictures > 0
                state: SourceState = "stalled" if hung else "offline"
                self._board.update(state, error.problem)
            if not life.closed.done():
                await self._until_closed(life, state, error)
            if life.played_ns >= seconds_to_ns(self._limits.healthy_after_s):
                self._backoff.reset()
            refused = isinstance(error, SourceRefused)  # more attempts may lock us out
            wait_s = self._backoff.slowest_s() if refused else self._backoff.next_s()
            logger.info("%s; next attempt in %.1f s", error, wait_s)
            await self._clock.sleep_s(wait_s)
            self._attempt += 1

    async def _until_closed(
        self, life: CameraPipeline, state: SourceState, error: SourceError
    ) -> None:
        """Wait for a hung source to close: another attempt would hang too."""
        problem = f"{error.problem}; closing it does not answer"
        self._board.update(state, problem)
        await asyncio.wait({life.closed})
        self._picker.flush()
        self._board.update(state, error.problem)

    @contextlib.asynccontextmanager
    async def _playing(self) -> AsyncGenerator[CameraPipeline]:
        life = CameraPipeline(
            self._subject_id,
            self._address,
            clock=self._watch_clock,
            image_size_px=self._image_size_px,
            framing=self._framing,
            # Longer than the watchdog's limit: its error text is more exact.
            answer_within_s=1.5 * self._limits.stalled_after_s,
            stamps=self._stamps,
            picker=self._picker,
            on_frame=self._on_frame,
            rtsp=self._rtsp,
            transport=self._transports.now,
        )
        watchdog = asyncio.create_task(self._watch(life))
        life.start(functools.partial(self._look, life))
        try:
            yield life
        finally:
            watchdog.cancel()
            await life.stop(self._limits.close_within_s)

    async def _watch(self, life: CameraPipeline) -> None:
        """End the life if no picture comes: a hung camera reports no error."""
        limits, suspected = self._limits, False
        while True:
            limit_s = limits.connect_within_s
            if life.pictures and self._address.live:
                limit_s = limits.stalled_after_s
            await self._watch_clock.sleep_s(limit_s / _WATCHES_PER_LIMIT)
            silent_ns = self._watch_clock.now_ns() - life.last_sign_ns
            # A file is read no faster than it is consumed.
            awaited = self._address.live or self._buffer.empty
            silent = awaited and silent_ns > seconds_to_ns(limit_s)
            # Twice in a row: this task may run late, before a picture that is waiting.
            if silent and suspected:
                self._on_silence(life, limit_s)
            suspected = silent

    def _on_silence(self, life: CameraPipeline, limit_s: float) -> None:
        """End a silent life, or report it where ending cannot help.

        A source that blocks in opening, or a file that blocks in reading, cannot be
        interrupted, and another attempt would block too. So the source waits for it.
        """
        opening, live = not life.opened.done(), self._address.live
        problem = f"no picture for {limit_s:g} s"
        if opening:
            problem = f"opening does not answer within {limit_s:g} s"
        urgent = self._fail_fast and not (live and self._attempt > 0)
        if urgent or (live and not opening):
            life.end(_Hung(str(self._address), problem))
        else:
            self._board.update("offline" if opening else "stalled", problem)

    def _look(self, life: CameraPipeline) -> Film | None:
        """Scan a file before playing; this may block."""
        if self._address.kind != "file":
            return None

        def on_sign() -> None:
            life.last_sign_ns = self._watch_clock.now_ns()

        film = look_at(self._address, on_sign)
        if film is None:  # a pipe has its own pace, and its times may start anywhere
            self._speed = None
        self._file_stamps.use(film)
        return film

    def _on_frame(self, frame: Frame, time_base: TimeBase, problem: str) -> None:
        live = self._address.live
        state: SourceState = "online"
        if live and self._frozen.is_frozen(frame.timestamp_ns, frame.pixels):
            state, problem = "stalled", _FROZEN
        self._board.update(state, problem, time_base=time_base)
        self._buffer.put(frame)


@final
class _Hung(SourceUnreadable):
    """A connected camera sends no pictures."""
