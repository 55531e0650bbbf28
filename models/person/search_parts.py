"""Where to search a camera's picture for somebody who is not followed.

The detector sees 224 pixels a side, so it searches the whole picture for those near the
camera, and tiles of it for all others. A search of everything costs four to ten times
as much as one of the whole picture, so tiles take turns::

    somebody was lost lately       everything
    somebody is followed           whole picture, one tile
    the picture is unchanged       one part
    else, once a second            everything
    else                           whole picture, two tiles

Who was lost may be falling, and there are few pictures of a fall: with three tiles in
turn, a fall of a real person was missed. ``search_times`` says when to search.
"""

from typing import final

from models.person.region import Region

_NS_PER_S = 1_000_000_000
_BESIDE, _ALONE = 1, 2  # tiles that are searched in turn


@final
class SearchParts:
    """Decides which parts of one camera's pictures are searched.

    Args:
        every_s: Time between two searches of everything, in seconds.
    """

    def __init__(self, every_s: float) -> None:
        self._every_ns = round(every_s * _NS_PER_S)
        self._everywhere_ns: int | None = None
        self._next = 0

    def choose(
        self,
        whole: Region,
        tiles: tuple[Region, ...],
        time_ns: int,
        *,
        is_anybody_followed: bool,
        is_one_lost: bool,
        is_changed: bool,
    ) -> tuple[Region, ...]:
        """Return the parts of the next picture to search.

        Args:
            whole: The whole picture.
            tiles: Its tiles.
            time_ns: Time of the picture.
            is_anybody_followed: Whether somebody is followed.
            is_one_lost: Whether somebody was lost lately.
            is_changed: Whether the picture differs from the one searched last.
        """
        if is_one_lost:
            return (whole, *tiles)
        if is_anybody_followed:
            return (whole, *self._in_turn(tiles, _BESIDE))
        if not is_changed:  # searched before, in vain
            return self._in_turn((whole, *tiles), 1)
        if self._is_due_everywhere(time_ns):
            self._everywhere_ns = time_ns
            return (whole, *tiles)
        return (whole, *self._in_turn(tiles, _ALONE))

    def _is_due_everywhere(self, time_ns: int) -> bool:
        if self._everywhere_ns is None:
            return True
        return not 0 <= time_ns - self._everywhere_ns < self._every_ns

    def _in_turn(self, parts: tuple[Region, ...], count: int) -> tuple[Region, ...]:
        """Return some of the parts, others each time."""
        first = self._next
        self._next += count
        return tuple(parts[place % len(parts)] for place in range(first, first + count))
