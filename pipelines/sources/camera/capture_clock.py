"""Capture time of live pictures, from the arrival or from the sender's clock."""

from dataclasses import dataclass
from typing import final

from pipelines.clock import span_text
from pipelines.records import TimeBase
from pipelines.sources.camera.sender_clock import SenderClock

_SLEW_RATIO = 0.1


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """Capture time of a picture, and the clock that it is from.

    ``problem`` is the reason why the sender's clock is not used, or empty.
    """

    timestamp_ns: int
    time_base: TimeBase
    problem: str = ""


@final
class CaptureClock:
    """Strictly increasing timestamps for the pictures of one camera.

    Pictures get their arrival time until the sender's clock is known (the first RTCP
    report comes after about 2 s, and some pictures must agree). From then on the
    difference between the two clocks shrinks by a tenth of the elapsed time, until the
    timestamps are the sender's:

        sender - arrival   -300 ms ......................................
        stamp - arrival       0 ms ──────╮ the sender's clock is known
                                          ╲
                                           ╲_____________________________ -300 ms
        time base             arrival ............ sender

    Then the timestamps are the sender's, or those of the clock model where a time is
    missing or implausible (``pipelines.sources.camera.sender_clock``), until the
    sender's clock is unknown for half a minute. A change of the sender's clock is
    followed at the same slow rate. So timestamps are continuous, and a window may span
    a change of the time base.

    A sender's clock that differs from ours by more than two seconds is not used: the
    clock of a camera without a time server may be in 1970.
    """

    def __init__(self) -> None:
        self._sender = SenderClock()
        self._last_ns: int | None = None
        self._arrival_ns = 0
        self._lag_ns = 0
        self._settled = False

    @property
    def bridged(self) -> int:
        """Number of pictures without a usable sender time that the model stamped."""
        return self._sender.bridged

    def stamp(self, arrival_ns: int, sender_ns: int | None) -> CaptureTime:
        """Return the capture time of the next picture.

        ``sender_ns`` is the capture time by the sender's clock; None if unknown.
        """
        sender = self._sender
        if self._last_ns is None:
            self._arrival_ns = arrival_ns
        passed_ns = max(0, arrival_ns - self._arrival_ns)
        self._arrival_ns += passed_ns
        before_ns = sender.offset_ns or 0
        taken_ns = sender.take(self._arrival_ns, sender_ns)
        base_ns = arrival_ns if taken_ns is None else taken_ns
        if sender.moved:
            self._lag_ns += before_ns - (sender.offset_ns or 0)
        self._shrink_lag(passed_ns)
        timestamp_ns = base_ns + self._lag_ns
        if self._last_ns is not None:
            timestamp_ns = max(timestamp_ns, self._last_ns + 1)
        self._last_ns = timestamp_ns
        known = sender.offset_ns is not None
        self._settled = known and (self._settled or self._lag_ns == 0)
        return CaptureTime(
            timestamp_ns,
            "sender" if self._settled else "arrival",
            self._problem(),
        )

    def correct(self, correction_ns: int) -> None:
        """Apply a correction of our system clock, by which sender times now shift.

        Timestamps stay continuous, and follow at the usual slow rate.
        """
        if self._sender.offset_ns is not None:
            self._lag_ns += correction_ns
        self._sender.shift(-correction_ns)

    def _problem(self) -> str:
        off_ns = self._sender.refused_ns
        if off_ns is None:
            return ""
        return f"the camera's clock is {span_text(off_ns)} from ours and not used"

    def _shrink_lag(self, passed_ns: int) -> None:
        step_ns = round(passed_ns * _SLEW_RATIO)
        if self._lag_ns > 0:
            self._lag_ns = max(0, self._lag_ns - step_ns)
        else:
            self._lag_ns = min(0, self._lag_ns + step_ns)
