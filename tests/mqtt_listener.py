"""A client that listens to a broker and keeps what it hears."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt


@dataclass(slots=True)
class Heard:
    """Everything that was published, as topic and payload, in order."""

    messages: list[tuple[str, Any]] = field(default_factory=list)
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    def of(self, ending: str) -> list[Any]:
        """Return the payloads of topics that end so."""
        return [it for topic, it in self.messages if topic.endswith(ending)]

    async def until(self, holds: Callable[["Heard"], bool], within_s: float) -> None:
        """Return once something holds.

        Raises:
            AssertionError: If it does not within that time, with what was heard.
        """
        try:
            async with asyncio.timeout(within_s), self.more:
                await self.more.wait_for(lambda: holds(self))
        except TimeoutError:
            lines = "\n".join(f"{topic} {it}" for topic, it in self.messages)
            msg = f"not within {within_s} s; heard:\n{lines}"
            raise AssertionError(msg) from None


@asynccontextmanager
async def listening(port: int, topic: str = "#") -> AsyncIterator[Heard]:
    """Listen until the end of the block, through the broker's absence too."""
    heard, ready = Heard(), asyncio.Event()

    async def listen() -> None:
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", port) as client:
                    await client.subscribe(topic, qos=1)
                    ready.set()
                    async for message in client.messages:
                        payload = message.payload
                        assert isinstance(payload, bytes)
                        item = str(message.topic), json.loads(payload or b"null")
                        async with heard.more:
                            heard.messages.append(item)
                            heard.more.notify_all()
            except aiomqtt.MqttError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    return  # it could not say goodbye
                await asyncio.sleep(0.1)  # the broker is away: that is the test

    task = asyncio.create_task(listen())
    try:
        await asyncio.wait_for(ready.wait(), 10)
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
