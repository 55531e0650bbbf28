"""The outbox to an MQTT broker: in order, until each message is acknowledged.

    store ──oldest first──▶ publish, QoS 1 ──acknowledged──▶ delivered
      ▲                         │ connection lost
      └── stays where it is ◀───┘ tried again and again

A last will tells ``offline`` for the site if we vanish.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol, final

import aiomqtt

from pipelines.clock import Clock
from pipelines.sources.backoff import Backoff
from services.errors import StoreError
from services.settings import BrokerSettings
from services.store import Message, Queued, Store

logger = logging.getLogger(__name__)

# What the library would log, our one line for each change says.
_library_logger = logging.getLogger(f"{__name__}.aiomqtt")
_library_logger.setLevel(logging.CRITICAL)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0
_ANSWER_S = 5.0
_KEEPALIVE_S = 10
_AT_ONCE = 64
_NOT_REACHED = "is not reached"
_CREDENTIAL_CODES = frozenset({4, 5, 134, 135})


@dataclass(frozen=True, slots=True)
class BrokerLink:
    """How to reach a broker; its ``repr`` holds no secret."""

    host: str
    port: int
    user: str | None
    password: Callable[[], str | None]
    tls: Callable[[], ssl.SSLContext | None]

    @classmethod
    def of(cls, broker: BrokerSettings) -> "BrokerLink":
        """Take what is configured; secrets are read at each connection."""
        tls = broker.tls
        return cls(
            broker.host,
            broker.port,
            broker.user,
            broker.secret,
            (lambda: None) if tls is None else tls.build,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def client(self, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
        """Return a client that is not connected yet.

        Raises:
            OSError: If a certificate or a password file cannot be read.
        """
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.user,
            password=self.password(),
            tls_context=self.tls(),
            will=will,
            timeout=_ANSWER_S,
            keepalive=_KEEPALIVE_S,
            logger=_library_logger,
        )


class DeliveryObserver(Protocol):
    """Told what becomes of messages; must return at once."""

    def connected(self, is_up: bool, reason: str) -> None:
        """Take that the broker is there, or is not and why."""
        ...

    def delivered(self, queued: Queued, now_ns: int) -> None:
        """Take that the broker has a message."""
        ...


@final
class MqttDelivery:
    """Publishes a store's messages for ever.

    Args:
        link: The broker.
        store: Where messages wait.
        clock: Dates what is delivered.
        greeting: What is published, retained, whenever the broker is back; the first
            is the site's own status, whose counterpart is the last will.
        will: Published by the broker if we vanish, and by us when we go.
        observer: Told what becomes of messages.
    """

    def __init__(
        self,
        link: BrokerLink,
        store: Store,
        clock: Clock,
        *,
        greeting: Callable[[], list[Message]],
        will: Message,
        observer: DeliveryObserver,
        rng: Random | None = None,
    ) -> None:
        self._link, self._store, self._clock = link, store, clock
        self._greeting, self._will, self._observer = greeting, will, observer
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, rng or Random())
        self._more = asyncio.Event()
        self._idle = asyncio.Event()

    def wake(self) -> None:
        """Tell that there is something new in the store."""
        self._idle.clear()
        self._more.set()

    async def wait_idle(self) -> None:
        """Return once everything in the store is delivered."""
        await self._idle.wait()

    async def run(self) -> None:
        """Publish until cancelled; then say that the site is offline, if possible."""
        will = aiomqtt.Will(self._will.topic, _text(self._will), qos=1, retain=True)
        while True:
            try:
                async with self._link.client(will) as client:
                    await self._publish_all(client)
            except (aiomqtt.MqttError, OSError) as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():  # the goodbye failed
                    raise asyncio.CancelledError from error
                reason = why(error)
                self._observer.connected(False, reason)
                logger.warning("broker %s: %s", self._link, reason)
            except StoreError as error:  # a full disk: told by whoever writes, too
                logger.warning("%s; delivery begins anew", error)
            await self._clock.sleep_s(self._backoff.next_s())

    async def _publish_all(self, client: aiomqtt.Client) -> None:
        try:
            for message in self._greeting():
                await _publish(client, message)
            self._backoff.reset()
            self._observer.connected(True, "")
            while True:
                self._more.clear()
                queued = await asyncio.to_thread(self._store.waiting, _AT_ONCE)
                for each in queued:
                    await _publish(client, each.message)
                    now_ns = self._clock.now_ns()
                    await asyncio.to_thread(self._store.delivered, each.number, now_ns)
                    self._observer.delivered(each, now_ns)
                if not queued:
                    self._idle.set()
                    await _either(self._more.wait(), _lost(client))
        except asyncio.CancelledError:
            await _publish(client, self._will)
            raise


async def try_broker(link: BrokerLink) -> str:
    """Return why a broker cannot be used, or nothing."""
    try:
        async with link.client():
            return ""
    except (aiomqtt.MqttError, OSError) as error:
        return why(error)


def is_refusal(reason: str) -> bool:
    """Tell whether a reason is of the kind that waiting does not mend."""
    return not reason.startswith(_NOT_REACHED)


def why(error: Exception) -> str:
    """Say in a few words why there is no connection, and what to do."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS with it: {cause.reason or 'handshake failed'}"
        cause = cause.__cause__ or cause.__context__
    code = getattr(getattr(error, "rc", None), "value", getattr(error, "rc", None))
    if code in _CREDENTIAL_CODES:
        return "refuses user name or password; see broker.user and password_file"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"{_NOT_REACHED} ({' '.join(str(error).split())}); tried again and again"


async def _publish(client: aiomqtt.Client, message: Message) -> None:
    await client.publish(message.topic, _text(message), qos=1, retain=message.retain)


def _text(message: Message) -> str:
    return json.dumps(message.payload, separators=(",", ":")) if message.payload else ""


async def _lost(client: aiomqtt.Client) -> None:
    """Raise when the connection is lost; nothing is ever received."""
    async for _ in client.messages:
        pass


async def _either(*waits: Awaitable[object]) -> None:
    """Return when one is done, raise what it raises, and let none go on."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
