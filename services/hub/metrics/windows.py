"""Metrics of the pictures and windows of all subjects, and of the time they take."""

from typing import final, get_args

from models.window import Modality
from services.hub.metrics.registry import MetricRegistry
from services.hub.reports import Counts

_FAST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@final
class WindowMetrics:
    """Pictures and windows of all subjects, and the time they take."""

    def __init__(self, into: MetricRegistry) -> None:
        self._frames = into.counter("frames", "Pictures received.", ("outcome",))
        self._recognised = into.counter(
            "windows",
            "Windows recognised, by the sources of the answer.",
            ("modality",),
        )
        self._encode = into.histogram(
            "encode_seconds", "Duration of a request to encode.", buckets=_FAST_S
        )
        self._classify = into.histogram(
            "classify_seconds", "Duration of a request to classify.", buckets=_FAST_S
        )
        self._age = into.histogram(
            "prediction_age_seconds",
            "Time from a window's end to its prediction, less the wait for a wearable.",
            buckets=_FAST_S,
        )
        self._wait = into.histogram(
            "wearable_wait_seconds",
            "Time that a window was held for its wearable.",
            buckets=_FAST_S,
        )
        for outcome in ("encoded", "reused", "thinned"):
            self._frames.labels(outcome)
        for modality in get_args(Modality):
            self._recognised.labels(modality)

    def count(self, counts: Counts) -> None:
        """Add the counts of a report."""
        self._frames.labels("encoded").inc(counts.frames_encoded)
        self._frames.labels("reused").inc(counts.frames_reused)
        self._frames.labels("thinned").inc(counts.frames_thinned)
        for (_, modality), windows in counts.windows.items():
            self._recognised.labels(modality).inc(windows)
        for histogram, spans in (
            (self._encode, counts.encode_s),
            (self._classify, counts.classify_s),
            (self._age, counts.ages_s),
            (self._wait, counts.waits_s),
        ):
            for span in spans:
                histogram.observe(span)
