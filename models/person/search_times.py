"""When to search a camera's pictures for somebody who is not followed.

The detector costs as much as following a person does, and most pictures show nobody
new. Where they have changed since the latest search says how soon it is worth while::

    nobody is followed, somebody was lost lately                  every picture
    nobody is followed, a cell changed that had been still        at once
    nobody is followed, else                                      once a second
    somebody is followed, another was lost lately                 once a second
    somebody is followed, a cell far from everybody changed       once a second
    somebody is followed, else                                    once in four seconds

Lately is ``FinderSettings.remember_s``. So a curtain, which changes the same cells
again and again, is searched once a second, and somebody who comes in beside it at once.
"""

from typing import final

import numpy as np
from jaxtyping import Int64

from models.person.changes import Cells, Luma, changed_cells

_NS_PER_S = 1_000_000_000
_QUIET_NS = 4 * _NS_PER_S
"""Time between two searches while nothing changes beside the followed."""
_STIRRED_NS = 10 * _NS_PER_S
"""Time for which a cell that changed without anybody counts as one that stirs."""
_NEVER_NS = np.iinfo(np.int64).min // 2


@final
class SearchTimes:
    """Decides when one camera's pictures are searched.

    Pictures come with the luma of their cells, or with None: then everything may have
    changed.

    Args:
        every_s: Time between two searches, in seconds.
    """

    def __init__(self, every_s: float) -> None:
        self._every_ns = round(every_s * _NS_PER_S)
        self.latest_ns: int | None = None
        """Time of the latest search; None before the first."""
        self._luma: Luma | None = None
        self._followed: Cells | None = None
        self._stirred_ns: Int64[np.ndarray, "row column"] | None = None

    def is_due_for_anybody(self, time_ns: int, luma: Luma | None) -> bool:
        """Return whether to search while nobody is followed."""
        waited_ns = self._waited_ns(time_ns)
        if luma is None or not 0 <= waited_ns < self._every_ns:
            return True
        changed = changed_cells(luma, self._luma)
        if self._stirred_ns is None or self._stirred_ns.shape != changed.shape:
            return bool(changed.any())
        stirs = self._stirred_ns > time_ns - _STIRRED_NS
        return bool((changed & ~stirs).any())

    def is_due_for_more(
        self,
        time_ns: int,
        luma: Luma | None,
        followed: Cells | None,
        *,
        is_one_lost: bool = False,
    ) -> bool:
        """Return whether to search while somebody is followed.

        Args:
            time_ns: Time of the picture.
            luma: Its cells.
            followed: The cells about everybody followed.
            is_one_lost: Whether somebody was lost lately. They may lie still at the
                feet of the followed, where no change shows them.
        """
        waited_ns = self._waited_ns(time_ns)
        if 0 <= waited_ns < self._every_ns:
            return False
        if (
            is_one_lost
            or luma is None
            or followed is None
            or not 0 <= waited_ns < _QUIET_NS
        ):
            return True
        changed = changed_cells(luma, self._luma)
        if self._followed is not None and self._followed.shape == changed.shape:
            changed &= ~self._followed
        return bool((changed & ~followed).any())

    def has_changed(self, luma: Luma | None) -> bool:
        """Return whether a picture differs from the one that was searched last."""
        return luma is None or bool(changed_cells(luma, self._luma).any())

    def add(
        self,
        time_ns: int,
        luma: Luma | None,
        followed: Cells | None,
    ) -> None:
        """Remember a search.

        Args:
            time_ns: Time of the picture.
            luma: Its cells.
            followed: The cells about everybody followed after the search; None if
                nobody is.
        """
        if luma is not None and followed is None:
            if self._stirred_ns is None or self._stirred_ns.shape != luma.shape:
                self._stirred_ns = np.full(luma.shape, _NEVER_NS)
            if self._luma is not None:
                self._stirred_ns[changed_cells(luma, self._luma)] = time_ns
        self.latest_ns, self._luma, self._followed = time_ns, luma, followed

    def _waited_ns(self, time_ns: int) -> int:
        return -1 if self.latest_ns is None else time_ns - self.latest_ns
