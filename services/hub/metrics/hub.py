"""Metrics of the hub itself: its clock, the watchers that report, and the canary."""

from typing import Literal, final, get_args

from pipelines.clock import NS_PER_S
from services.hub.metrics.registry import MetricRegistry
from services.version import installed_version

ClipOutcome = Literal["kept", "unwanted", "lost"]
"""What became of a clip: unwanted is one without a consent or without an alarm."""


@final
class HubMetrics:
    """The hub's clock, the watchers, their clips and the canary.

    Times are pipeline time; ``now_ns`` is the start of the hub.
    """

    def __init__(self, into: MetricRegistry, now_ns: int) -> None:
        info = into.gauge("build_info", "Version of wardwatch.", ("version",))
        info.labels(installed_version()).set(1)
        self._began = into.gauge("start_time_seconds", "Start of the hub.")
        self._correction = into.gauge(
            "clock_correction_seconds",
            "Correction of the system clock since the start of the hub.",
        )
        self._watchers = into.gauge("watchers", "Watchers that report.")
        self._queue = into.gauge("report_queue", "Records that wait in the watchers.")
        self._clips = into.counter("clips", "Blurred clips of alarms.", ("outcome",))
        for outcome in get_args(ClipOutcome):
            self._clips.labels(outcome)
        self._canary = into.gauge("canary_up", "1 if the canary is recognised.")
        self._canary_at = into.gauge(
            "canary_success_timestamp_seconds",
            "Latest time when the canary was recognised; 0 if never.",
        )
        self._began_ns, self._canary_ns = now_ns, 0
        self.correct(0)

    def correct(self, correction_ns: int) -> None:
        """Move the timestamps by the correction of the system clock since the start."""
        self._correction_ns = correction_ns
        self._correction.set(correction_ns / NS_PER_S)
        self._began.set(self.utc_s(self._began_ns))
        self._canary_at.set(self.utc_s(self._canary_ns))

    def utc_s(self, time_ns: int) -> float:
        """Return UTC in seconds; 0 means never."""
        return (time_ns + self._correction_ns) / NS_PER_S if time_ns else 0.0

    def clips(self, outcome: ClipOutcome, count: int) -> None:
        """Add clips of alarms with the same outcome."""
        self._clips.labels(outcome).inc(count)

    def watchers(self, count: int, waiting: int) -> None:
        """Record how many watchers report, and how many records wait in them."""
        self._watchers.set(count)
        self._queue.set(waiting)

    def canary(self, is_well: bool, now_ns: int) -> None:
        """Record the result of the canary."""
        self._canary.set(is_well)
        if is_well:
            self._canary_ns = now_ns
            self._canary_at.set(self.utc_s(now_ns))
