"""A wearable's samples from an MQTT broker, with reconnection after outages.

One topic is one device. The format of a message is in
``pipelines.sources.wearable.payload``, the conversion to samples in
``pipelines.sources.wearable.receiver``. This module has the connection and the device's
state::

    connecting -> online <-> stalled    the wearable is silent
         ^           |          |
         +------- offline <-----+       no connection to the broker: tried repeatedly
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from random import Random
from statistics import median
from typing import final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from pipelines.clock import Clock, ns_to_seconds, seconds_to_ns
from pipelines.errors import PayloadError, SourceNotFound, SourceRefused
from pipelines.records import ImuBatch, SourceKey, SourceStatus
from pipelines.sources.backoff import Backoff
from pipelines.sources.mqtt import CREDENTIAL_CODES, quiet_logger, reconnecting
from pipelines.sources.status_board import StatusBoard
from pipelines.sources.stream_buffer import BufferClosed, StreamBuffer
from pipelines.sources.wearable.address import MqttAddress
from pipelines.sources.wearable.device_clock import ImuClock, ImuClockSettings
from pipelines.sources.wearable.mapping import PayloadMapping
from pipelines.sources.wearable.receiver import ImuCounts, ImuReceiver

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_ANSWER_S = 5.0
_CLOSE_S = 1.0
_KEEPALIVE_S = 15
_MOST_UNREAD_MESSAGES = 1000
_WARN_EVERY_NS = seconds_to_ns(10.0)
_SILENT_PERIODS = 2.5
"""Number of usual gaps between messages after which a wearable counts as silent."""
_GAPS_REMEMBERED = 5
_LONGEST_USUAL_NS = seconds_to_ns(60.0)
_LEAST_FAILURE_CODE = 128


@final
class ImuSource:
    """An endless source of a wearable's batches and changes of status.

    An async context manager, and in it an async iterator. Messages are read and
    timestamped on arrival, independent of the consumer's speed.

    Args:
        subject_id: The subject that wears the device; part of every record.
        address: ``mqtt://[user:password@]host[:port]/topic``.
        clock: Clock of arrivals, silence and pauses.
        mapping: Description of the messages, if they are a vendor's.
        stall_s: Silence after which a wearable has stalled, in seconds; longer for a
            wearable that usually sends more rarely.
        fail_fast: Whether to raise if the first connection fails.
        most_batches: Greatest number of batches that wait for the consumer; the oldest
            is dropped.
        clock_settings: Settings of the estimate of the device's clock offset.
        rng: Random generator for the pauses between attempts to connect.
        tls_context: TLS settings of the broker; None connects without encryption.
        on_status: Called on the event loop with each new status, at once. The same
            status in the stream waits behind batches that were not read yet.

    Raises:
        SourceError: If the address is malformed.
    """

    def __init__(
        self,
        subject_id: str,
        address: str,
        *,
        clock: Clock,
        mapping: PayloadMapping | None = None,
        stall_s: float = 5.0,
        fail_fast: bool = False,
        most_batches: int = 256,
        clock_settings: ImuClockSettings | None = None,
        rng: Random | None = None,
        tls_context: ssl.SSLContext | None = None,
        on_status: Callable[[SourceStatus], None] | None = None,
    ) -> None:
        self._subject_id = subject_id
        self._address = MqttAddress.parse(address)
        self._clock = clock
        self._stall_ns = seconds_to_ns(stall_s)
        self._fail_fast = fail_fast
        self._tls_context = tls_context
        self._on_status = on_status
        self._most_batches = most_batches
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, rng or Random())
        self._receiver = ImuReceiver(
            subject_id, self._address.shown_topic, ImuClock(clock_settings), mapping
        )
        self._correction_ns = 0
        self._connections = 0
        self._last_data_ns = 0
        self._gaps_ns = deque[int](maxlen=_GAPS_REMEMBERED)
        self._batch_ns = 0
        self._last_warning_ns: int | None = None

    @property
    def counts(self) -> ImuCounts:
        """Counts of received and dropped messages and samples so far."""
        return replace(self._receiver.counts, dropped_batches=self._outbox.dropped)

    async def __aenter__(self) -> "ImuSource":
        self._outbox = StreamBuffer[ImuBatch | SourceStatus](self._most_batches)
        self._board = StatusBoard(
            SourceKey(self._subject_id, "imu"),
            clock=self._clock,
            time_base=self._receiver.time_base,
            dropped=lambda: self._outbox.dropped,
            publish=lambda status: self._outbox.put(status, kept=True),
            on_status=self._on_status,
        )
        self._task = asyncio.create_task(self._run(), name=f"imu[{self._subject_id}]")
        self._task.add_done_callback(lambda _: self._outbox.close())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        # ``__anext__`` has raised the error.
        await asyncio.gather(self._task, return_exceptions=True)

    def __aiter__(self) -> AsyncIterator[ImuBatch | SourceStatus]:
        return self

    async def __anext__(self) -> ImuBatch | SourceStatus:
        """Return the next batch or change of state.

        Raises:
            SourceError: With ``fail_fast``, if the broker cannot be reached or refuses
                the credentials at the first attempt.
        """
        try:
            return await self._outbox.get()
        except BufferClosed:
            await self._task
            raise StopAsyncIteration from None

    async def _run(self) -> None:
        connections_before = self._connections

        def pause_s(error: Exception) -> float:
            nonlocal connections_before
            problem, refused = _problem(error)
            if self._connections > connections_before:
                problem = "the connection to the broker was lost"
            elif self._fail_fast and self._connections == 0:
                kind = SourceRefused if refused else SourceNotFound
                raise kind(str(self._address), problem)
            connections_before = self._connections
            self._board.update("offline", problem)
            # More attempts with wrong credentials may lock us out.
            wait_s = self._backoff.slowest_s() if refused else self._backoff.next_s()
            logger.info("%s: %s; again in %.1f s", self._address, problem, wait_s)
            return wait_s

        await reconnecting(self._listen, self._clock, pause_s)

    async def _listen(self) -> None:
        """Connect, subscribe and process messages until the connection is lost."""
        async with self._connected() as client:
            for code in await client.subscribe(self._address.topic, qos=1):
                if isinstance(code, ReasonCode) and code.value >= _LEAST_FAILURE_CODE:
                    msg = f"the broker refuses the subscription: {code}"
                    raise aiomqtt.MqttError(msg)
            self._backoff.reset()
            self._connections += 1
            self._last_data_ns = self._clock.now_ns()
            self._board.update("connecting", "subscribed, no data yet")
            self._board.count_reconnects(self._connections - 1)
            watch = asyncio.create_task(self._watch_silence())
            try:
                async for message in client.messages:
                    self._process(message)
            finally:
                watch.cancel()
        msg = "the messages ended"  # aiomqtt has raised an error instead so far
        raise aiomqtt.MqttError(msg)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiomqtt.Client]:
        client = aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.user,
            password=self._address.password,
            tls_context=self._tls_context,
            logger=quiet_logger,
            timeout=_ANSWER_S,
            keepalive=_KEEPALIVE_S,
            max_queued_incoming_messages=_MOST_UNREAD_MESSAGES,
        )
        entering = asyncio.ensure_future(client.__aenter__())
        try:
            await asyncio.shield(entering)
            yield client
        finally:
            # A thread makes the connection: without a wait it would outlive the source.
            await asyncio.gather(entering, return_exceptions=True)
            client.timeout = _CLOSE_S
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)

    async def _watch_silence(self) -> None:
        while True:
            quiet_ns = self._clock.now_ns() - self._last_data_ns
            silence_ns = self._silence_ns()
            if quiet_ns >= silence_ns:
                silence_s = ns_to_seconds(silence_ns)
                self._board.update("stalled", f"no data for {silence_s:.3g} s")
                quiet_ns = 0
            await self._clock.sleep_s(ns_to_seconds(silence_ns - quiet_ns))

    def _silence_ns(self) -> int:
        """Return the length of a pause that counts as silence.

        The usual gap between messages is the span of a batch, or the median of the last
        gaps if that is longer.
        """
        usual_ns = max(self._batch_ns, median(self._gaps_ns or (0,)))
        silence_ns = round(_SILENT_PERIODS * min(usual_ns, _LONGEST_USUAL_NS))
        return max(self._stall_ns, silence_ns)

    def _process(self, message: aiomqtt.Message) -> None:
        arrival_ns = self._clock.now_ns()
        if message.retain:
            self._receiver.skip_retained()
            return
        try:
            batch = self._receiver.take(message.payload, arrival_ns)
        except PayloadError as error:
            self._warn(error, arrival_ns)
            return
        if batch is not None:
            times_ns = batch.timestamps_ns
            self._batch_ns = int(times_ns[-1] - times_ns[0])
            if self._board.state in ("online", "stalled"):
                self._gaps_ns.append(arrival_ns - self._last_data_ns)
            self._last_data_ns = arrival_ns
            self._report_online()
            self._outbox.put(batch)

    def _report_online(self) -> None:
        correction_ns = self._clock.correction_ns()
        if self._board.state != "online" or correction_ns != self._correction_ns:
            self._correction_ns = correction_ns
            offset_s = ns_to_seconds((self.counts.clock_offset_ns or 0) + correction_ns)
            self._online_reason = f"its clock is {offset_s:+.3f} s from ours"
        self._board.update(
            "online", self._online_reason, time_base=self._receiver.time_base
        )

    def _warn(self, error: PayloadError, now_ns: int) -> None:
        """Log a dropped message, at most once in 10 s."""
        last_ns = self._last_warning_ns
        if last_ns is None or now_ns - last_ns >= _WARN_EVERY_NS:
            self._last_warning_ns = now_ns
            malformed = self.counts.malformed
            logger.warning(
                "%s: dropped a message, %d so far: %s",
                self._subject_id,
                malformed,
                error,
            )


def _problem(error: Exception) -> tuple[str, bool]:
    """Return why an attempt failed, and whether the credentials were refused."""
    code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    if isinstance(code, ReasonCode) and code.value in CREDENTIAL_CODES:
        return (
            f"the broker refuses us ({code}); write user and password in the address",
            True,
        )
    return f"no connection to the broker: {error}", False
