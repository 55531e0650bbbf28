"""One connection to a broker, and the proof that the broker delivers.

With MQTT 5 the proof is the broker's reason code for each message. With 3.1.1 it is the
message's echo: the session subscribes to the topic, and the published message must come
back. With both, a regular test message on a separate topic shows that the broker passes
messages on.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, Literal, final

from services.delivery.link import BrokerClient
from services.delivery.observers import Inbox
from services.store.outbox import Message

ECHO_S: Final = 3.0
"""Longest time to wait for an echo."""
_AT_ONCE = 8
"""Most messages without an acknowledgement; some brokers allow no more."""

Step = Literal["subscribe", "publish"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a message is not delivered.

    ``is_silent`` is whether the broker acknowledged the message, but nothing proves its
    delivery.
    """

    reason: str
    is_silent: bool = False


@final
class Session:
    """One connection to the broker.

    Args:
        client: The connected client.
        test_topic: Topic of the test messages; None if an acknowledgement is enough.
        may_listen: Whether to subscribe to topics.
        one_by_one: Whether to wait for each answer before the next message.
        inbox: Receives the messages of others on its topics.

    Attributes:
        in_flight: Topics that wait for an answer of the broker, with the step.
        has_reasons: Whether the broker sends the reason codes of MQTT 5.
        needs_echo: Whether only a message's echo proves its delivery.
    """

    def __init__(
        self,
        client: BrokerClient,
        test_topic: str | None,
        *,
        may_listen: bool = True,
        one_by_one: bool = False,
        inbox: Inbox | None = None,
    ) -> None:
        self._client, self._inbox = client, inbox
        self._test_topic = test_topic
        self._may_listen = may_listen
        self._slots = asyncio.Semaphore(1 if one_by_one else _AT_ONCE)
        self._subscribed: set[str] = set()
        self._expected: dict[tuple[str, bytes], list[asyncio.Future[None]]] = {}
        self.in_flight: dict[str, Step] = {}
        self.has_reasons = client.has_reasons
        self.needs_echo = test_topic is not None and not client.has_reasons

    async def open_inbox(self) -> str:
        """Subscribe to the topics of the inbox; return why that is refused, or nothing.

        Raises:
            aiomqtt.MqttError: If the connection is lost.
        """
        return "" if self._inbox is None else await self._subscribe(self._inbox.topics)

    async def listen(self) -> None:
        """Receive messages until the connection is lost, which is raised."""
        async for message in self._client.messages:
            if message.retain or not isinstance(message.payload, bytes):
                continue  # a message from an earlier connection proves nothing
            if self._inbox is not None and message.topic.matches(self._inbox.topics):
                self._inbox.receive(str(message.topic), message.payload)
                continue
            waiting = self._expected.get((str(message.topic), message.payload), ())
            for echo in waiting:
                if not echo.done():
                    echo.set_result(None)

    async def send(
        self, message: Message, *, is_patient: bool = True
    ) -> Refused | None:
        """Publish a message; return why it is not delivered, or None if it is.

        A patient call waits for an echo, if one is needed.

        Raises:
            aiomqtt.MqttError: If the connection is lost or the broker does not answer.
        """
        topic, payload = message.topic, text_of(message)
        unreadable = await self._subscribe(topic) if self.needs_echo else ""
        waits = self.needs_echo and is_patient and not unreadable
        reason, is_echoed = await self._publish(topic, payload, message.retain, waits)
        if reason:
            return Refused(reason)
        if is_echoed or not self.needs_echo:
            return None
        problem = "no echo"
        if unreadable:
            problem = f"the broker does not let us read it ({unreadable})"
        return Refused(f"{problem}; see its access list", is_silent=True)

    async def test(self, payload: str) -> str:
        """Publish a test message; return why it did not come back, empty if it did."""
        assert self._test_topic is not None
        topic = self._test_topic
        if reason := await self._subscribe(topic):
            return f"may not be read: {reason}"
        reason, is_echoed = await self._publish(
            topic, payload, retain=False, waits=True
        )
        if reason:
            return f"may not be published: {reason}"
        return "" if is_echoed else "does not come back; see the broker's access list"

    async def _publish(
        self, topic: str, payload: str, retain: bool, waits: bool
    ) -> tuple[str, bool]:
        """Return why the broker refused a message, and whether its echo came back."""
        with self._expecting(topic, payload) as echo:
            async with self._step(topic, "publish"):
                reason = await self._client.send(topic, payload, retain=retain)
            if waits and not reason:
                await asyncio.wait({echo}, timeout=ECHO_S)
            return reason, echo.done()

    async def _subscribe(self, topic: str) -> str:
        """Subscribe to a topic once; return why that is not possible, or nothing."""
        if not self._may_listen:
            return "it closes the connection"
        if topic not in self._subscribed:
            async with self._step(topic, "subscribe"):
                reason = await self._client.listen_to(topic)
            if reason:
                return reason
            self._subscribed.add(topic)
        return ""

    @asynccontextmanager
    async def _step(self, topic: str, step: Step) -> AsyncIterator[None]:
        """Keep a topic in ``in_flight`` until the broker has answered."""
        async with self._slots:
            self.in_flight[topic] = step
            yield
            del self.in_flight[topic]  # not after an error: the topic may be its cause

    @contextmanager
    def _expecting(self, topic: str, payload: str) -> Iterator[asyncio.Future[None]]:
        echo: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        key = topic, payload.encode()
        self._expected.setdefault(key, []).append(echo)
        try:
            yield echo
        finally:
            self._expected[key].remove(echo)
            if not self._expected[key]:
                del self._expected[key]


def text_of(message: Message) -> str:
    """Return the published form of a message's payload."""
    return json.dumps(message.payload, separators=(",", ":")) if message.payload else ""
