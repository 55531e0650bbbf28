"""The connection to a broker: MQTT 5 if the broker has it, else 3.1.1.

With MQTT 5 the broker says of each message whether it was accepted. With 3.1.1 it also
acknowledges the messages that it drops.
"""

import asyncio
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

from pipelines.sources.mqtt import CREDENTIAL_CODES, quiet_logger, reason_code
from services.site.broker import BrokerSettings

_ANSWER_S = 5.0
_KEEPALIVE_S = 10
_UNREACHABLE = "cannot be reached"
_VERSION_CODES = frozenset({1, 132})
_FAILURE = 0x80
"""Lowest reason code of a refusal; 0x10, no subscriber, is below it."""
_REASONS: Final = {
    0x80: "unspecified error",
    0x83: "an error in the broker; see its log",
    0x87: "not authorised; see its access list",
    0x90: "topic name invalid; see its rules for topics",
    0x95: "packet too large; see its limit",
    0x97: "quota exceeded; see its limits",
    0x99: "payload format invalid; see its rules for payloads",
    0x9A: "it keeps no retained messages",
    0x9B: "it has no quality of service 1",
}


class NoAnswer(aiomqtt.MqttError):
    """The broker closed the connection or stayed silent instead of answering."""


@final
class BrokerClient(aiomqtt.Client):
    """A client that returns the broker's answer to each message.

    aiomqtt drops the reason codes that paho gives to ``on_publish``. It also waits for
    its whole timeout if the broker answers CONNECT by closing the connection.
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
            The reason why the broker refused the message, empty if it acknowledged it.

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

    async def listen_to(self, topic: str) -> str:
        """Subscribe to a topic; return the reason of a refusal, empty without one."""
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
            msg = "the broker answered CONNECT by closing the connection"
            self._connected.set_exception(NoAnswer(msg))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # or asyncio logs it as never retrieved


@final
@dataclass(frozen=True, slots=True)
class BrokerLink:
    """Address and credentials of a broker; its ``repr`` holds no secret."""

    host: str
    port: int
    user: str | None
    password: Callable[[], str | None]
    tls: Callable[[], ssl.SSLContext | None]

    @classmethod
    def of(cls, broker: BrokerSettings) -> "BrokerLink":
        """Return the link of a configuration; each connection reads the secrets."""
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
        """Connect with MQTT 5, or with 3.1.1 if the broker does not know MQTT 5.

        Each connection tries MQTT 5 first, because the broker may have been updated.

        Raises:
            aiomqtt.MqttError: If there is no connection, or if it is lost.
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
            logger=quiet_logger,
        )


def refusal_of(code: int) -> str:
    """Return a reason code of a refusal in words, and an empty text for success."""
    if code < _FAILURE:
        return ""
    return _REASONS.get(code, f"reason code 0x{code:02X}")


async def try_broker(link: BrokerLink) -> str:
    """Return the reason why a broker cannot be used, empty if it can be used."""
    try:
        async with link.connect():
            return ""
    except (aiomqtt.MqttError, OSError) as error:
        return why(error)


def is_refusal(reason: str) -> bool:
    """Return whether a reason of ``why`` is a refusal, which waiting does not end."""
    return not reason.startswith(_UNREACHABLE)


def why(error: Exception) -> str:
    """Return in a few words why there is no connection, and what to do."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS fails: {cause.reason or 'handshake failed'}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, MqttConnectError) and reason_code(error) in CREDENTIAL_CODES:
        return "refuses user name or password; see broker.user and password_file"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"{_UNREACHABLE} ({' '.join(str(error).split())}); trying again"


def _may_be_older(error: aiomqtt.MqttError) -> bool:
    """Return whether a broker without MQTT 5 may be the cause of a failed CONNECT."""
    if isinstance(error, MqttConnectError):
        return reason_code(error) in _VERSION_CODES
    return isinstance(error, NoAnswer) or "timed out" in str(error).lower()
