"""Model of a camera's clock, estimated from many pictures.

The offset of a picture is its sender time minus its arrival: the difference of the two
clocks, less the transit. Transit varies and is never negative, so no true sender time
is far above the greatest offset of the last minute, and sender times increase::

    offset        ______________________ the greatest, and a tolerance: not beyond
                  x   x x     x   x
                    x       x       x    late pictures are valid too
      time ──▶          m        w       m: missing time, w: implausible time

A picture whose time is missing or implausible is bridged: its time is computed from the
model. A model begins, or moves, when a majority of pictures agrees on another offset:
for a second at the beginning, and later for longer than a wrong sender report is valid.
"""

from bisect import bisect_left, insort
from collections import deque
from statistics import median_low
from typing import Final, final

from pipelines.clock import NS_PER_S

_RECENT_NS: Final = 5 * NS_PER_S
_EVERY_NS: Final = NS_PER_S // 10
_ENVELOPE_NS: Final = 60 * NS_PER_S
_AHEAD_NS: Final = NS_PER_S // 4
_AGREE_NS: Final = NS_PER_S // 2
_PLAUSIBLE_NS: Final = 2 * NS_PER_S
_TOO_FAR_NS: Final = 3 * NS_PER_S
_FIRST_PICTURES: Final = 5
_FIRST_NS: Final = NS_PER_S
_MOST_VOTES: Final = 30
"""Limit that lets a camera's clock be used soon after a day of wrong times."""
_LASTING_NS: Final = 12 * NS_PER_S
"""Longer than the 5 to 10 s for which one wrong sender report is valid."""
_LOST_NS: Final = 30 * NS_PER_S
_CADENCE_NS: Final = 2 * NS_PER_S
"""Longest delay by the network; a longer pause is a gap in the stream."""


@final
class SenderClock:
    """Estimator of the capture times of one camera by the camera's clock.

    Attributes:
        offset_ns: Modelled sender time minus arrival; None without a model.
        refused_ns: Lasting offset of a sender that is too large to be used, or None.
        moved: Whether the last picture began, moved or ended the model.
        bridged: Number of pictures whose time was computed from the model.
    """

    def __init__(self) -> None:
        self.offset_ns: int | None = None
        self.refused_ns: int | None = None
        self.moved = False
        self.bridged = 0
        self._candidate = _Candidate()
        self._recent = _Recent()
        self._greatest = _SlidingGreatest(_ENVELOPE_NS)
        self._intervals_ns: deque[int] = deque(maxlen=5)
        self._latest_ns = 0  # sender time of the latest picture
        self._used_ns = 0  # arrival of the latest picture whose own time was used
        self._bridges = False  # whether the latest picture was bridged

    def take(self, arrival_ns: int, sender_ns: int | None) -> int | None:
        """Return the capture time of the next picture; None without a model.

        ``sender_ns`` is the capture time by the sender's clock; None if unknown.
        Arrivals never go back.
        """
        self.moved = self.offset_ns is not None and self._is_over(arrival_ns)
        if self.moved:
            self.offset_ns = None
        if sender_ns is not None and self._fits(arrival_ns, sender_ns):
            self._candidate.vote_against()
            self.refused_ns = None
            return self._use(arrival_ns, sender_ns)
        if sender_ns is not None:
            self._candidate.vote(arrival_ns, sender_ns - arrival_ns)
            if self._restarts(arrival_ns, sender_ns):
                return self._use(arrival_ns, sender_ns)
        return self._bridge(arrival_ns)

    def shift(self, by_ns: int) -> None:
        """Shift all sender times after a correction of our own clock."""
        self._candidate.forget()
        self.refused_ns = None
        if self.offset_ns is not None:
            self.offset_ns += by_ns
            self._latest_ns += by_ns
            self._recent.shift(by_ns)
            self._greatest.shift(by_ns)

    def _is_over(self, arrival_ns: int) -> bool:
        """Return whether the sender's clock was lost too long or drifted too far."""
        silent_ns = arrival_ns - self._used_ns
        return silent_ns > _LOST_NS or abs(self.offset_ns or 0) > _TOO_FAR_NS

    def _fits(self, arrival_ns: int, sender_ns: int) -> bool:
        if self.offset_ns is None:
            return False
        newest_ns = arrival_ns + self._greatest.value() + _AHEAD_NS
        return self._latest_ns <= sender_ns <= newest_ns

    def _use(self, arrival_ns: int, sender_ns: int) -> int:
        self._recent.add(arrival_ns, sender_ns - arrival_ns)
        self._greatest.add(arrival_ns, sender_ns - arrival_ns)
        self.offset_ns = self._recent.median_ns()
        if not self._bridges and not self.moved:
            self._intervals_ns.append(sender_ns - self._latest_ns)
        self._latest_ns, self._used_ns = sender_ns, arrival_ns
        self._bridges = False
        return sender_ns

    def _bridge(self, arrival_ns: int) -> int | None:
        """Return a modelled time for a picture without a usable sender time.

        A single such picture is one interval after the picture before, independent of
        the network. In a row of them the interval may have changed, so the arrival is
        used.
        """
        if self.offset_ns is None:
            return None
        taken_ns = arrival_ns + self.offset_ns
        if not self._bridges and self._intervals_ns:
            next_ns = self._latest_ns + median_low(self._intervals_ns)
            if abs(next_ns - taken_ns) <= _CADENCE_NS:
                taken_ns = next_ns
        self.bridged += 1
        self._latest_ns, self._bridges = taken_ns, True
        return taken_ns

    def _restarts(self, arrival_ns: int, sender_ns: int) -> bool:
        """Adopt the candidate if it has lasted; return whether the picture fits it."""
        candidate = self._candidate
        held_ns = arrival_ns - candidate.since_ns
        if candidate.votes < _FIRST_PICTURES or held_ns < _FIRST_NS:
            return False
        offset_ns = candidate.median_ns()
        if abs(offset_ns) > _PLAUSIBLE_NS:
            if held_ns >= _LASTING_NS:
                self.refused_ns = self.refused_ns or offset_ns
            return False
        if self.offset_ns is not None and held_ns < _LASTING_NS:
            return False
        if abs(sender_ns - arrival_ns - offset_ns) > _AGREE_NS:
            return False
        self.refused_ns = None
        self._recent = _Recent()
        self._greatest = _SlidingGreatest(_ENVELOPE_NS)
        for agreed_at_ns, agreed_ns in candidate.agreeing:
            self._recent.add(agreed_at_ns, agreed_ns)
            self._greatest.add(agreed_at_ns, agreed_ns)
        candidate.forget()
        self._intervals_ns.clear()
        self.moved = True
        return True


