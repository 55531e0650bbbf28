"""The alarms of a site as a client of its broker sees them, and a person's answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, final

import aiomqtt

from services.delivery.link import BrokerClient, BrokerLink, why
from services.delivery.session import ECHO_S
from services.errors import BrokerRefused
from services.hub.topics import Topics

_QUIET_S: Final = 0.7
"""Silence after which every kept message has come."""
_ANSWER_S: Final = 5.0

_STEPS: Final = {
    "ack": "acknowledged",
    "snooze": "snoozed",
    "escalate": "escalated",
    "resolve": "resolved",
}
"""What the history says after each kind of answer."""


@final
class AlarmClient:
    """Reads and answers the alarms of a site through a connected client.

    Args:
        link: The broker, for messages.
        client: The connected client.
        topics: The site's topics.
    """

    def __init__(self, link: BrokerLink, client: BrokerClient, topics: Topics) -> None:
        self._link, self._client, self._topics = link, client, topics
        self._alarms = topics.of("+", "alarm")
        self._test = topics.of("alarm", "alarm")  # of no subject: none may be so named

    async def open_alarms(self) -> list[dict[str, Any]]:
        """Return what is open, by subject, as the alarms' messages say it.

        Many brokers accept a subscription that their access list forbids, and pass on
        nothing. So an empty message of our own must come back, or silence would look
        as if nothing were open.

        Raises:
            BrokerRefused: If nothing shows that the broker lets us read the alarms.
        """
        if reason := await self._client.listen_to(self._alarms):
            problem = f"does not let us read {self._alarms}: {reason}"
            raise BrokerRefused(str(self._link), problem)
        reason = await self._client.send(self._test, "")
        latest: dict[str, list[dict[str, Any]]] = {}
        is_heard = False
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(_QUIET_S if is_heard else ECHO_S):
                    content = await self._next()
                    is_heard = True
                    if content is not None:
                        latest[content["subject"]] = content["open"]
        if not is_heard:
            raise BrokerRefused(str(self._link), self._unread(reason))
        return [
            {"subject": subject, **alarm}
            for subject in sorted(latest)
            for alarm in latest[subject]
        ]

    async def answer(
        self, about: str, kind: str, facts: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        """Answer an alarm, or all of a subject; return the alarms that changed.

        Call ``open_alarms`` before. The answer has arrived when the alarm says so.
        """
        changed: list[dict[str, Any]] = []
        await self._client.send(self._topics.answer(about, kind), json.dumps(facts))
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(_QUIET_S if changed else _ANSWER_S):
                    content = await self._next()
                    if content is None:
                        continue
                    alarm = content["changed"]
                    is_meant = about in (alarm["alarm_id"], content["subject"])
                    if is_meant and alarm["history"][-1]["step"] == _STEPS[kind]:
                        changed.append({"subject": content["subject"], **alarm})
        return changed

    async def _next(self) -> dict[str, Any] | None:
        """Return the next message about an alarm; None for an empty message."""
        async for message in self._client.messages:
            if not isinstance(message.payload, bytes) or not message.payload:
                return None
            content: dict[str, Any] = json.loads(message.payload)
            return content
        msg = "the stream of messages has ended"  # it never does: it raises
        raise AssertionError(msg)

    def _unread(self, reason: str) -> str:
        """Return that nothing was heard, and why: ``reason`` refused our message."""
        problem = "does not come back"
        if reason:
            problem = f"may not be published: {reason}"
        return (
            f"passes on nothing of {self._alarms}: our test message on {self._test}"
            f" {problem}; see its access list"
        )


@asynccontextmanager
async def connect_alarms(
    link: BrokerLink, topics: Topics
) -> AsyncIterator[AlarmClient]:
    """Connect to a site's broker.

    Raises:
        BrokerRefused: If there is no connection, or if it is lost.
    """
    try:
        async with link.connect() as client:
            yield AlarmClient(link, client, topics)
    except (aiomqtt.MqttError, OSError) as error:
        raise BrokerRefused(str(link), why(error).partition(";")[0]) from error
