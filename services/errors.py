"""Errors of the services.

    ServiceError           every error below; each of its lines is for a person
    ├── SettingsError      a configuration is malformed: a line for each mistake
    ├── StoreError         what must not be lost cannot be written or read
    ├── PortTaken          another program listens on the port
    ├── BrokerRefused      the broker wants other credentials or another certificate
    ├── SiteTaken          another service watches the same site on this cluster
    ├── RayLost            what cannot be brought back within this process has gone
    ├── ClusterNotFound    no Ray cluster answers at the address that was given
    ├── RayFolderError     Ray cannot put its files and sockets into its folder
    └── OutputFailed       standard output is closed, or its device is full

Messages never hold credentials: ``pipelines.redaction`` sees them first.
"""

import errno
import os
from collections.abc import Sequence
from typing import Final

from pipelines.redaction import redact

RESTART_EXIT_CODE: Final = 75
"""EX_TEMPFAIL of sysexits.h: the service is to be started again."""


class ServiceError(Exception):
    """The base of every error of the services."""


class SettingsError(ServiceError):
    """A configuration is malformed; ``problems`` has a line for each mistake."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(redact, problems))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


class StoreError(ServiceError):
    """The store cannot be written or read."""

    def __init__(self, path: str, problem: str) -> None:
        self.path, self.problem = redact(path), redact(problem)
        super().__init__(self.path, self.problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class PortTaken(ServiceError):
    """Somebody else listens on that address."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        self.host, self.port, self.problem = host, port, problem
        super().__init__(host, port, problem)

    def __str__(self) -> str:
        return (
            f"{self.host}:{self.port}: {self.problem};"
            " give hub.port another number, or stop what listens there"
        )


class BrokerRefused(ServiceError):
    """The broker does not let us in."""

    def __init__(self, broker: str, problem: str) -> None:
        self.broker, self.problem = redact(broker), redact(problem)
        super().__init__(self.broker, self.problem)

    def __str__(self) -> str:
        return f"broker {self.broker}: {self.problem}"


class SiteTaken(ServiceError):
    """Another service watches the same site on this cluster."""

    def __init__(self, site: str, holder: str) -> None:
        self.site, self.holder = site, holder
        super().__init__(site, holder)

    def __str__(self) -> str:
        return (
            f"site {self.site} is watched already on this cluster, by {self.holder};"
            " stop that service, or give this site another name"
        )


class RayLost(ServiceError):
    """What the service runs on has died and cannot be brought back in this process."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        return (
            f"{self.problem}; ending with exit code {RESTART_EXIT_CODE}, so that"
            " systemd or the container engine starts the service again"
        )


class ClusterNotFound(ServiceError):
    """No Ray cluster answers at the address that was given."""

    def __init__(self, address: str, problem: str) -> None:
        self.address, self.problem = address, problem
        super().__init__(address, problem)

    def __str__(self) -> str:
        return f"--ray-address {self.address or repr('')}: {self.problem}"


class RayFolderError(ServiceError):
    """Ray cannot put its files and sockets into its folder."""

    def __init__(self, folder: str, problem: str) -> None:
        self.folder, self.problem = folder, problem
        super().__init__(folder, problem)

    def __str__(self) -> str:
        return f"{self.folder}: {self.problem}; set TMPDIR to another folder, as /tmp"


class OutputFailed(ServiceError):
    """Standard output cannot be written; ``number`` is the system's error number."""

    def __init__(self, number: int | None) -> None:
        self.number = number
        super().__init__(number)

    def __str__(self) -> str:
        if self.number == errno.EBADF:
            return "standard output is closed"
        said = "cannot be written" if self.number is None else os.strerror(self.number)
        return f"standard output: {said}"
