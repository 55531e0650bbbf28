"""Errors of the services.

    ServiceError           every error below; each of its lines is for a person
    ├── SettingsError      a configuration is malformed: a line for each mistake
    ├── SiteTaken          another service watches the same site on this cluster
    ├── RayLost            Ray has died, and cannot be started again in this process
    ├── OutputFailed       standard output is closed, or its device is full
    └── PlaceError         something is wrong with a file or an address
        ├── StoreError         the store cannot be written or read
        ├── PortTaken          another program listens on the port
        ├── ConsoleError       the console cannot serve, or has no such user
        ├── ClipError          blurred clips cannot be encrypted or opened
        ├── BrokerRefused      the broker wants other credentials or another certificate
        ├── BrowserMissing     a benchmark needs a browser that is not installed
        ├── ClusterNotFound    no Ray cluster answers at the given address
        └── RayFolderError     Ray cannot put its files and sockets into its folder

Messages never hold credentials, because ``pipelines.redaction`` removes them. ``args``
are the arguments of the constructor, so that Ray can send an error between processes.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.errors import FactsError

RESTART_EXIT_CODE: Final = 75
"""EX_TEMPFAIL of sysexits.h: the service is to be started again."""


class ServiceError(FactsError):
    """The base of every error of the services."""


@dataclass(eq=False, repr=False)
class SettingsError(ServiceError):
    """A configuration is malformed; ``problems`` has a line for each mistake."""

    problems: Sequence[str]

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(eq=False, repr=False)
class SiteTaken(ServiceError):
    """Another service watches the same site on this cluster."""

    site: str
    holder: str
    template = (
        "site {site} is already watched on this cluster, by {holder}; stop that"
        " service, or give this site another name"
    )


@dataclass(eq=False, repr=False)
class RayLost(ServiceError):
    """Ray has died, and cannot be started again in this process."""

    problem: str
    template = (
        f"{{problem}}; ending with exit code {RESTART_EXIT_CODE}, so that systemd or"
        " the container engine starts the service again"
    )


@dataclass(eq=False, repr=False)
class OutputFailed(ServiceError):
    """Standard output cannot be written; ``number`` is the system's error number."""

    number: int | None

    def __str__(self) -> str:
        if self.number == errno.EBADF:
            return "standard output is closed"
        reason = (
            "cannot be written" if self.number is None else os.strerror(self.number)
        )
        return f"standard output: {reason}"


@dataclass(eq=False, repr=False)
class PlaceError(ServiceError):
    """Something is wrong with ``place``, a file or an address."""

    place: str
    problem: str


class StoreError(PlaceError):
    """The store cannot be written or read."""


@dataclass(eq=False, repr=False)
class PortTaken(PlaceError):
    """Another program listens on the port, or the address is not this machine's.

    ``setting`` is the port's key in the site's file.
    """

    setting: str = "the port"
    template = (
        "{place}: {problem}; set {setting} to another number, or stop the program that"
        " listens there"
    )


class ConsoleError(PlaceError):
    """The console cannot use its certificate, or has no such user."""

    template = "console {place}: {problem}"


class ClipError(PlaceError):
    """Blurred clips cannot be encrypted or opened."""


class BrokerRefused(PlaceError):
    """The broker refuses the connection or the publishing."""

    template = "broker {place}: {problem}"


class BrowserMissing(PlaceError):
    """A benchmark needs a browser, or its driver, that is not installed."""

    template = "{place} {problem}"


class ClusterNotFound(PlaceError):
    """No Ray cluster answers at the given address."""

    template = "--ray-address {place}: {problem}"


class RayFolderError(PlaceError):
    """Ray cannot put its files and sockets into its folder."""

    template = "{place}: {problem}; set TMPDIR to another folder, such as /tmp"
