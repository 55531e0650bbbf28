"""When a live picture was taken: by our clock at arrival, or by its sender's."""

from dataclasses import dataclass
from typing import final

from pipelines.clock import NS_PER_S, ns_to_seconds
from pipelines.records import TimeBase

_SLEW_RATIO = 0.1
_PLAUSIBLE_NS = 2 * NS_PER_S
_UNSETTLED_NS = NS_PER_S // 10


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a picture was taken, and by whose clock.

    ``problem`` says why the sender's clock is not believed, if it is not.
    """

    timestamp_ns: int
    time_base: TimeBase
    problem: str = ""


@final
class CaptureClock:
    """Stamps the pictures of one camera with times that only rise.

    Pictures are stamped with their arrival until the sender tells its own time (its
    first RTCP report comes after about 2 s). From then on the difference between the
    two shrinks by a tenth of the time that passes, until the stamps are the sender's:

        sender - arrival   -300 ms ......................................
        stamp - arrival       0 ms ──────╮ first report
                                          ╲
                                           ╲_____________________________ -300 ms
        time base             arrival ............ sender

    A sender whose clock is more than two seconds off is not believed: a camera
    without a time server may live in 1970.
    """

    def __init__(self) -> None:
        self._last: CaptureTime | None = None
        self._base_ns = 0
        self._believed = False
        self._settled = False
        self._lag_ns = 0
        self._problem = ""

    def restart(self) -> None:
        """Begin a new connection: the sender has not told its time yet."""
        self._believed = self._settled = False
        self._lag_ns = 0

    def stamp(self, arrival_ns: int, sender_ns: int | None) -> CaptureTime:
        """Stamp the next picture.

        Args:
            arrival_ns: When it arrived, by our clock.
            sender_ns: When it was taken, by the sender's clock, if that is known.
        """
        offset_ns = 0 if sender_ns is None else sender_ns - arrival_ns
        believed = sender_ns is not None and abs(offset_ns) <= _PLAUSIBLE_NS
        base_ns = arrival_ns + offset_ns if believed else arrival_ns
        self._shrink_lag(base_ns)
        if believed != self._believed and self._last is not None:
            # Go on from where the stamps would have been.
            self._lag_ns += -offset_ns if believed else 0
        self._believed, self._base_ns = believed, base_ns
        timestamp_ns = base_ns + self._lag_ns
        if self._last is not None and timestamp_ns <= self._last.timestamp_ns:
            timestamp_ns = self._last.timestamp_ns + 1
            self._lag_ns = timestamp_ns - base_ns
        self._settle()
        if sender_ns is None or believed:
            self._problem = ""
        elif not self._problem:  # said once, not anew with each picture
            off_s = ns_to_seconds(offset_ns)
            self._problem = f"the camera's clock is {off_s:+.1f} s off and not used"
        time_base: TimeBase = "sender" if self._settled else "arrival"
        self._last = CaptureTime(timestamp_ns, time_base, self._problem)
        return self._last

    def _settle(self) -> None:
        """Tell the slew to a new base from a picture that repeats a time."""
        if not self._believed or abs(self._lag_ns) > _UNSETTLED_NS:
            self._settled = False
        elif self._lag_ns == 0:
            self._settled = True

    def _shrink_lag(self, base_ns: int) -> None:
        passed_ns = max(0, base_ns - self._base_ns)
        step_ns = round(passed_ns * _SLEW_RATIO)
        if self._lag_ns > 0:
            self._lag_ns = max(0, self._lag_ns - step_ns)
        else:
            self._lag_ns = min(0, self._lag_ns + step_ns)
