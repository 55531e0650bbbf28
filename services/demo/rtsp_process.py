"""The RTSP server of ``services.demo.rtsp_server`` as a process to start and stop."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import final

from pipelines.clock import seconds_to_ns
from pipelines.errors import PipelineError
from pipelines.sources.camera.address import with_login

PASSWORD_VARIABLE = "RTSP_SERVER_PASSWORD"
"""Of the server's environment; ``services.demo.rtsp_server`` reads it."""

_HOST = "127.0.0.1"
_START_S = 20.0
_STOP_S = 5.0


class RtspServerFailed(PipelineError):
    """The server did not start, ended, or no client began to play."""


@dataclass(frozen=True, slots=True)
class PlayStart:
    """A client began to play: presentation time 0 of the file is ``zero_ns`` of UTC."""

    mount: str
    zero_ns: int


@final
class RtspServer:
    """Serves files as cameras; a context manager. ``stop`` and ``start`` keep the port.

    Args:
        mounts: Name of each camera in its address, and its file.
        loop: Whether a file begins again at its end.
        user: Who may watch; anyone on this machine without it.
        password: Their password.
        delimiters: Whether an access unit delimiter precedes each picture; many
            cameras send none.
        digest: Whether the login is asked for by digest, not basic.

    Raises:
        RtspServerFailed: From ``start``, if the server ends or says nothing.
    """

    def __init__(
        self,
        mounts: Mapping[str, Path | str],
        *,
        loop: bool = False,
        user: str | None = None,
        password: str = "",
        delimiters: bool = True,
        digest: bool = False,
    ) -> None:
        self._mounts = mounts
        self._delimiters = delimiters
        self._loop = loop
        self._user = user
        self._password = password
        self._digest = digest
        self._starts: queue.Queue[PlayStart | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.port = 0

    def __enter__(self) -> "RtspServer":
        try:
            self.start()
        except BaseException:  # an interrupt too must leave no process behind
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def process_id(self) -> int:
        """The running server's process.

        Raises:
            RtspServerFailed: If it does not run.
        """
        if self._process is None:
            msg = "the RTSP server does not run"
            raise RtspServerFailed(msg)
        return self._process.pid

    def address(self, name: str) -> str:
        """Return a camera's address, credentials included where there are any."""
        address = f"rtsp://{_HOST}:{self.port}/{name}"
        if self._user is None:
            return address
        return with_login(address, self._user, self._password)

    def start(self) -> None:
        """Start the server, and return once it accepts connections."""
        # As we were found, so is it, wherever it is started.
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            PASSWORD_VARIABLE: self._password,  # `ps` shows arguments to everybody
        }
        self._process = process = subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            process_group=0,  # a terminal's Ctrl-C is for us: we stop it in order
        )
        listening: queue.Queue[int | None] = queue.Queue()
        self._starts = queue.Queue()
        self._reader = threading.Thread(
            target=_read,
            args=(process, listening, self._starts),
            name="rtsp-server",
        )
        self._reader.start()
        try:
            port = listening.get(timeout=_START_S)
        except queue.Empty:
            port = None
        if port is None:
            self.stop()
            msg = "the RTSP server did not start"
            raise RtspServerFailed(msg)
        self.port = port

    def stop(self) -> None:
        """Stop the server; its clients lose their connections."""
        if self._process is None or self._reader is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process = self._reader = None

    def wait_for_start(self, within_s: float = 10.0) -> PlayStart:
        """Return the next beginning of a client, oldest first.

        Raises:
            RtspServerFailed: If none begins within ``within_s`` seconds, and at once
                if the server ends, by itself or by ``stop``.
        """
        starts = self._starts
        try:
            start = starts.get(timeout=within_s)
        except queue.Empty:
            msg = f"no client began to play within {within_s:g} s"
            raise RtspServerFailed(msg) from None
        if start is None:
            starts.put(None)  # for others that wait
            msg = "the RTSP server ended"
            raise RtspServerFailed(msg)
        return start

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "services.demo.rtsp_server"]
        command += ["--port", str(self.port)]
        for name, path in self._mounts.items():
            command += ["--mount", f"{name}={path}"]
        if self._loop:
            command.append("--loop")
        if not self._delimiters:
            command.append("--no-delimiters")
        if self._user is not None:
            command += ["--user", self._user]
        if self._digest:
            command.append("--digest")
        return command


def _read(
    process: subprocess.Popen[str],
    listening: queue.Queue[int | None],
    starts: queue.Queue[PlayStart | None],
) -> None:
    """Read what the server says until it ends."""
    assert process.stdout is not None  # a pipe was asked for
    with process.stdout as lines:
        for line in lines:
            fact = json.loads(line)
            if "listening" in fact:
                listening.put(fact["listening"])
            if "playing_at" in fact:
                zero_ns = seconds_to_ns(fact["playing_at"])
                starts.put(PlayStart(fact["mount"], zero_ns))
    listening.put(None)  # it ended, so nobody waits longer
    starts.put(None)
