"""Errors of the services.

    ServiceError           every error below; each of its lines is for a person
    ├── SettingsError      a configuration is malformed: a line for each mistake
    ├── SiteTaken          another service watches the same site on this cluster
    ├── RayLost            Ray has died, and cannot be started again in this process
    ├── OutputFailed       standard output is closed, or its device is full
    └── PlaceError         something is wrong with a file or an address
        ├── StoreError         the store cannot be written or read
        ├── PortTaken          another program listens on the port
        ├── BrokerRefused      the broker wants other credentials or another certificate
        ├── ClusterNotFound    no Ray cluster answers at the given address
        └── RayFolderError     Ray cannot put its files and sockets into its folder

Messages never hold credentials, because ``pipelines.redaction`` removes them. ``args``
are the arguments of the constructor, so that Ray can send an error between processes.
"""

import errno
import os
from collections.abc import Sequence
from typing import ClassVar, Final

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


class SiteTaken(ServiceError):
    """Another service watches the same site on this cluster."""

    def __init__(self, site: str, holder: str) -> None:
        self.site, self.holder = site, holder
        super().__init__(site, holder)

    def __str__(self) -> str:
        return (
            f"site {self.site} is already watched on this cluster, by {self.holder};"
            " stop that service, or give this site another name"
        )


class RayLost(ServiceError):
    """Ray has died, and cannot be started again in this process."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        return (
            f"{self.problem}; ending with exit code {RESTART_EXIT_CODE}, so that"
            " systemd or the container engine starts the service again"
        )


class OutputFailed(ServiceError):
    """Standard output cannot be written; ``number`` is the system's error number."""

    def __init__(self, number: int | None) -> None:
        self.number = number
        super().__init__(number)

    def __str__(self) -> str:
        if self.number == errno.EBADF:
            return "standard output is closed"
        reason = (
            "cannot be written" if self.number is None else os.strerror(self.number)
        )
        return f"standard output: {reason}"


class PlaceError(ServiceError):
    """Something is wrong with ``place``, a file or an address."""

    template: ClassVar = "{place}: {problem}"

    def __init__(self, place: str, problem: str) -> None:
        self.place, self.problem = redact(place), redact(problem)
        super().__init__(self.place, self.problem)

    def __str__(self) -> str:
        return self.template.format(place=self.place, problem=self.problem)


class StoreError(PlaceError):
    """The store cannot be written or read."""


class PortTaken(PlaceError):
    """Another program listens on the port, or the address is not this machine's."""

    template = (
        "{place}: {problem}; set hub.port to another number, or stop the program that"
        " listens there"
    )


class BrokerRefused(PlaceError):
    """The broker refuses the connection or the publishing."""

    template = "broker {place}: {problem}"


class ClusterNotFound(PlaceError):
    """No Ray cluster answers at the given address."""

    template = "--ray-address {place}: {problem}"


class RayFolderError(PlaceError):
    """Ray cannot put its files and sockets into its folder."""

    template = "{place}: {problem}; set TMPDIR to another folder, such as /tmp"
