"""The RTSP server of ``services.demo.rtsp_server`` as a process to start and stop."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, final

from pipelines.clock import seconds_to_ns
from pipelines.errors import PipelineError
from pipelines.sources.camera.address import with_login
from services.demo.child_process import ChildProcess

PASSWORD_VARIABLE = "RTSP_SERVER_PASSWORD"
"""Environment variable from which ``services.demo.rtsp_server`` reads the password."""

_HOST = "127.0.0.1"
_START_S = 20.0


class RtspServerFailed(PipelineError):
    """The server did not start, ended, or no client began to play."""


@dataclass(frozen=True, slots=True)
class PlayStart:
    """A client began to play: presentation time 0 of the file is ``zero_ns`` of UTC."""

    mount: str
    zero_ns: int


@final
@dataclass(repr=False, eq=False)
class RtspServer:
    """Serves files as cameras; a context manager. ``stop`` and ``start`` keep the port.

    Attributes:
        mounts: Name of each camera in its address, and its file.
        loop: Whether a file begins again at its end.
        user: The only user who may watch; None lets in everybody on this machine.
        password: The user's password.
        delimiters: Whether an access unit delimiter precedes each picture; many cameras
            send none.
        digest: Whether the login uses the digest method instead of the basic one.
        port: The server's port; 0 before the first start.

    Raises:
        RtspServerFailed: From ``start``, if the server does not start.
    """

    mounts: Mapping[str, Path | str]
    loop: bool = field(default=False, kw_only=True)
    user: str | None = field(default=None, kw_only=True)
    password: str = field(default="", kw_only=True)
    delimiters: bool = field(default=True, kw_only=True)
    digest: bool = field(default=False, kw_only=True)
    port: int = field(default=0, init=False)
    _process: ChildProcess | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def process_id(self) -> int:
        """The id of the running server's process.

        Raises:
            RtspServerFailed: If the server does not run.
        """
        return self._running().pid

    def address(self, name: str) -> str:
        """Return a camera's address, with the login if there is one."""
        address = f"rtsp://{_HOST}:{self.port}/{name}"
        if self.user is None:
            return address
        return with_login(address, self.user, self.password)

    def start(self) -> None:
        """Start the server, and return once it accepts connections."""
        environment = {
            **os.environ,
            # The server finds our packages as this process did, from any folder.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            PASSWORD_VARIABLE: self.password,  # `ps` shows arguments to everybody
        }
        self._process = ChildProcess(self._command(), "stdout", environment)
        try:
            line = self._process.next_line("listening", _START_S)
            if line is None:
                msg = "the RTSP server did not start"
                raise RtspServerFailed(msg)
        except BaseException:  # an interrupt too must leave no process behind
            self.stop()
            raise
        self.port = json.loads(line)["listening"]

    def stop(self) -> None:
        """Stop the server; its clients lose their connections."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def wait_for_start(self, within_s: float = 10.0) -> PlayStart:
        """Wait until a client begins to play, and return the oldest unread start.

        Raises:
            RtspServerFailed: If no client begins within ``within_s`` seconds, and at
                once if the server ends.
        """
        start = self.next_start(within_s)
        if start is None:
            msg = f"no client began to play within {within_s:g} s"
            raise RtspServerFailed(msg)
        return start

    def next_start(self, within_s: float) -> PlayStart | None:
        """Return the oldest unread start; None if no client begins in time.

        Raises:
            RtspServerFailed: If the server does not run, and at once if it ends.
        """
        line = self._running().next_line("playing_at", within_s)
        if line is None:
            if self._running().has_ended:
                msg = "the RTSP server ended"
                raise RtspServerFailed(msg)
            return None
        fact = json.loads(line)
        return PlayStart(fact["mount"], seconds_to_ns(fact["playing_at"]))

    def _running(self) -> ChildProcess:
        if self._process is None:
            msg = "the RTSP server does not run"
            raise RtspServerFailed(msg)
        return self._process

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "services.demo.rtsp_server"]
        command += ["--port", str(self.port)]
        for name, path in self.mounts.items():
            command += ["--mount", f"{name}={path}"]
        if self.user is not None:
            command += ["--user", self.user]
        switches = {
            "--loop": self.loop,
            "--no-delimiters": not self.delimiters,
            "--digest": self.digest,
        }
        return command + [name for name, wanted in switches.items() if wanted]
