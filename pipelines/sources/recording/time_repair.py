"""Repair of implausible presentation times of a recording.

Pictures are in order of storage. Where the time jumps, or falls behind earlier times,
a new *run* begins:

    runs       a         b       c              d         e
    time    0 … 4 s │ 60 … 62 │ 6 … 20 s │ 3600 … 3620 │ 0 … 9 s
              kept    between    kept        kept         continued
                      a and c              (a pause)     (starts again)

A run is *stray* if the times after it continue as if the run had been regular. Times of
a stray run are interpolated between their neighbours. The same is done for the last few
pictures of a recording without pauses, if they jump by more than its length. Any other
jump forward is a pause and is kept. Any other jump back is a restart, such as in joined
files: its times are continued from the last time.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

from pipelines.clock import NS_PER_S

_CHUNK = 32
_DEEPEST = 16
"""Greatest distance of a stored picture from its place in presentation order, in
pictures, in any codec."""
_LOOK_AHEAD = 64
"""Number of runs in which the end of a stray run is searched."""
_JUMP_NS = NS_PER_S
_JUMP_PERIODS = 20
_BACKWARDS_RATIO = 0.75
_STRAY_TAIL_NS = 3 * NS_PER_S
_STRAY_TAIL_RATIO = 0.15
_STRAY_JUMP_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class RepairedTimes:
    """Times after repair.

    Attributes:
        times_ns: Time of each picture in order of storage; None where there was none.
        stray: Number of pictures whose time was interpolated.
        continued: Number of pictures whose time restarted or ran backwards.
    """

    times_ns: tuple[int | None, ...]
    stray: int
    continued: int


def typical_period_ns(times_ns: Sequence[int]) -> int | None:
    """Return the median difference of successive times; None if no times differ."""
    gaps: list[int] = []
    for begin in range(0, len(times_ns), _CHUNK):
        chunk = sorted(times_ns[begin : begin + _CHUNK])
        gaps += [after - before for before, after in pairwise(chunk) if after > before]
    return round(statistics.median(gaps)) if gaps else None


def repair_times(times_ns: Sequence[int | None], period_ns: int) -> RepairedTimes:
    """Replace implausible times.

    Times are in order of storage; None where there is none.
    """
    timed = [(place, ns) for place, ns in enumerate(times_ns) if ns is not None]
    known_ns = [ns for _, ns in timed]
    jump_ns = max(_JUMP_NS, _JUMP_PERIODS * period_ns)
    if _run_backwards(known_ns, jump_ns):
        forwards = tuple(n * period_ns for n in range(len(times_ns)))
        return RepairedTimes(forwards, 0, len(timed))
    runs = _runs(known_ns, jump_ns)
    repair = _Repair(runs, period_ns, jump_ns)
    repaired: list[int | None] = list(times_ns)
    for (place, _), time_ns in zip(timed, repair.times_ns(), strict=True):
        repaired[place] = time_ns
    return RepairedTimes(tuple(repaired), repair.stray, repair.continued)


def fill_times(
    times_ns: Sequence[int | None], period_ns: int
) -> tuple[int | None, ...]:
    """Interpolate the times of pictures without a time.

    If pictures are not stored in order of time, nothing is interpolated, because only
    the decoder knows their order. Pictures before the first time stay without one.

    The times come from ``repair_times``; the period counts pictures without a time.
    """
    places = [place for place, ns in enumerate(times_ns) if ns is not None]
    known_ns = [ns for ns in times_ns if ns is not None]
    if any(after < before for before, after in pairwise(known_ns)):
        return tuple(times_ns)
    filled = list(times_ns)
    for n, (place, time_ns) in enumerate(zip(places, known_ns, strict=True)):
        last = n + 1 == len(places)
        stop = len(times_ns) if last else places[n + 1]
        step_ns = period_ns if last else (known_ns[n + 1] - time_ns) // (stop - place)
        for later in range(place + 1, stop):
            filled[later] = time_ns + (later - place) * step_ns
    return tuple(filled)


@dataclass(slots=True)
class _Run:
    """Successive pictures without a jump in their times."""

    times_ns: list[int] = field(default_factory=list)

    @property
    def first_ns(self) -> int:
        return min(self.times_ns)

    @property
    def last_ns(self) -> int:
        return max(self.times_ns)


def _runs(times_ns: Sequence[int], jump_ns: int) -> list[_Run]:
    runs: list[_Run] = []
    settled_ns = 0
    for time_ns in times_ns:
        run = runs[-1].times_ns if runs else []
        if len(run) > _DEEPEST:
            settled = run[-1 - _DEEPEST]
            first = len(run) == _DEEPEST + 1
            settled_ns = settled if first else max(settled_ns, settled)
        behind = len(run) > _DEEPEST and time_ns < settled_ns
        if not run or abs(time_ns - run[-1]) > jump_ns or behind:
            runs.append(_Run([time_ns]))
        else:
            run.append(time_ns)
    return runs


def _run_backwards(times_ns: Sequence[int], jump_ns: int) -> bool:
    """Return whether most pictures are earlier than the picture stored before."""
    steps_ns = [b - a for a, b in pairwise(times_ns) if abs(b - a) <= jump_ns]
    falling = sum(step_ns < 0 for step_ns in steps_ns)
    return falling > _BACKWARDS_RATIO * len(steps_ns)


@final
class _Repair:
    def __init__(self, runs: Sequence[_Run], period_ns: int, jump_ns: int) -> None:
        self._runs, self._period_ns = runs, period_ns
        self._jump_ns = jump_ns
        self._slack_ns = _DEEPEST * period_ns
        self._pictures = sum(len(run.times_ns) for run in runs)
        self._pauses = 0
        self.stray = 0
        self.continued = 0

    def times_ns(self) -> list[int]:
        """Return the repaired times of all pictures, in order of storage."""
        done: list[int] = []
        offset_ns, end_ns = 0, -self._period_ns  # as after an imaginary picture
        place = 0
        while place < len(self._runs):
            back = self._back_from(place, end_ns, offset_ns)
            if back is not None:
                resume_ns = self._resume_ns(back, end_ns, offset_ns)
                for run in self._runs[place:back]:
                    done += self._between(run, end_ns, resume_ns, place, back)
                    end_ns = max(end_ns, done[-1])
                    place += 1
                continue
            run = self._runs[place]
            if place > 0 and run.first_ns + offset_ns <= end_ns - self._slack_ns:
                offset_ns = end_ns + self._period_ns - run.first_ns
            self._pauses += place > 0 and offset_ns == 0
            self.continued += len(run.times_ns) if offset_ns else 0
            done += [time_ns + offset_ns for time_ns in run.times_ns]
            end_ns = run.last_ns + offset_ns
            place += 1
        return done

    def _back_from(self, place: int, end_ns: int, offset_ns: int) -> int | None:
        """Return the run after stray runs that begin here; None if none is stray."""
        first_ns = self._runs[place].first_ns + offset_ns
        jump_ns = first_ns - end_ns
        if -self._slack_ns < jump_ns <= self._jump_ns:
            return None
        pictures = 0
        for back in range(place + 1, min(place + _LOOK_AHEAD, len(self._runs))):
            pictures += len(self._runs[back - 1].times_ns)
            later_ns = self._runs[back].first_ns + offset_ns
            if jump_ns > 0 and later_ns >= first_ns:
                continue
            if self._would_be_regular(later_ns - end_ns, pictures):
                return back
        if self._is_stray_tail(place, jump_ns, end_ns):
            return len(self._runs)
        return None

    def _would_be_regular(self, passed_ns: int, pictures: int) -> bool:
        usual_ns = pictures * self._period_ns
        least_ns = max(-self._slack_ns, usual_ns // 2 - NS_PER_S)
        return least_ns < passed_ns <= 2 * usual_ns + 2 * NS_PER_S

    def _is_stray_tail(self, place: int, jump_ns: int, end_ns: int) -> bool:
        """Return whether the last few pictures jump far in a film without pauses."""
        pictures = len(self._runs[place].times_ns)
        return (
            0 < place == len(self._runs) - 1
            and self._pauses == 0
            and pictures <= _STRAY_TAIL_RATIO * self._pictures
            and pictures * self._period_ns <= _STRAY_TAIL_NS
            and jump_ns > max(_STRAY_JUMP_NS, end_ns)
        )

    def _resume_ns(self, back: int, end_ns: int, offset_ns: int) -> int | None:
        return self._runs[back].first_ns + offset_ns if back < len(self._runs) else None

    def _between(
        self, run: _Run, end_ns: int, resume_ns: int | None, place: int, back: int
    ) -> list[int]:
        """Interpolate stray times between the time before and the time after them."""
        self.stray += len(run.times_ns)
        left = sum(len(later.times_ns) for later in self._runs[place:back])
        step_ns = self._period_ns
        if resume_ns is not None:
            step_ns = max(1, (resume_ns - end_ns) // (left + 1))
        first_ns, span_ns = run.first_ns, run.last_ns - run.first_ns
        usual_ns = step_ns * (len(run.times_ns) - 1)
        if usual_ns // 2 <= span_ns <= usual_ns + step_ns // 2:  # keep the spacing
            return [end_ns + step_ns + ns - first_ns for ns in run.times_ns]
        return [end_ns + step_ns * (n + 1) for n in range(len(run.times_ns))]
