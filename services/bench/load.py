"""One measured load of the service, and what its growth costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipelines.clock import NS_PER_S
from pipelines.live.subject import WatchSettings

_ALL_SEEN, _STEADY_S = 0.98, 0.25
"""Smallest share that counts as all windows, largest growth that counts as none.

In 24 s a camera has 64 windows, and one of them may fall on either side of the ends.
"""
_SERVICE: Final = ("watcher", "recognizer", "hub", "ray itself")
"""The kinds of processes that run in a ward; the others play cameras and broker."""


@dataclass(frozen=True, slots=True)
class Load:
    """The measurements with one number of cameras.

    Attributes:
        subjects: Number of cameras.
        windows_per_s: Windows recognised per second.
        frames_per_s: Pictures encoded per second.
        waits_s: Seconds from the end of the window that decided an event to its receipt
            by MQTT: median, 95th and 99th percentile; None without events.
        age_growth_s: Growth of the predictions' delay during the measurement, seconds.
        dropped: Number of pictures that full buffers dropped.
        thinned: Number of pictures that an overloaded watcher left out.
        used_ratio: Smallest share of a camera's pictures that is used at the end.
        cpu_cores: Cores in use by kind of process.
        rss_mb: Memory by kind of process, MB.
    """

    subjects: int
    windows_per_s: float
    frames_per_s: float
    waits_s: tuple[float, float, float] | None
    age_growth_s: float
    dropped: int
    thinned: int
    used_ratio: float
    cpu_cores: dict[str, float]
    rss_mb: dict[str, float]

    @property
    def keeps_up(self) -> bool:
        """Whether all pictures were used and no queue grew."""
        due_per_s = self.subjects * NS_PER_S / WatchSettings().windows.step_ns
        all_seen = self.windows_per_s >= _ALL_SEEN * due_per_s
        lost = self.dropped + self.thinned
        return all_seen and lost == 0 and self.age_growth_s < _STEADY_S

    @property
    def cores_a_camera(self) -> float:
        """Cores that the service uses, without cameras and broker, for each camera."""
        used = sum(self.cpu_cores.get(name, 0.0) for name in _SERVICE)
        return used / self.subjects

    @property
    def watcher_cores_a_camera(self) -> float:
        """Cores that the watchers use for each camera."""
        return self.cpu_cores.get("watcher", 0.0) / self.subjects


def growth_json(loads: Sequence[Load]) -> dict[str, Any]:
    """Return all loads, and the growth of a camera's cost, as a JSON object.

    ``watcher_cost_ratio`` is the watchers' cores a camera at the largest load that
    keeps up, relative to those at the smallest load. ``beyond`` is the first load that
    does not keep up; null if there is none.
    """
    fit = [load for load in loads if load.keeps_up]
    beyond = next((load for load in loads if not load.keeps_up), None)
    least = loads[0].watcher_cores_a_camera
    has_growth = len(fit) > 1 and least > 0
    return {
        "watcher_cost_ratio": (
            round(fit[-1].watcher_cores_a_camera / least, 3) if has_growth else None
        ),
        "beyond": None if beyond is None else _json_of(beyond),
        "loads": [_json_of(load) for load in loads],
    }


def _json_of(load: Load) -> dict[str, Any]:
    return {
        "subjects": load.subjects,
        "windows_per_s": round(load.windows_per_s, 2),
        "frames_per_s": round(load.frames_per_s, 2),
        "latency_s": load.waits_s,
        "age_growth_s": round(load.age_growth_s, 3),
        "dropped": load.dropped,
        "thinned": load.thinned,
        "used_ratio": round(load.used_ratio, 3),
        "cores_a_camera": round(load.cores_a_camera, 3),
        "watcher_cores_a_camera": round(load.watcher_cores_a_camera, 3),
        "keeps_up": load.keeps_up,
    }


def growth_rows(loads: Sequence[Load]) -> list[tuple[str, str]]:
    """Return the loads as rows of a table."""
    rows = [
        ("events to MQTT, p50 / p95 / p99; cores a camera, and its watcher's share", "")
    ]
    for load in loads:
        waits = "no event"
        if load.waits_s is not None:
            waits = f"{' / '.join(f'{1000 * wait:.0f}' for wait in load.waits_s)} ms"
        text = (
            f"{load.windows_per_s:.1f} windows/s, {waits};"
            f" {load.cores_a_camera:.2f}, {load.watcher_cores_a_camera:.2f}"
        )
        if not load.keeps_up:
            text += "; does not keep up"
        if load.used_ratio < 1.0:
            text += f", uses {load.used_ratio:.0%} of the pictures at the end"
        rows.append((f"{load.subjects} cameras", text))
    return rows
