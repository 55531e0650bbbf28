"""A gate before a real broker, for what brokers of other makers do.

It reads what a client sends, packet by packet, and may refuse MQTT 5, close the
connection at a topic, or acknowledge a message and drop it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

CONNECT, PUBLISH, SUBSCRIBE = 1, 3, 8
WRONG_VERSION = bytes((0x20, 2, 0, 1))
"""A CONNACK as MQTT 3.1.1 has it, with return code 1."""


@dataclass(slots=True)
class Gate:
    """What a gate lets through; may be changed while it is in use.

    Attributes:
        version_5: What happens to a CONNECT of MQTT 5.
        closes_at: Topics at which the connection ends.
        swallows: Topics whose messages are acknowledged and dropped.
        connects: Protocol levels of the CONNECTs so far.
    """

    version_5: Literal["pass", "refuse", "close"] = "pass"
    closes_at: set[str] = field(default_factory=set)
    swallows: set[str] = field(default_factory=set)
    connects: list[int] = field(default_factory=list)
    port: int = 0


@asynccontextmanager
async def gate_before(port: int, gate: Gate) -> AsyncIterator[Gate]:
    """Open a gate before a broker; its port is set."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await pass_on(gate, reader, writer, port)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    gate.port = server.sockets[0].getsockname()[1]
    try:
        yield gate
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def pass_on(
    gate: Gate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    """Pass a client's packets to the broker, as far as the gate lets them."""
    from_broker, to_broker = await asyncio.open_connection("127.0.0.1", port)
    answers = asyncio.create_task(copy(from_broker, writer))
    level = 4
    try:
        while True:
            kind, flags, packet, body = await read_packet(reader)
            if kind == CONNECT:
                level = body[6]
                gate.connects.append(level)
                if level == 5 and gate.version_5 != "pass":
                    if gate.version_5 == "refuse":
                        writer.write(WRONG_VERSION)
                        await writer.drain()
                    return
            if kind in (PUBLISH, SUBSCRIBE):
                number, topic = topic_of(kind, level, body)
                if topic in gate.closes_at:
                    return
                if topic in gate.swallows and kind == PUBLISH and flags & 0x06:
                    writer.write(bytes((0x40, 2)) + number)
                    continue
            to_broker.write(packet)
            await to_broker.drain()
    finally:
        answers.cancel()
        to_broker.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes, bytes]:
    """Return a packet's kind and flags, the whole of it, and what follows its head."""
    head = await reader.readexactly(1)
    length, shift = 0, 0
    while True:
        head += await reader.readexactly(1)
        length |= (head[-1] & 0x7F) << shift
        shift += 7
        if not head[-1] & 0x80:
            break
    body = await reader.readexactly(length)
    return head[0] >> 4, head[0] & 0x0F, head + body, body


def topic_of(kind: int, level: int, body: bytes) -> tuple[bytes, str]:
    """Return the packet's number and topic, of a message or a first subscription."""
    if kind == PUBLISH:
        end = 2 + int.from_bytes(body[:2])
        return body[end : end + 2], body[2:end].decode()
    start = 2 if level < 5 else 3 + body[2]  # the properties are short
    size = int.from_bytes(body[start : start + 2])
    return body[:2], body[start + 2 : start + 2 + size].decode()
