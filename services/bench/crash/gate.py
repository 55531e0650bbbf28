"""A gate before a server: whoever comes through it can be cut off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final

from services.tasks import end_tasks

_HOST = "127.0.0.1"
_CHUNK = 65_536


@final
class Gate:
    """Passes on connections to a port of this machine, while it is open.

    Attributes:
        port: Port of the gate.
        is_open: Whether it passes anything on.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0
        self.is_open = True

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """Stand at ``port`` until the end of the block."""
        server = await asyncio.start_server(self._pass, _HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self.shut()
            await end_tasks(list(self._passing))

    def shut(self) -> None:
        """Cut everybody off at once, and let nobody in."""
        self.is_open = False
        for task in self._passing:
            task.cancel()

    def open(self) -> None:
        """Let everybody in."""
        self.is_open = True

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writers = [writer]
        try:
            if self.is_open:
                far_reader, far_writer = await asyncio.open_connection(
                    _HOST, self._server_port
                )
                writers.append(far_writer)
                async with asyncio.TaskGroup() as group:
                    group.create_task(_copy(reader, far_writer))
                    group.create_task(_copy(far_reader, writer))
        except* OSError:  # the server is away, or one of them has gone
            pass
        finally:
            for each in writers:
                each.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, and say so by an error, so that the other way ends too."""
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    raise ConnectionResetError
