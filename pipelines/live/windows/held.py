"""The queue of one subject's windows that wait for its wearable, oldest first.

With batches of two seconds, the windows that the camera closes between two batches wait
and leave together, in the order in which they were closed::

    camera     a  b  c  d  e  f  g          closes a window at each step
    wearable      [1...........][2...........
    leave                       a b c d e    fused

A window leaves when its samples are there, or when one of them is overdue
(``wearable_wait``); an overdue window is recognised from the camera alone. Windows
never overtake each other.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import final

from pipelines.live.windows.wearable_wait import NEVER_NS, WearableWait
from pipelines.records import Clip
from pipelines.sources.wearable.buffer import ImuBuffer


@dataclass(frozen=True, slots=True, eq=False)
class DueWindow:
    """A window that is due.

    ``wait_ns`` is the time for which it was held. ``was_previewed`` is whether
    ``HeldWindows.new_previews`` returned it before.
    """

    clip: Clip
    wait_ns: int = 0
    was_previewed: bool = False


@dataclass(slots=True, eq=False)
class _Held:
    """A held window, its time of closing, and its gap at a count of ``changes``."""

    clip: Clip
    closed_ns: int
    was_previewed: bool = False
    gap_began_ns: int | None = None
    as_of: int = -1


@final
class HeldWindows:
    """Queue of the windows that wait for their wearable.

    Without a ``wait`` no window is held.
    """

    def __init__(self, imu: ImuBuffer, wait: WearableWait | None) -> None:
        self._imu, self._wait = imu, wait
        self._held: deque[_Held] = deque()
        self._released = 0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, clips: Iterable[Clip], now_ns: int) -> None:
        """Add windows that the camera closed, oldest first."""
        self._held.extend(_Held(clip, now_ns) for clip in clips)

    def release_all(self) -> None:
        """Make all windows held now due at once."""
        self._released = len(self._held)

    def pop_due(self, now_ns: int) -> list[DueWindow]:
        """Remove and return the windows that are due, oldest first."""
        leaving = []
        while self._held and self._is_due(self._held[0], now_ns):
            held = self._held.popleft()
            self._released = max(0, self._released - 1)
            wait_ns = now_ns - held.closed_ns
            clip = self._with_samples(held.clip)
            leaving.append(DueWindow(clip, wait_ns, held.was_previewed))
        return leaving

    def new_previews(self) -> list[Clip]:
        """Return held windows that were not returned before, without samples."""
        fresh = [held for held in self._held if not held.was_previewed]
        for held in fresh:
            held.was_previewed = True
        return [replace(held.clip, imu=None, imu_rate_hz=None) for held in fresh]

    def due_ns(self, now_ns: int) -> int | None:
        """Return the latest due time of the oldest window; None if none is held."""
        return self._latest_ns(self._held[0], now_ns) if self._held else None

    def _is_due(self, held: _Held, now_ns: int) -> bool:
        if self._wait is None or self._released or held.clip.imu is not None:
            return True
        return self._latest_ns(held, now_ns) <= now_ns

    def _latest_ns(self, held: _Held, now_ns: int) -> int:
        """Return the latest time at which a window leaves."""
        if self._wait is None or not self._imu.is_used:
            return NEVER_NS
        if held.as_of != self._imu.changes:  # cached: called every turn for each window
            clip, held.as_of = held.clip, self._imu.changes
            held.gap_began_ns = self._imu.gap_began_ns(clip.start_ns, clip.end_ns)
        if held.gap_began_ns is None:
            return NEVER_NS
        longest_ns = held.closed_ns + self._wait.ceiling_ns
        return min(self._wait.deadline_ns(held.gap_began_ns, now_ns), longest_ns)

    def _with_samples(self, clip: Clip) -> Clip:
        if self._wait is None:
            return clip
        worn = self._imu.upright_slice(clip.start_ns, clip.end_ns)
        if worn is None:
            return clip
        samples, rate_hz = worn
        return replace(clip, imu=samples, imu_rate_hz=rate_hz)
