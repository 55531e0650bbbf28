"""A private MQTT broker: a real mosquitto process on the loopback interface.

It keeps nothing on disk beyond its life, and may ask for a user and a password so
that other people on the machine cannot publish to it.
"""

import base64
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self, final
from urllib.parse import quote

from pipelines.errors import PipelineError

_HOST = "127.0.0.1"
_CONFIG, _ACL = "mosquitto.conf", "acl"
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_START_S = 10.0
_STOP_S = 0.5
_STOP_ATTEMPTS = 10
_HASH_ROUNDS = 101
_LINES_KEPT = 20


class BrokerFailed(PipelineError):
    """The broker is not installed or did not start."""


@final
class Broker:
    """Runs mosquitto as a context manager; ``stop`` and ``start`` keep the port.

    Args:
        user: Who may connect; anyone on this machine without it.
        password: Its password.
        acl: Access list as mosquitto reads it; everything is allowed without one.
        guests: Whether others may connect without a name.
        system_folders: Where mosquitto is looked for besides the PATH.

    Raises:
        ValueError: If the user name cannot stand in a password file.
        BrokerFailed: From ``start``, if mosquitto is missing or refuses.
    """

    def __init__(
        self,
        *,
        user: str | None = None,
        password: str = "",
        acl: str | None = None,
        guests: bool = False,
        system_folders: Sequence[str] = _SYSTEM_FOLDERS,
    ) -> None:
        if user is not None and (not user or ":" in user or "\n" in user):
            msg = f"a user name holds no colon and no line break, got {user!r}"
            raise ValueError(msg)
        self._user = user
        self._password = password
        self._acl = acl
        self._guests = guests or user is None
        self._system_folders = system_folders
        self.port = _free_port()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._is_up = False
        self._reloaded = threading.Event()
        self._log: deque[str] = deque(maxlen=_LINES_KEPT)

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="wardwatch-broker-")
        try:
            self._write_config(Path(self._folder.name))
            self.start()
        except BaseException:  # an interrupt too must leave no process behind
            self.stop()
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def pid(self) -> int | None:
        """Id of its process, None while it is stopped."""
        return None if self._process is None else self._process.pid

    def address(self, topic: str) -> str:
        """Return the address of a topic, credentials included where there are any."""
        credentials = ""
        if self._user is not None:
            credentials = f"{quote(self._user, '')}:{quote(self._password, '')}@"
        return f"mqtt://{credentials}{_HOST}:{self.port}/{topic}"

    def allow(self, acl: str) -> None:
        """Put another access list into force; clients stay connected.

        Raises:
            RuntimeError: If it is not running, or began without an access list.
            BrokerFailed: If it does not take the list.
        """
        if self._folder is None or self._process is None or self._acl is None:
            msg = "the broker takes an access list if it runs and began with one"
            raise RuntimeError(msg)
        (Path(self._folder.name) / _ACL).write_text(acl)
        self._reloaded.clear()
        self._process.send_signal(signal.SIGHUP)
        if not self._reloaded.wait(_START_S):
            msg = "mosquitto did not read its access list again"
            raise BrokerFailed(msg)

    def start(self) -> None:
        """Start the broker, and return once it accepts connections."""
        if self._folder is None:
            msg = "the broker starts inside its with statement only"
            raise RuntimeError(msg)
        command = [
            _find_mosquitto(self._system_folders),
            "-c",
            str(Path(self._folder.name) / _CONFIG),
        ]
        self._process = process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,  # a terminal's Ctrl-C is for us: we stop it in order
        )
        self._log.clear()
        self._is_up = False
        settled = threading.Event()
        self._reader = threading.Thread(
            target=self._read_log, args=(process, settled), name="broker-log"
        )
        self._reader.start()
        settled.wait(_START_S)
        if not self._is_up:
            self.stop()
            said = self._log[-1] if self._log else "it said nothing"
            msg = f"mosquitto did not start on port {self.port}: {said}"
            raise BrokerFailed(msg)

    def stop(self) -> None:
        """Stop the broker; its clients lose their connections."""
        if self._process is None or self._reader is None:
            return
        for _ in range(_STOP_ATTEMPTS):
            # While it starts, mosquitto forgets that it was asked.
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_S)
                break
        else:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process = self._reader = None

    def _read_log(
        self, process: subprocess.Popen[str], settled: threading.Event
    ) -> None:
        """Read what mosquitto says until it ends; a full pipe would block it."""
        assert process.stderr is not None  # a pipe was asked for
        with process.stderr as lines:
            for line in lines:
                self._log.append(line.strip())
                if "Reloading config" in line:
                    self._reloaded.set()
                if line.rstrip().endswith(" running"):
                    self._is_up = True
                    settled.set()
        settled.set()  # it ended, so nobody waits longer

    def _write_config(self, folder: Path) -> None:
        lines = [
            f"listener {self.port} {_HOST}",
            *(["user root"] if os.geteuid() == 0 else []),  # it would become another
            "persistence false",
            f"allow_anonymous {'true' if self._guests else 'false'}",
        ]
        if self._acl is not None:
            (folder / _ACL).write_text(self._acl)
            lines.append(f"acl_file {folder / _ACL}")
        if self._user is not None:
            passwords = folder / "passwords"
            passwords.write_text(f"{self._user}:{_password_hash(self._password)}\n")
            lines.append(f"password_file {passwords}")
        (folder / _CONFIG).write_text("\n".join(lines) + "\n")


def _find_mosquitto(system_folders: Sequence[str]) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), *system_folders])
    found = shutil.which("mosquitto", path=path)
    if found is None:
        msg = "mosquitto is not installed; on Debian or Ubuntu: apt install mosquitto"
        raise BrokerFailed(msg)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _password_hash(password: str) -> str:
    """Hash as mosquitto reads it: form 7, PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _HASH_ROUNDS)
    fields = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"$7${_HASH_ROUNDS}${'$'.join(fields)}"
