"""CPU and memory of the processes of a service, from Linux's ``/proc``."""

import os
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
    # What is left of Ray, after its processes above.
    "raylet": "ray itself",
    "gcs_server": "ray itself",
    "/ray/": "ray itself",
    "ray::": "ray itself",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over all processes of one kind.

    Attributes:
        cpu_s: Processor time so far, seconds.
        rss_mb: Resident memory, MB.
    """

    cpu_s: float = 0.0
    rss_mb: float = 0.0


def measure_processes(root: int) -> dict[str, Usage]:
    """Measure a process and all its descendants, summed by kind of process."""
    found: dict[str, Usage] = {}
    for number in process_tree(root):
        try:
            name = "bench and supervisor" if number == root else _kind_of(number)
            usage = _usage_of(number)
        except (OSError, IndexError):  # the process has ended meanwhile
            continue
        if name is not None:
            sums = found.get(name, Usage())
            found[name] = Usage(sums.cpu_s + usage.cpu_s, sums.rss_mb + usage.rss_mb)
    return found


def _kind_of(number: int) -> str | None:
    command = Path(f"/proc/{number}/cmdline").read_text().replace("\0", " ")
    return next((name for part, name in _NAMES.items() if part in command), None)


def _usage_of(number: int) -> Usage:
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / _TICKS_PER_S, pages * _PAGE_BYTES / 1e6)
