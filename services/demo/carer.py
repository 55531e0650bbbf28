"""The carer of the demonstration, who answers every alarm."""

import json
from asyncio import TaskGroup
from collections.abc import Mapping
from typing import Any

import aiomqtt

from pipelines.clock import Clock
from services.hub.topics import Topics

_NAME = "the demo's carer"
_THINKS_S = 5.0
"""Time from an alarm to its answer."""


async def answer_alarms(
    port: int, topics: Topics, clock: Clock, states: dict[str, str]
) -> None:
    """Acknowledge each alarm after a while, and resolve it once the episode is over.

    Runs until cancelled.

    Args:
        port: Port of the broker on this machine.
        topics: Topics of the site.
        clock: Clock of the pauses.
        states: Gets the latest state of each alarm, by its id.
    """
    async with aiomqtt.Client("127.0.0.1", port) as client, TaskGroup() as tasks:
        await client.subscribe(topics.of("+", "alarm"), qos=1)
        async for message in client.messages:
            if not isinstance(message.payload, bytes) or not message.payload:
                continue
            alarm = json.loads(message.payload)["changed"]
            if alarm["alarm_id"] not in states:
                tasks.create_task(_acknowledge(client, topics, clock, alarm))
            states[alarm["alarm_id"]] = alarm["state"]
            if alarm["state"] == "acknowledged" and alarm["has_ended"]:
                await _publish(client, topics, alarm, "resolve", verdict="true")


async def _acknowledge(
    client: aiomqtt.Client, topics: Topics, clock: Clock, alarm: Mapping[str, Any]
) -> None:
    await clock.sleep_s(_THINKS_S)
    await _publish(client, topics, alarm, "ack")


async def _publish(
    client: aiomqtt.Client,
    topics: Topics,
    alarm: Mapping[str, Any],
    kind: str,
    **facts: str,
) -> None:
    payload = json.dumps({"by": _NAME, **facts})
    await client.publish(topics.answer(alarm["alarm_id"], kind), payload, qos=1)
