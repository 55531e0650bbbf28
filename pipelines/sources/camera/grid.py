"""The frame grid: which frames of a stream are picked, and for which tick.

Tick k stands for the half-open step ``(origin + (k - 1) step, origin + k step]`` and
takes the newest frame in it; a step without a frame leaves a gap:

    time    0         1         2         3         4     (steps)
    frames  a   b   c |      d  |         |    e  f |
    ticks   a: 0      c: 1      d: 2      .: 3      f: 4

A frame belongs to exactly one tick, so none is picked twice, and what is picked for a
tick is at most one step old.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar, final

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """Ticks at ``origin_ns + k * step_ns``, for every whole k.

    Raises:
        ValueError: If ``step_ns`` is not positive.
    """

    step_ns: int
    origin_ns: int = 0

    def __post_init__(self) -> None:
        if self.step_ns <= 0:
            msg = f"step_ns must be positive, got {self.step_ns}"
            raise ValueError(msg)

    def tick_of(self, timestamp_ns: int) -> int:
        """Return the tick of a frame: the first one at or after it."""
        return -((self.origin_ns - timestamp_ns) // self.step_ns)

    def time_of_ns(self, tick: int) -> int:
        """Return the time of a tick."""
        return self.origin_ns + tick * self.step_ns


@dataclass(frozen=True, slots=True)
class Pick(Generic[Item]):
    """A frame, its own time, and the tick that it was picked for."""

    tick: int
    timestamp_ns: int
    item: Item


@final
class GridPicker(Generic[Item]):
    """Picks from frames that come in the order of their times.

    A frame is picked once a later one shows that it was the newest of its tick. Ticks
    of picks rise strictly, also across ``flush``; a frame that is not newer than
    the one before it, or whose tick has gone, is ignored.
    """

    def __init__(self, grid: FrameGrid) -> None:
        self.grid = grid
        """The ticks."""
        self._held: Pick[Item] | None = None
        self._flushed_tick: int | None = None

    def offer(self, timestamp_ns: int, item: Item) -> Pick[Item] | None:
        """Take the next frame; return the one before it if that is picked."""
        tick = self.grid.tick_of(timestamp_ns)
        held = self._held
        if held is not None and timestamp_ns <= held.timestamp_ns:
            return None
        if self._flushed_tick is not None and tick <= self._flushed_tick:
            return None
        self._held = Pick(tick, timestamp_ns, item)
        return held if held is not None and held.tick < tick else None

    def flush(self) -> Pick[Item] | None:
        """Return the frame that waits for a later one: there is none."""
        held, self._held = self._held, None
        if held is not None:
            self._flushed_tick = held.tick
        return held
