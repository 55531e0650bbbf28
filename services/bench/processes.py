"""CPU and memory of the processes of a service."""

from dataclasses import dataclass

import psutil

_NAMES = {
    "ray::ServeReplica": "recognizer",
    "ray::Watcher": "watcher",
    "ray::Hub": "hub",
    "mosquitto": "broker",
    "services.demo.rtsp_server": "cameras (RTSP server)",
    "services console ": "console",
    # What is left of Ray, after its processes above.
    "raylet": "ray itself",
    "gcs_server": "ray itself",
    "/ray/": "ray itself",
    "ray::": "ray itself",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over all processes of one kind.

    ``cpu_s`` is the processor time so far; ``rss_mb`` is resident memory.
    """

    cpu_s: float = 0.0
    rss_mb: float = 0.0


def measure_processes(root: int) -> dict[str, Usage]:
    """Measure a process and all its descendants, summed by kind of process."""
    found: dict[str, Usage] = {}
    top = psutil.Process(root)
    for process in [top, *top.children(recursive=True)]:
        try:
            command = " ".join(process.cmdline())
            cpu, rss = process.cpu_times(), process.memory_info().rss
        except psutil.Error:  # the process has ended meanwhile
            continue
        kinds = (kind for part, kind in _NAMES.items() if part in command)
        name = "bench and supervisor" if process == top else next(kinds, None)
        if name is not None:
            sums = found.get(name, Usage())
            cpu_s = sums.cpu_s + cpu.user + cpu.system
            found[name] = Usage(cpu_s, sums.rss_mb + rss / 1e6)
    return found
