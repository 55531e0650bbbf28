"""Even thinning of the cameras' pictures while there are more than can be processed.

A turn of the chain processes one picture of each camera. If turns last longer than the
step from one picture to the next, pictures wait in the cameras' buffers, and every
answer comes later than the one before. Then one picture in two of each camera is used,
or in three, and so on, of each camera at a different step::

    step    0  1  2  3  4  5  6  7  8
    bed-1   x  x  x  .  .  x  .  .  x     overloaded from step 2 on: one in three
    bed-2   x  x  x  x  .  .  x  .  .

Meanwhile pictures that waited for long are not used either, so that an answer is not
late. A single long turn, such as one in which recognition is restarted, is no overload:
what waited is then processed, late but completely.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from math import ceil
from statistics import median
from typing import final

from pipelines.clock import seconds_to_ns

_LEAST_TURNS = 3
"""Turns that must have been long before pictures are thinned."""
_LEAST_WAITING = 2
"""Waiting pictures of a camera from which a turn was late. One may have come during the
turn itself."""


@dataclass(frozen=True, slots=True)
class ThinningSettings:
    """When pictures are thinned.

    Attributes:
        busy_ratio: Share of the time in which turns run, 0 to 1, that thinning aims at.
        overloaded_after_s: Time of long turns after which more pictures are left out,
            in seconds.
        room_after_s: Time with room after which fewer are left out, in seconds. If that
            was too early, the next time is twice as long, up to ``longest_s``.
        longest_s: Longest such time, in seconds.
        late_s: Time after which a waiting picture is not used any more while pictures
            are thinned, in seconds.

    Raises:
        ValueError: If a value is not positive, or ``busy_ratio`` is over 1.
    """

    busy_ratio: float = 0.8
    overloaded_after_s: float = 2.0
    room_after_s: float = 10.0
    longest_s: float = 300.0
    late_s: float = 0.4

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not 0.0 < getattr(self, name) < float("inf"):
                msg = f"{name} must be positive, got {getattr(self, name)}"
                raise ValueError(msg)
        if self.busy_ratio > 1.0:
            msg = f"busy_ratio must be at most 1, got {self.busy_ratio}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class _Turn:
    ended_ns: int
    span_ns: int
    waiting: int


@dataclass(slots=True)
class _Span:
    """Sums over the turns since the number of used pictures was last judged."""

    began_ns: int
    busy_ns: int = 0
    turns: int = 0
    late_turns: int = 0

    def add(self, turn: _Turn) -> None:
        self.busy_ns += turn.span_ns
        self.turns += 1
        self.late_turns += turn.waiting >= _LEAST_WAITING


@final
class Thinning:
    """Which pictures of a group of cameras are used.

    Args:
        step_ns: Time from one picture of a camera to the next, in nanoseconds.
        most: Greatest number of pictures of which one is used, at least 1.
        settings: When pictures are thinned.
        on_change: Called with ``every`` when it has changed.

    Attributes:
        every: Number of pictures of which one is used; 1 uses all.

    Raises:
        ValueError: If ``step_ns`` is not positive, or ``most`` is under 1.
    """

    def __init__(
        self,
        step_ns: int,
        most: int,
        settings: ThinningSettings | None = None,
        on_change: Callable[[int], None] = lambda _every: None,
    ) -> None:
        if step_ns <= 0 or most < 1:
            msg = f"step_ns and most must be positive, got {step_ns} and {most}"
            raise ValueError(msg)
        self._step_ns, self._most = step_ns, most
        self._settings = chosen = settings or ThinningSettings()
        self._on_change = on_change
        self.every = 1
        self._late = max(1, round(seconds_to_ns(chosen.late_s) / step_ns))
        self._patience_s = chosen.room_after_s
        self._relaxed_ns: int | None = None
        """When fewer pictures were left out for the last time."""
        self._span: _Span | None = None
        self._latest: deque[_Turn] = deque()
        """The turns by which an overload is judged."""
        self._places: dict[str, int] = {}
        self._due: dict[str, int] = {}
        """The tick from which on each camera's next picture is used."""

    def uses(self, subject_id: str, tick: int, waiting: int) -> bool:
        """Return whether a picture is used.

        Args:
            subject_id: The camera's subject.
            tick: Number of the picture's step; ticks of a subject increase.
            waiting: Number of later pictures of the camera that wait.
        """
        if self.every == 1:
            return True
        if waiting > self._late:
            return False
        place = self._place_of(subject_id)
        due = self._due.get(subject_id, tick + (place - tick) % self.every)
        if due > tick + self.every:  # a new stream, whose ticks are smaller
            due = tick
        is_used = tick >= due
        if is_used:
            due = tick + 1 + (place - tick - 1) % self.every
        self._due[subject_id] = due
        return is_used

    def _place_of(self, subject_id: str) -> int:
        """Return a camera's place among the others, which no other has."""
        if subject_id not in self._places:
            taken = set(self._places.values())
            self._places[subject_id] = next(n for n in count() if n not in taken)
        return self._places[subject_id]

    def forget(self, subject_id: str) -> None:
        """Forget a subject; do nothing if it is not known."""
        self._places.pop(subject_id, None)
        self._due.pop(subject_id, None)

    def add_turn(self, began_ns: int, ended_ns: int, waiting: int) -> None:
        """Add a turn in which pictures were used; decide how many are from now on.

        Args:
            began_ns: Begin of the turn, in pipeline time.
            ended_ns: Its end.
            waiting: Greatest number of pictures of one camera that waited after it.
        """
        span = self._span = self._span or _Span(began_ns)
        turn = _Turn(ended_ns, ended_ns - began_ns, waiting)
        span.add(turn)
        self._latest.append(turn)
        after_ns = seconds_to_ns(self._settings.overloaded_after_s)
        while (
            len(self._latest) > _LEAST_TURNS
            and self._latest[0].ended_ns <= ended_ns - after_ns
        ):
            self._latest.popleft()
        if ended_ns - span.began_ns < after_ns:
            return
        is_late = waiting >= _LEAST_WAITING
        if is_late and self._is_overloaded():
            self._tighten(ended_ns)
        elif ended_ns - span.began_ns >= seconds_to_ns(self._patience_s):
            self._relax(span, ended_ns)

    def _is_overloaded(self) -> bool:
        if len(self._latest) < _LEAST_TURNS:
            return False
        if median(turn.waiting for turn in self._latest) < _LEAST_WAITING:
            return False
        # Of thinned pictures none waits for long, so these are still too many.
        return self.every > 1 or self._usual_span_ns > self._step_ns

    @property
    def _usual_span_ns(self) -> float:
        return median(turn.span_ns for turn in self._latest)

    def _tighten(self, now_ns: int) -> None:
        """Use fewer pictures."""
        aim_ns = self._step_ns * self._settings.busy_ratio
        wanted = max(self.every + 1, ceil(self.every * self._usual_span_ns / aim_ns))
        if self._relaxed_ns is not None:
            longest_s = self._settings.longest_s
            if now_ns - self._relaxed_ns <= seconds_to_ns(longest_s):
                self._patience_s = min(2 * self._patience_s, longest_s)
            else:
                self._patience_s = self._settings.room_after_s
            self._relaxed_ns = None
        self._set(min(wanted, self._most), now_ns)

    def _relax(self, span: _Span, now_ns: int) -> None:
        """Use more pictures if the turns of a span left room for them.

        The share of the time in which turns run is assumed to grow with the number of
        pictures. With larger batches it grows less.
        """
        busy = span.busy_ns / (now_ns - span.began_ns)
        wanted = max(1, ceil(self.every * busy / self._settings.busy_ratio))
        is_late = 2 * span.late_turns > span.turns
        if wanted >= self.every or is_late:
            wanted = self.every
        else:
            self._relaxed_ns = now_ns
        self._set(wanted, now_ns)

    def _set(self, every: int, now_ns: int) -> None:
        """Set how many pictures are used, and judge the turns from now on."""
        self._latest.clear()
        self._span = _Span(now_ns)
        if every != self.every:
            self.every = every
            self._due.clear()
            self._on_change(every)
