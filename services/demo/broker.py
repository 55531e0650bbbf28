"""A private MQTT broker: a mosquitto process on the loopback interface.

The broker keeps no data on disk after its end. It may require a user and a password, so
that other people on the machine cannot publish to it.
"""

import base64
import hashlib
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, final
from urllib.parse import quote

from pipelines.errors import PipelineError
from services.demo.child_process import ChildProcess

_HOST = "127.0.0.1"
_CONFIG, _ACL = "mosquitto.conf", "acl"
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_START_S = 10.0
_HASH_ROUNDS = 101


class BrokerFailed(PipelineError):
    """The broker is not installed or did not start."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@final
@dataclass(kw_only=True, repr=False, eq=False)
class Broker:
    """Runs mosquitto as a context manager; ``stop`` and ``start`` keep the port.

    Attributes:
        user: User who may connect; None lets in everybody on this machine.
        password: The user's password.
        acl: Access list in mosquitto's format; None allows everything.
        guests: Whether clients without a user may connect as well.
        system_folders: Folders in which mosquitto is searched after the PATH.
        port: The broker's port.

    Raises:
        ValueError: If a password file cannot hold the user's name.
        BrokerFailed: From ``start``, if mosquitto is missing or does not start.
    """

    user: str | None = None
    password: str = ""
    acl: str | None = None
    guests: bool = False
    system_folders: Sequence[str] = _SYSTEM_FOLDERS
    port: int = field(default_factory=_free_port, init=False)
    _process: ChildProcess | None = field(default=None, init=False)
    _folder: TemporaryDirectory[str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        user = self.user
        if user is not None and (not user or ":" in user or "\n" in user):
            msg = f"a user name holds no colon and no line break, got {user!r}"
            raise ValueError(msg)

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="wardwatch-broker-")
        try:
            self._write_config(Path(self._folder.name))
            self.start()
        except BaseException:  # an interrupt too must leave no process behind
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def pid(self) -> int | None:
        """Id of the broker's process; None while it is stopped."""
        return None if self._process is None else self._process.pid

    def address(self, topic: str) -> str:
        """Return the address of a topic, with the login if there is one."""
        login = ""
        if self.user is not None:
            login = f"{quote(self.user, '')}:{quote(self.password, '')}@"
        return f"mqtt://{login}{_HOST}:{self.port}/{topic}"

    def allow(self, acl: str) -> None:
        """Replace the access list; clients stay connected.

        Raises:
            RuntimeError: If the broker does not run, or began without an access list.
            BrokerFailed: If mosquitto does not read the list.
        """
        if self._folder is None or self._process is None or self.acl is None:
            msg = "only a running broker that began with an access list can replace it"
            raise RuntimeError(msg)
        (Path(self._folder.name) / _ACL).write_text(acl)
        self._process.send_signal(signal.SIGHUP)
        if self._process.next_line("Reloading config", _START_S) is None:
            msg = "mosquitto did not read its access list again"
            raise BrokerFailed(msg)

    def start(self) -> None:
        """Start the broker, and return once it accepts connections."""
        if self._folder is None:
            msg = "the broker starts inside its with statement only"
            raise RuntimeError(msg)
        config = str(Path(self._folder.name) / _CONFIG)
        command = [_find_mosquitto(self.system_folders), "-c", config]
        self._process = ChildProcess(command, "stderr")
        if self._process.next_line(" running", _START_S) is None:
            reason = self._process.last_line or "no message"
            self.stop()
            msg = f"mosquitto did not start on port {self.port}: {reason}"
            raise BrokerFailed(msg)

    def stop(self) -> None:
        """Stop the broker; its clients lose their connections."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _write_config(self, folder: Path) -> None:
        guests = self.guests or self.user is None
        lines = [
            f"listener {self.port} {_HOST}",
            "persistence false",
            f"allow_anonymous {'true' if guests else 'false'}",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # otherwise mosquitto changes its user
        if self.acl is not None:
            (folder / _ACL).write_text(self.acl)
            lines.append(f"acl_file {folder / _ACL}")
        if self.user is not None:
            passwords = folder / "passwords"
            passwords.write_text(f"{self.user}:{_password_hash(self.password)}\n")
            lines.append(f"password_file {passwords}")
        (folder / _CONFIG).write_text("\n".join(lines) + "\n")


def _find_mosquitto(system_folders: Sequence[str]) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), *system_folders])
    found = shutil.which("mosquitto", path=path)
    if found is None:
        msg = "mosquitto is not installed; on Debian or Ubuntu: apt install mosquitto"
        raise BrokerFailed(msg)
    return found


def _password_hash(password: str) -> str:
    """Hash a password in mosquitto's form 7: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _HASH_ROUNDS)
    fields = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"$7${_HASH_ROUNDS}${'$'.join(fields)}"
