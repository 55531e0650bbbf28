"""One connection to a broker, and what proves that it delivers.

By MQTT 5, the broker's reason code to each message. By 3.1.1, the message's own echo:
the topic is subscribed to, and what is published there must come back. On both, a test
message now and then on a topic of its own shows that the broker passes messages on.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, final

from services.delivery.link import BrokerClient
from services.hub.store import Message

ECHO_S: Final = 3.0
"""An echo that has not come by then is missed."""
_AT_ONCE = 8
"""Messages without an acknowledgement; brokers may allow as few."""

Step = Literal["subscribe", "publish"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a message is not delivered.

    Attributes:
        reason: In a few words.
        is_silent: Whether it was acknowledged, and nothing proves its delivery.
    """

    reason: str
    is_silent: bool = False


@final
class Session:
    """A connection while it lasts.

    Args:
        client: Connected.
        test_topic: Where test messages go; without it an acknowledgement is enough.
        may_listen: Whether to subscribe to anything.
        one_by_one: Whether to await each answer before the next message.
    """

    def __init__(
        self,
        client: BrokerClient,
        test_topic: str | None,
        *,
        may_listen: bool = True,
        one_by_one: bool = False,
    ) -> None:
        self._client = client
        self._test_topic = test_topic
        self._may_listen = may_listen
        self._slots = asyncio.Semaphore(1 if one_by_one else _AT_ONCE)
        self._subscribed: set[str] = set()
        self._expected: dict[tuple[str, bytes], list[asyncio.Future[None]]] = {}
        self.in_flight: dict[str, Step] = {}
        self.has_reasons = client.has_reasons
        self.needs_echo = test_topic is not None and not client.has_reasons

    async def listen(self) -> None:
        """Hear our own messages until the connection is lost, which is raised."""
        async for message in self._client.messages:
            if message.retain or not isinstance(message.payload, bytes):
                continue  # what the broker kept from before proves nothing
            waiting = self._expected.get((str(message.topic), message.payload), ())
            for echo in waiting:
                if not echo.done():
                    echo.set_result(None)

    async def send(
        self, message: Message, *, is_patient: bool = True
    ) -> Refused | None:
        """Publish a message; return why it is not delivered, or None if it is.

        Args:
            message: What to publish.
            is_patient: Whether to wait for an echo, where one is needed.

        Raises:
            aiomqtt.MqttError: If the connection is lost or the broker does not answer.
        """
        topic, payload = message.topic, text_of(message)
        deaf = await self._follow(topic) if self.needs_echo else ""
        with self._expecting(topic, payload) as echo:
            async with self._slots:
                self.in_flight[topic] = "publish"
                reason = await self._client.send(topic, payload, retain=message.retain)
                del self.in_flight[topic]
            if reason:
                return Refused(reason)
            if not self.needs_echo:
                return None
            if is_patient and not deaf:
                await asyncio.wait({echo}, timeout=ECHO_S)
            if echo.done():
                return None
        said = f"the broker does not let us read it ({deaf})" if deaf else "no echo"
        return Refused(f"{said}; see its access list", is_silent=True)

    async def test(self, payload: str) -> str:
        """Publish a test message; return why it was not heard, or nothing."""
        assert self._test_topic is not None
        topic = self._test_topic
        if reason := await self._follow(topic):
            return f"may not be read: {reason}"
        with self._expecting(topic, payload) as echo:
            async with self._slots:
                self.in_flight[topic] = "publish"
                reason = await self._client.send(topic, payload)
                del self.in_flight[topic]
            if reason:
                return f"may not be published: {reason}"
            await asyncio.wait({echo}, timeout=ECHO_S)
            return "" if echo.done() else "is not heard; see the broker's access list"

    async def _follow(self, topic: str) -> str:
        """Subscribe to a topic, once if it may; return why it may not, or nothing."""
        if not self._may_listen:
            return "it closes the connection"
        if topic not in self._subscribed:
            async with self._slots:
                self.in_flight[topic] = "subscribe"
                reason = await self._client.hears(topic)
                del self.in_flight[topic]
            if reason:
                return reason
            self._subscribed.add(topic)
        return ""

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
    """Return a message's payload as it is published."""
    return json.dumps(message.payload, separators=(",", ":")) if message.payload else ""
