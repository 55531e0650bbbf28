"""Exponential backoff with jitter between attempts to connect."""

import random
from typing import final


@final
class Backoff:
    """Waits that double with each failure, each drawn from the upper half of its step.

    With 1 s and 30 s: 1-2 s, 2-4 s, 4-8 s, 8-16 s, 15-30 s, 15-30 s, ... So a lost
    camera is tried again soon, and many cameras do not reconnect at the same moment.

    Raises:
        ValueError: If not ``0 < first_s <= longest_s``.
    """

    def __init__(self, first_s: float, longest_s: float, rng: random.Random) -> None:
        if not 0.0 < first_s <= longest_s:
            msg = f"expected 0 < first_s <= longest_s, got {first_s} and {longest_s}"
            raise ValueError(msg)
        self._first_s = first_s
        self._longest_s = longest_s
        self._rng = rng
        self._step_s = first_s

    def next_s(self) -> float:
        """Return the next wait in seconds, and lengthen the following one."""
        self._step_s = min(2 * self._step_s, self._longest_s)
        return self._draw_s(self._step_s)

    def slowest_s(self) -> float:
        """Return a wait of the longest step, for failures that time rarely ends."""
        return self._draw_s(self._longest_s)

    def reset(self) -> None:
        """Restart with the shortest wait."""
        self._step_s = self._first_s

    def _draw_s(self, step_s: float) -> float:
        return max(self._first_s, self._rng.uniform(step_s / 2, step_s))
