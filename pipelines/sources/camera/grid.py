"""The frame grid: selection of a stream's frames, at most one for each tick.

Tick k is the half-open step ``(origin + (k - 1) step, origin + k step]``. The newest
frame in the step is picked; a step without a frame is a gap:

    time    0         1         2         3         4     (steps)
    frames  a   b   c |      d  |         |    e  f |
    ticks   a: 0      c: 1      d: 2      .: 3      f: 4

A frame belongs to exactly one tick, so that no frame is picked twice and a picked frame
is less than one step older than its tick.
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


@dataclass(frozen=True, slots=True)
class Pick(Generic[Item]):
    """A picked frame, its own time, and its tick."""

    tick: int
    timestamp_ns: int
    item: Item


@final
class GridPicker(Generic[Item]):
    """Selection of frames that arrive in order of time.

    A frame is picked once a later frame shows that it was the newest of its tick. Ticks
    of picks strictly increase, also across ``flush``. A frame that is not newer than
    the frame before, or whose tick is past, is ignored.
    """

    def __init__(self, grid: FrameGrid) -> None:
        self.grid = grid
        """The ticks."""
        self._held: Pick[Item] | None = None
        self._flushed_tick: int | None = None

    def offer(self, timestamp_ns: int, item: Item) -> Pick[Item] | None:
        """Add the next frame; return the frame before if it is now picked."""
        tick = self.grid.tick_of(timestamp_ns)
        held = self._held
        if held is not None and timestamp_ns <= held.timestamp_ns:
            return None
        if self._flushed_tick is not None and tick <= self._flushed_tick:
            return None
        self._held = Pick(tick, timestamp_ns, item)
        return held if held is not None and held.tick < tick else None

    def flush(self) -> Pick[Item] | None:
        """Return the held frame, which no later frame will follow; None if none."""
        held, self._held = self._held, None
        if held is not None:
            self._flushed_tick = held.tick
        return held
