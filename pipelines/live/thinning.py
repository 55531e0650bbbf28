"""Even thinning of the cameras' pictures while there are more than can be processed.

A turn of the chain processes one picture of each camera. If turns last longer than the
step from one picture to the next, pictures wait in the cameras' buffers, and every
answer comes later than the one before. Then one picture in two of each camera is used,
or in three, and so on, of each camera at a different step::

    step    0  1  2  3  4  5  6  7  8
    bed-1   x  x  x  .  .  x  .  .  x     overloaded from step 2 on: one in three
    bed-2   x  x  x  x  .  .  x  .  .

Meanwhile pictures that waited for long are not used either, so that an answer is not
late. The camera's next picture that has not waited is used in their place, so every
camera is used equally often. A single long turn, such as one in which recognition is
restarted, is no overload: if all pictures were used before, what waited is processed,
late but completely.
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
_SATURATED = 0.95
"""Share of the time in which turns run from which there is no room left."""


@dataclass(frozen=True, slots=True)
class ThinningSettings:
    """When pictures are thinned.

    Attributes:
        busy_ratio: Share of the time in which turns run, 0 to 1, that thinning aims at.
        overloaded_after_s: Time of long turns after which more pictures are left out,
            in seconds.
        room_after_s: Time with room after which fewer are left out, and time without
            any picture after which all are used again, in seconds. If fewer were left
            out too early, the next time with room is twice as long, up to
            ``longest_s``.
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
    """A turn in which pictures were used, with the pause before.

    Attributes:
        ended_ns: Its end.
        since_ns: End of the turn before.
        span_ns: Its length.
        waiting: Greatest number of pictures of one camera that waited after it.
        offered: Number of pictures that could be used since the turn before.
        used: Number of those that were used.
    """

    ended_ns: int
    since_ns: int
    span_ns: int
    waiting: int
    offered: int
    used: int