@final
class _Candidate:
    """Majority offset of the recently refused pictures (Boyer and Moore's vote).

    Attributes:
        votes: Number of pictures that agree, less the number that do not.
        since_ns: Arrival of the first picture that agrees.
        agreeing: Arrival and offset of the latest pictures that agree.
    """

    def __init__(self) -> None:
        self.votes = 0
        self.since_ns = 0
        self.agreeing: deque[tuple[int, int]] = deque(maxlen=32)

    def vote(self, arrival_ns: int, offset_ns: int) -> None:
        if self.votes and abs(offset_ns - self.agreeing[0][1]) > _AGREE_NS:
            self.votes -= 1
            return
        if not self.votes:
            self.since_ns = arrival_ns
            self.agreeing.clear()
        self.votes = min(_MOST_VOTES, self.votes + 1)
        self.agreeing.append((arrival_ns, offset_ns))

    def vote_against(self) -> None:
        self.votes = max(0, self.votes - 1)

    def forget(self) -> None:
        self.votes = 0

    def median_ns(self) -> int:
        return median_low(offset_ns for _, offset_ns in self.agreeing)


@final
class _Recent:
    """The median offset of the last seconds, from a few of the pictures."""

    def __init__(self) -> None:
        self._held: deque[tuple[int, int]] = deque()  # (arrival, offset)
        self._sorted: list[int] = []

    def add(self, arrival_ns: int, offset_ns: int) -> None:
        if self._held and arrival_ns - self._held[-1][0] < _EVERY_NS:
            return
        self._held.append((arrival_ns, offset_ns))
        insort(self._sorted, offset_ns)
        while self._held[0][0] < arrival_ns - _RECENT_NS:
            _, old_ns = self._held.popleft()
            del self._sorted[bisect_left(self._sorted, old_ns)]

    def median_ns(self) -> int:
        return self._sorted[(len(self._sorted) - 1) // 2]

    def shift(self, by_ns: int) -> None:
        self._held = deque((at_ns, each + by_ns) for at_ns, each in self._held)
        self._sorted = [each + by_ns for each in self._sorted]


@final
class _SlidingGreatest:
    """The maximum over a sliding window of time; O(1) per call on average."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._falling: deque[tuple[int, int]] = deque()  # (time rises, value falls)

    def add(self, time_ns: int, value: int) -> None:
        while self._falling and self._falling[-1][1] <= value:
            self._falling.pop()
        self._falling.append((time_ns, value))
        while self._falling[0][0] < time_ns - self._window_ns:
            self._falling.popleft()

    def value(self) -> int:
        return self._falling[0][1]

    def shift(self, by_ns: int) -> None:
        self._falling = deque((at_ns, each + by_ns) for at_ns, each in self._falling)
