"""The alarms of a site as a client of its broker sees them, and a person's answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, final

import aiomqtt

from services.delivery.link import BrokerClient, BrokerLink, why
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
    """Reads and answers the alarms of a site through a connected client."""

    def __init__(self, client: BrokerClient, topics: Topics) -> None:
        self._client, self._topics = client, topics

    async def open_alarms(self) -> list[dict[str, Any]]:
        """Return what is open, by subject, as the alarms' messages say it."""
        await self._client.listen_to(self._topics.of("+", "alarm"))
        latest: dict[str, list[dict[str, Any]]] = {}
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(_QUIET_S):
                    told = await self._next()
                    latest[told["subject"]] = told["open"]
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
                    told = await self._next()
                    alarm = told["changed"]
                    is_meant = about in (alarm["alarm_id"], told["subject"])
                    if is_meant and alarm["history"][-1]["step"] == _STEPS[kind]:
                        changed.append({"subject": told["subject"], **alarm})
        return changed

    async def _next(self) -> dict[str, Any]:
        """Return the next message about an alarm."""
        async for message in self._client.messages:
            if isinstance(message.payload, bytes) and message.payload:
                told: dict[str, Any] = json.loads(message.payload)
                return told
        msg = "the stream of messages has ended"  # it never does: it raises
        raise AssertionError(msg)


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
            yield AlarmClient(client, topics)
    except (aiomqtt.MqttError, OSError) as error:
        raise BrokerRefused(str(link), why(error).partition(";")[0]) from error
