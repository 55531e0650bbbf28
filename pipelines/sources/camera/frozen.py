"""Tell a frozen picture from a still scene."""

from typing import final

import numpy as np
from jaxtyping import UInt8

_SAME_LEVELS = 0.02
_ALIVE_CHANGES = 3
_EVERY_PX = 2


@final
class FrozenPicture:
    """Watches for a picture that comes again and again.

    The noise of a real sensor changes every picture, also in the dark and when nobody
    moves: by 0.08 grey levels on average at the very least, in 23 clips of four
    cameras. A picture that hangs before the encoder comes back equal, but for a change
    or two at each key frame. So the sign of life is three changes in a row.

    Args:
        after_ns: How long a picture must stay the same to count as frozen.
    """

    def __init__(self, after_ns: int) -> None:
        self._after_ns = after_ns
        self.restart()

    def restart(self) -> None:
        """Forget what was seen, for a new connection."""
        self._before: UInt8[np.ndarray, "row column"] | None = None
        self._changes = 0
        self._alive_ns: int | None = None

    def is_frozen(
        self, timestamp_ns: int, pixels: UInt8[np.ndarray, "height width 3"]
    ) -> bool:
        """Say whether the stream stands still, this picture included."""
        green = pixels[::_EVERY_PX, ::_EVERY_PX, 1]  # carries most of the luma
        same = self._before is not None and (
            _difference_levels(green, self._before) < _SAME_LEVELS
        )
        self._before = green
        self._changes = 0 if same else self._changes + 1
        if self._alive_ns is None or self._changes >= _ALIVE_CHANGES:
            self._alive_ns = timestamp_ns
        return timestamp_ns - self._alive_ns >= self._after_ns


def _difference_levels(
    one: UInt8[np.ndarray, "row column"], other: UInt8[np.ndarray, "row column"]
) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())
