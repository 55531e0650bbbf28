"""The demonstration's carer, with a real broker."""

import asyncio
import json

import aiomqtt
import pytest

from services.demo.broker import Broker
from services.demo.carer import answer_alarms
from services.hub.topics import Topics
from services.tasks import end_tasks
from tests.fakes import FakeClock

TOPICS = Topics("wardwatch", "demo")


def alarm(state: str, *, has_ended: bool) -> bytes:
    changed = {"alarm_id": "a1", "state": state, "has_ended": has_ended}
    return json.dumps({"changed": changed}).encode()


async def talk(broker: Broker) -> tuple[list[str], dict[str, str]]:
    """Tell of an alarm, and play the hub: each answer changes it."""
    states: dict[str, str] = {}
    clock = FakeClock(auto_advance=True)
    answers: list[str] = []
    topic = TOPICS.of("room-1", "alarm")
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe(TOPICS.alarm_answers, qos=1)
        carer = asyncio.create_task(
            answer_alarms(broker.port, TOPICS, clock, states), name="carer"
        )
        first = alarm("confirmed", has_ended=False)
        await client.publish(topic, first, qos=1, retain=True)
        async for message in client.messages:
            answers.append(str(message.topic).rsplit("/", 1)[1])
            if answers[-1] == "resolve":
                break
            after = alarm("acknowledged", has_ended=True)
            await client.publish(topic, after, qos=1, retain=True)
        await end_tasks([carer])
    return answers, states


@pytest.mark.slow
def test_each_alarm_is_acknowledged_and_resolved_once_its_episode_is_over() -> None:
    with Broker() as broker:
        answers, states = asyncio.run(asyncio.wait_for(talk(broker), 30))
    assert answers == ["ack", "resolve"]
    assert states == {"a1": "acknowledged"}