@dataclass(slots=True)
class _Span:
    """The time since the number of used pictures was last judged."""

    began_ns: int
    busy_ns: int = 0


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
        self._offered = self._used = 0
        """Pictures since the latest turn."""
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
        place = self._place_of(subject_id)
        self._offered += 1
        is_used = self.every == 1 or self._is_due(subject_id, place, tick, waiting)
        self._used += is_used
        return is_used

    def _is_due(self, subject_id: str, place: int, tick: int, waiting: int) -> bool:
        """Return whether a picture of a camera is the next to use."""
        if waiting > self._late:  # the next that has not waited is used instead
            return False
        slot = place * max(1, self.every // len(self._places))
        due = self._due.get(subject_id, tick + (slot - tick) % self.every)
        if due > tick + self.every:  # a new stream, whose ticks are smaller
            due = tick
        is_used = tick >= due
        if is_used:
            due = tick + 1 + (slot - tick - 1) % self.every
        self._due[subject_id] = due
        return is_used

    def _place_of(self, subject_id: str) -> int:
        """Return a camera's place among the others, which no other has."""
        if subject_id not in self._places:
            taken = set(self._places.values())
            self._places[subject_id] = next(n for n in count() if n not in taken)
        return self._places[subject_id]

    def forget(self, subject_id: str, now_ns: int) -> None:
        """Forget a subject; do nothing if it is not known.

        With the last subject an overload ends.
        """
        self._places.pop(subject_id, None)
        self._due.pop(subject_id, None)
        if not self._places and self.every > 1:
            self._set(1, now_ns)

    def end_if_idle(self, now_ns: int) -> None:
        """End an overload whose cameras have sent nothing for some time.

        Without pictures there are no turns by which it could be judged.
        """
        if self.every == 1 or self._used or self._span is None:  # or amid a turn
            return
        latest_ns = self._latest[-1].ended_ns if self._latest else self._span.began_ns
        room_ns = seconds_to_ns(self._settings.room_after_s)
        if now_ns - latest_ns > max(room_ns, 2 * self.every * self._step_ns):
            self._set(1, now_ns)

    def add_turn(self, began_ns: int, ended_ns: int, waiting: int) -> None:
        """Add a turn in which pictures were used; decide how many are from now on.

        Args:
            began_ns: Begin of the turn, in pipeline time.
            ended_ns: Its end.
            waiting: Greatest number of pictures of one camera that waited after it.
        """
        span = self._span = self._span or _Span(began_ns)
        since_ns = self._latest[-1].ended_ns if self._latest else span.began_ns
        span_ns = ended_ns - began_ns
        counts = self._offered, self._used
        self._latest.append(_Turn(ended_ns, since_ns, span_ns, waiting, *counts))
        self._offered = self._used = 0
        span.busy_ns += span_ns
        after_ns = seconds_to_ns(self._settings.overloaded_after_s)
        while (
            len(self._latest) > _LEAST_TURNS
            and self._latest[0].ended_ns <= ended_ns - after_ns
        ):
            self._latest.popleft()
        if ended_ns - span.began_ns < after_ns:
            return
        wanted = self._wanted() if len(self._latest) >= _LEAST_TURNS else 1
        if wanted > self.every:
            self._tighten(min(wanted, self._most), ended_ns)
        elif ended_ns - span.began_ns >= seconds_to_ns(self._patience_s):
            self._relax(span, ended_ns)

    def _wanted(self) -> int:
        """Return of how many pictures one can be used, by the latest turns.

        It is 1 if they show no overload. Medians ignore a single long turn.
        """
        if self._latest[-1].waiting < _LEAST_WAITING:
            return 1
        if median(turn.waiting for turn in self._latest) < _LEAST_WAITING:
            return 1
        if self.every == 1:  # what is offered is what can be processed, not what comes
            usual_ns = median(turn.span_ns for turn in self._latest)
            if usual_ns <= self._step_ns:
                return 1
            return max(2, ceil(usual_ns / self._step_ns / self._settings.busy_ratio))
        time_ns = self._latest[-1].ended_ns - self._latest[0].since_ns
        if sum(turn.span_ns for turn in self._latest) < _SATURATED * time_ns:
            return 1
        cost_ns = median(turn.span_ns / max(1, turn.used) for turn in self._latest)
        # What waited before can be offered faster than cameras send.
        offered = sum(turn.offered for turn in self._latest) / time_ns
        sent = len(self._places) / self._step_ns
        return ceil(cost_ns * min(offered, sent) / self._settings.busy_ratio)

    def _tighten(self, every: int, now_ns: int) -> None:
        """Use fewer pictures."""
        if self._relaxed_ns is not None:
            longest_s = self._settings.longest_s
            if now_ns - self._relaxed_ns <= seconds_to_ns(longest_s):
                self._patience_s = min(2 * self._patience_s, longest_s)
            else:
                self._patience_s = self._settings.room_after_s
            self._relaxed_ns = None
        self._set(every, now_ns)

    def _relax(self, span: _Span, now_ns: int) -> None:
        """Use more pictures if the turns of a span left room for them.

        The share of the time in which turns run is assumed to grow with the number of
        pictures. With larger batches it grows less.
        """
        busy = span.busy_ns / (now_ns - span.began_ns)
        wanted = max(1, ceil(self.every * busy / self._settings.busy_ratio))
        if wanted < self.every:
            self._relaxed_ns = now_ns
        self._set(min(wanted, self.every), now_ns)

    def _set(self, every: int, now_ns: int) -> None:
        """Set how many pictures are used, and judge the turns from now on."""
        self._span = _Span(now_ns)
        if every != self.every:
            self.every = every
            self._latest.clear()
            self._due.clear()
            self._on_change(every)


def is_thinned(thinning: Thinning | None) -> bool:
    """Return whether pictures are left out now; None leaves out none."""
    return thinning is not None and thinning.every > 1
