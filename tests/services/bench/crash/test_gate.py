"""A gate passes everything on, until it is shut."""

import asyncio
from contextlib import suppress

from services.bench.crash.gate import Gate


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes
) -> bytes:
    """Return the answer to a line; nothing if the connection is cut."""
    with suppress(OSError):
        writer.write(line)
        return await reader.readline()
    return b""


def test_a_shut_gate_cuts_off_everybody_until_it_is_open_again() -> None:
    async def scene() -> list[bytes]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        gate = Gate(server.sockets[0].getsockname()[1])
        async with server, gate.standing():
            inside = await asyncio.open_connection("127.0.0.1", gate.port)
            answers = [await ask(*inside, b"a\n")]
            gate.shut()
            answers.append(await ask(*inside, b"b\n"))
            outside = await asyncio.open_connection("127.0.0.1", gate.port)
            answers.append(await ask(*outside, b"c\n"))
            gate.open()
            again = await asyncio.open_connection("127.0.0.1", gate.port)
            answers.append(await ask(*again, b"d\n"))
            for _, writer in (inside, outside, again):
                writer.close()
        return answers

    assert asyncio.run(scene()) == [b"a\n", b"", b"", b"d\n"]


def test_a_gate_before_nothing_ends_each_connection() -> None:
    async def scene() -> bytes:
        gate = Gate(1)
        async with gate.standing():
            there = await asyncio.open_connection("127.0.0.1", gate.port)
            answer = await ask(*there, b"a\n")
            there[1].close()
        return answer

    assert asyncio.run(scene()) == b""
