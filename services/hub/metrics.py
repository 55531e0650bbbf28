"""Everything that Prometheus sees of us; declared here and nowhere else.

Names by the conventions of prometheus.io/docs/practices: base units, totals, times
instead of ages. Labels are closed sets known at the start (subjects, events, sources),
so that every series is there from the first scrape.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final, final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from models.window import Modality
from pipelines.clock import NS_PER_S
from pipelines.records import ActionEvent, SourceRole, SourceStatus
from services.hub.reports import Counts, SubjectState

SOURCES: Final[tuple[SourceRole, ...]] = ("camera", "imu")
MODALITIES: Final[tuple[Modality, ...]] = get_args(Modality)
KINDS: Final = ("event", "drift", "status", "technical")
_FAST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


@final
class Metrics:
    """The hub's metrics.

    Args:
        registry: Where they are collected.
        events: Names of all events that may occur.
        now_ns: When it begins to count; times are pipeline time, if not said otherwise.
    """

    def __init__(
        self, registry: CollectorRegistry, events: Sequence[str], now_ns: int
    ) -> None:
        self.registry = registry
        self._events = tuple(events)
        self._watched: set[str] = set()
        self._reconnects: dict[tuple[str, str], int] = {}
        self._bridged_before: dict[str, int] = {}
        counter = partial(Counter, registry=registry, namespace="wardwatch")
        gauge = partial(Gauge, registry=registry, namespace="wardwatch")
        histogram = partial(Histogram, registry=registry, namespace="wardwatch")
        by_subject = ("subject",)
        by_source = ("subject", "source")
        info = gauge("build_info", "Which version this is.", ("version",))
        info.labels(_version()).set(1)
        self._began = gauge("start_time_seconds", "When the hub began.")
        self._correction = gauge(
            "clock_correction_seconds",
            "How far the system clock was set since the hub began.",
        )
        self._began_ns, self._canary_ns = now_ns, 0
        self._started = counter("events", "Episodes started.", ("subject", "event"))
        self._open = gauge("events_open", "Episodes that go on.", ("subject", "event"))
        self._up = gauge("source_up", "1 if a source gives data.", by_source)
        self._reconnected = counter(
            "source_reconnects", "Connections after the first.", by_source
        )
        self._dropped = counter(
            "frames_dropped", "Pictures that full buffers let go.", by_subject
        )
        self._bridged = counter(
            "frames_bridged",
            "Pictures stamped by a model of the camera's clock: theirs was missing or"
            " wild.",
            by_subject,
        )
        self._predicted = gauge(
            "last_prediction_timestamp_seconds",
            "Newest picture of the latest prediction; 0 before the first.",
            by_subject,
        )
        self._drift = gauge(
            "drift_alerted", "1 while an alert of drift stands.", by_subject
        )
        self._accuracy = gauge(
            "implied_accuracy_ratio",
            "Share of right answers that confidence implies; NaN if unknown.",
            by_subject,
        )
        self._frames = counter("frames", "Pictures taken in.", ("outcome",))
        self._windows = counter(
            "windows", "Windows recognised, by what they rest on.", ("modality",)
        )
        self._subject_windows = counter(
            "subject_windows",
            "Windows recognised of each subject, by what they rest on.",
            ("subject", "modality"),
        )
        self._encode = histogram(
            "encode_seconds", "A request to encode.", buckets=_FAST_S
        )
        self._classify = histogram(
            "classify_seconds", "A request to classify.", buckets=_FAST_S
        )
        self._age = histogram(
            "prediction_age_seconds",
            "From a window's end to its prediction, less the wait for a wearable.",
            buckets=_FAST_S,
        )
        self._wait = histogram(
            "wearable_wait_seconds",
            "How long a window was held for its wearable.",
            buckets=_FAST_S,
        )
        self._expired = counter(
            "wearable_waits_expired",
            "Windows that were held for the wearable and left without its samples.",
            by_subject,
        )
        self._delivery = histogram(
            "delivery_seconds",
            "From a message's acceptance to the proof of its delivery.",
            buckets=_SLOW_S,
        )
        self._delivered = counter("delivered", "Messages delivered.", ("kind",))
        self._refused = counter(
            "refused", "Attempts to publish that were refused or unproven.", ("kind",)
        )
        self._refused_topics = gauge(
            "refused_topics", "Topics whose messages are refused or unproven now."
        )
        self._confirmed = gauge(
            "delivery_confirmed",
            "1 if the broker passes our test message on, 0 if not or not yet;"
            " NaN where no confirmation is asked for.",
        )
        self._pending = gauge("outbox_pending", "Messages that wait.")
        self._oldest = gauge(
            "outbox_oldest_timestamp_seconds",
            "When the oldest message that waits was accepted; 0 if none does.",
        )
        self._broker = gauge("broker_up", "1 if the broker is there.")
        self._watchers = gauge("watchers", "Watchers that report.")
        self._queue = gauge("report_queue", "Records that watchers hold back.")
        self._canary = gauge("canary_up", "1 if the known clip is recognised.")
        self._canary_at = gauge(
            "canary_success_timestamp_seconds", "When it last was; 0 if never."
        )
        self.correct(0)
        for outcome in ("encoded", "reused"):
            self._frames.labels(outcome)
        for modality in MODALITIES:
            self._windows.labels(modality)
        self._counted: dict[str, int] = {}
        for kind in KINDS:
            self._delivered.labels(kind)
            self._refused.labels(kind)

    def watch(self, subjects: Mapping[str, Collection[SourceRole]]) -> None:
        """Begin every series of subjects, and end those of subjects that are gone.

        Args:
            subjects: Ids, and the sources that each has.
        """
        for name in self._watched - subjects.keys():
            self._forget(name)
        for name, sources in subjects.items():
            if name in self._watched:
                continue
            self._watched.add(name)
            for event in self._events:
                self._started.labels(name, event)
                self._open.labels(name, event)
            for modality in MODALITIES:
                self._subject_windows.labels(name, modality)
            for source in sources:
                self._reconnects[name, source] = 0
                self._up.labels(name, source).set(0)
                self._reconnected.labels(name, source)
            for each in (self._predicted, self._drift):
                each.labels(name).set(0)
            self._accuracy.labels(name).set(float("nan"))
            self._dropped.labels(name)
            self._bridged.labels(name)
            self._expired.labels(name)

    def _forget(self, subject: str) -> None:
        self._watched.discard(subject)
        for event in self._events:
            self._started.remove(subject, event)
            self._open.remove(subject, event)
        self._bridged_before.pop(subject, None)
        for modality in MODALITIES:
            self._subject_windows.remove(subject, modality)
        for each in (
            self._predicted,
            self._drift,
            self._accuracy,
            self._dropped,
            self._bridged,
            self._expired,
        ):
            each.remove(subject)
        for source in SOURCES:
            if self._reconnects.pop((subject, source), None) is not None:
                self._up.remove(subject, source)
                self._reconnected.remove(subject, source)

    def count(self, counts: Counts) -> None:
        """Take what a watcher counted."""
        self._frames.labels("encoded").inc(counts.frames_encoded)
        self._frames.labels("reused").inc(counts.frames_reused)
        for (name, modality), windows in counts.windows.items():
            self._windows.labels(modality).inc(windows)
            if name in self._watched:
                self._subject_windows.labels(name, modality).inc(windows)
        for name, windows in counts.waits_expired.items():
            if name in self._watched:
                self._expired.labels(name).inc(windows)
        for source, number in counts.dropped.items():
            if source.role == "camera" and source.subject_id in self._watched:
                self._dropped.labels(source.subject_id).inc(number)
        for histogram, spans in (
            (self._encode, counts.encode_s),
            (self._classify, counts.classify_s),
            (self._age, counts.ages_s),
            (self._wait, counts.waits_s),
        ):
            for span in spans:
                histogram.observe(span)

    def saw(self, subject: str, state: SubjectState) -> None:
        """Take how a subject is seen; its times are UTC."""
        if subject not in self._watched:
            return
        self._source(subject, "camera", state.camera)
        if state.camera is not None:
            bridged = state.camera.bridged
            more = bridged - self._bridged_before.get(subject, 0)
            self._bridged_before[subject] = bridged
            self._bridged.labels(subject).inc(max(0, more))
        self._source(subject, "imu", state.wearable)
        self._predicted.labels(subject).set(state.predicted_ns / NS_PER_S)
        if state.drift is not None:
            self._drift.labels(subject).set(state.drift.state == "alerted")
            accuracy = state.drift.accuracy
            self._accuracy.labels(subject).set(
                float("nan") if accuracy is None else accuracy[0]
            )

    def lost(self, subject: str) -> None:
        """Take that nobody watches a subject."""
        for source in SOURCES:
            if (subject, source) in self._reconnects:
                self._up.labels(subject, source).set(0)

    def _source(
        self, subject: str, source: SourceRole, status: SourceStatus | None
    ) -> None:
        if status is None or (subject, source) not in self._reconnects:
            return
        self._up.labels(subject, source).set(status.state == "online")
        more = status.reconnects - self._reconnects[subject, source]
        self._reconnects[subject, source] = status.reconnects
        self._reconnected.labels(subject, source).inc(max(0, more))

    def happened(self, event: ActionEvent) -> None:
        """Take an event that was taken for the first time."""
        if event.subject_id not in self._watched:
            return
        if event.state == "started":
            self._started.labels(event.subject_id, event.name).inc()
        self.goes_on(event)

    def goes_on(self, event: ActionEvent) -> None:
        """Take whether an episode goes on."""
        if event.subject_id in self._watched:
            is_open = event.state == "started"
            self._open.labels(event.subject_id, event.name).set(is_open)

    def correct(self, correction_ns: int) -> None:
        """Take how far the system clock was set since the start; dates follow it."""
        self._correction_ns = correction_ns
        self._correction.set(correction_ns / NS_PER_S)
        self._began.set(self._utc_s(self._began_ns))
        self._canary_at.set(self._utc_s(self._canary_ns))

    def outbox(self, pending: int, oldest_ns: int | None) -> None:
        """Take how many messages wait, and since when."""
        self._pending.set(pending)
        self._oldest.set(self._utc_s(oldest_ns or 0))

    def delivered(self, kind: str, span_ns: int) -> None:
        """Take that a message is delivered, and how long that took."""
        self._delivered.labels(kind if kind in KINDS else "technical").inc()
        self._delivery.observe(span_ns / NS_PER_S)

    def proof(
        self, confirmed: bool | None, refused_topics: int, refused: Mapping[str, int]
    ) -> None:
        """Take whether delivery is proven, and what was refused so far.

        Args:
            confirmed: Whether our own test message is heard; None if that is off.
            refused_topics: How many topics are refused or unproven now.
            refused: Attempts so far, by kind of message.
        """
        self._confirmed.set(float("nan") if confirmed is None else confirmed)
        self._refused_topics.set(refused_topics)
        for kind, count in refused.items():
            more = count - self._counted.get(kind, 0)
            self._refused.labels(kind if kind in KINDS else "technical").inc(more)
            self._counted[kind] = count

    def broker(self, is_up: bool) -> None:
        """Take whether the broker is there."""
        self._broker.set(is_up)

    def watchers(self, count: int, waiting: int) -> None:
        """Take how many watchers report, and how many records they hold back."""
        self._watchers.set(count)
        self._queue.set(waiting)

    def canary(self, is_well: bool, now_ns: int) -> None:
        """Take how the known clip fared."""
        self._canary.set(is_well)
        if is_well:
            self._canary_ns = now_ns
            self._canary_at.set(self._utc_s(now_ns))

    def _utc_s(self, time_ns: int) -> float:
        """Return UTC in seconds; 0 means never."""
        return (time_ns + self._correction_ns) / NS_PER_S if time_ns else 0.0


def _version() -> str:
    try:
        return version("wardwatch")
    except PackageNotFoundError:  # runs from its folder just as well
        return "not installed"
