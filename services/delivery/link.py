"""The connection to a broker: MQTT 5 if the broker has it, else 3.1.1.

MQTT 5 says of each message whether it was accepted; 3.1.1 acknowledges what it drops.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, final

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from services.site.broker import BrokerSettings

# Our one line for each change says what the library would log.
_library_logger = logging.getLogger(f"{__name__}.aiomqtt")
_library_logger.setLevel(logging.CRITICAL)

_ANSWER_S = 5.0
_KEEPALIVE_S = 10
_NOT_REACHED = "is not reached"
_CREDENTIAL_CODES = frozenset({4, 5, 134, 135})
_VERSION_CODES = frozenset({1, 132})
_FAILURE = 0x80
"""Reason codes from here on are refusals; 0x10, nobody listens, is none."""
_REASONS: Final = {
    0x80: "unspecified error",
    0x83: "an error of its own; see its log",
    0x87: "not authorised; see its access list",
    0x90: "topic name invalid; see its rules for topics",
    0x95: "packet too large; see its limit",
    0x97: "quota exceeded; see its limits",
    0x99: "payload format invalid; see its rules for payloads",
    0x9A: "it keeps no retained messages",
    0x9B: "it has no quality of service 1",
}


class NoAnswer(aiomqtt.MqttError):
    """The broker closed the connection, or said nothing, instead of answering."""


@final
class BrokerClient(aiomqtt.Client):
    """A client that says what the broker answered to each message.

    aiomqtt drops the reason codes that paho gives to ``on_publish``, and waits for its
    whole timeout when a connection is closed in answer to CONNECT.

    Args:
        version: Of MQTT.
        options: As of ``aiomqtt.Client``.
    """

    def __init__(
        self,
        version: aiomqtt.ProtocolVersion,
        **options: Any,  # noqa: ANN401  each is checked by its name in aiomqtt
    ) -> None:
        super().__init__(protocol=version, **options)
        self.has_reasons = version == aiomqtt.ProtocolVersion.V5
        self._answers: dict[int, asyncio.Future[int]] = {}

    async def send(self, topic: str, payload: str, *, retain: bool = False) -> str:
        """Publish with quality of service 1.

        Returns:
            Why the broker refused the message; nothing if it acknowledged it.

        Raises:
            aiomqtt.MqttError: If the connection is lost.
            NoAnswer: If no acknowledgement came in time.
        """
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "could not publish")
        answer = self._answers[info.mid] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.timeout):
                code = await answer
        except TimeoutError:
            msg = f"no acknowledgement within {self.timeout:g} s"
            raise NoAnswer(msg) from None
        finally:
            del self._answers[info.mid]
        return refusal_of(code)

    async def hears(self, topic: str) -> str:
        """Subscribe to a topic; return why the broker refused it, or nothing."""
        (code,) = await self.subscribe(topic, qos=1)
        return refusal_of(code if isinstance(code, int) else code.value)

    def _on_publish(
        self,
        client: Client,
        userdata: object,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        answer = self._answers.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(reason_code.value)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_disconnect(
        self,
        client: Client,
        userdata: object,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            msg = "it closed the connection in answer to CONNECT"
            self._connected.set_exception(NoAnswer(msg))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # else asyncio logs that nobody asked


@final
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

    @asynccontextmanager
    async def connect(
        self, will: aiomqtt.Will | None = None
    ) -> AsyncIterator[BrokerClient]:
        """Connect by MQTT 5; by 3.1.1 where the broker does not speak 5.

        Each connection asks for MQTT 5 first: a broker that has learnt it is used so.

        Raises:
            aiomqtt.MqttError: If there is no connection, or it is lost.
            OSError: If a certificate or a password file cannot be read.
        """
        async with AsyncExitStack() as stack:
            try:
                client = self._client(aiomqtt.ProtocolVersion.V5, will)
                await stack.enter_async_context(client)
            except aiomqtt.MqttError as error:
                if not _may_be_older(error):
                    raise
                client = self._client(aiomqtt.ProtocolVersion.V311, will)
                await stack.enter_async_context(client)
            yield client

    def _client(
        self, version: aiomqtt.ProtocolVersion, will: aiomqtt.Will | None
    ) -> BrokerClient:
        return BrokerClient(
            version,
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password(),
            tls_context=self.tls(),
            will=will,
            timeout=_ANSWER_S,
            keepalive=_KEEPALIVE_S,
            logger=_library_logger,
        )


def refusal_of(code: int) -> str:
    """Return what a reason code says against a message; nothing if it is none."""
    if code < _FAILURE:
        return ""
    return _REASONS.get(code, f"reason code 0x{code:02X}")


async def try_broker(link: BrokerLink) -> str:
    """Return why a broker cannot be used, or nothing."""
    try:
        async with link.connect():
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
    if code_of(error) in _CREDENTIAL_CODES and isinstance(error, MqttConnectError):
        return "refuses user name or password; see broker.user and password_file"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"{_NOT_REACHED} ({' '.join(str(error).split())}); tried again and again"


def code_of(error: BaseException) -> int | None:
    """Return the code that the broker gave with an error, if it gave one."""
    cause: BaseException | None = error
    while cause is not None:
        code = getattr(cause, "rc", None)
        code = getattr(code, "value", code)
        if isinstance(code, int):
            return code
        cause = cause.__cause__
    return None


def _may_be_older(error: aiomqtt.MqttError) -> bool:
    """Tell whether a failed CONNECT may be that of a broker without MQTT 5."""
    if isinstance(error, MqttConnectError):
        return code_of(error) in _VERSION_CODES
    return isinstance(error, NoAnswer) or "timed out" in str(error).lower()
