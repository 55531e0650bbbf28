"""CPU and memory of the processes of a service, from Linux's ``/proc``."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.process_tree import process_tree

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_NAMES = {
    "ray::ServeReplica": "recognizer",
    "ray::Watcher": "watcher",
    "ray::Hub": "hub",
    "mosquitto": "broker",
    "services.demo.rtsp_server": "cameras (RTSP server)",
}
_RAY = ("raylet", "gcs_server", "/ray/", "ray::")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one kind of process, all of them together.

    Attributes:
        cpu_s: Processor time so far, seconds.
        rss_mb: Resident memory, MB.
    """

    cpu_s: float
    rss_mb: float


def measure_processes(root: int) -> Mapping[str, Usage]:
    """Measure a process and all its descendants, by what they are."""
    found: dict[str, Usage] = {}
    for number in process_tree(root):
        try:
            name = "bench and supervisor" if number == root else _name_of(number)
            usage = _usage_of(number)
        except (OSError, IndexError):  # it has ended meanwhile
            continue
        if name is not None:
            before = found.get(name, Usage(0.0, 0.0))
            found[name] = Usage(
                before.cpu_s + usage.cpu_s, before.rss_mb + usage.rss_mb
            )
    return found


def processes_named(beginning: str, root: int) -> set[int]:
    """Return the descendants of a process whose command line begins so."""
    found = set()
    for number in process_tree(root):
        try:
            command = Path(f"/proc/{number}/cmdline").read_text()
        except OSError:  # it has ended meanwhile
            continue
        if command.startswith(beginning):
            found.add(number)
    return found


def _name_of(number: int) -> str | None:
    command = Path(f"/proc/{number}/cmdline").read_text().replace("\0", " ")
    for sign, name in _NAMES.items():
        if sign in command:
            return name
    return "ray itself" if any(sign in command for sign in _RAY) else None


def _usage_of(number: int) -> Usage:
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / _TICKS_PER_S, pages * _PAGE_BYTES / 1e6)
