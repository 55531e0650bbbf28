"""All Prometheus metrics; they are declared here and nowhere else.

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
_BY_SUBJECT = ("subject",)
_BY_SOURCE = ("subject", "source")


class _Registry:
    """Declares metrics of this application in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.counter = partial(Counter, registry=registry, namespace="wardwatch")
        self.gauge = partial(Gauge, registry=registry, namespace="wardwatch")
        self.histogram = partial(Histogram, registry=registry, namespace="wardwatch")


class _SubjectMetrics:
    """Episodes, predictions and drift of each subject."""

    def __init__(self, into: _Registry) -> None:
        self.started = into.counter("events", "Episodes started.", ("subject", "event"))
        self.open = into.gauge(
            "events_open", "Episodes that go on.", ("subject", "event")
        )
        self.predicted = into.gauge(
            "last_prediction_timestamp_seconds",
            "Newest picture of the latest prediction; 0 before the first.",
            _BY_SUBJECT,
        )
        self.drift = into.gauge(
            "drift_alerted", "1 while a drift alert is open.", _BY_SUBJECT
        )
        self.accuracy = into.gauge(
            "implied_accuracy_ratio",
            "Share of right answers that confidence implies; NaN if unknown.",
            _BY_SUBJECT,
        )
        self.windows = into.counter(
            "subject_windows",
            "Windows recognised of each subject, by what they rest on.",
            ("subject", "modality"),
        )
        self.expired = into.counter(
            "wearable_waits_expired",
            "Windows that were held for the wearable and left without its samples.",
            _BY_SUBJECT,
        )


class _SourceMetrics:
    """Cameras and wearables of each subject."""

    def __init__(self, into: _Registry) -> None:
        self.up = into.gauge("source_up", "1 if a source gives data.", _BY_SOURCE)
        self.reconnected = into.counter(
            "source_reconnects", "Connections after the first.", _BY_SOURCE
        )
        self.dropped = into.counter(
            "frames_dropped", "Pictures that full buffers let go.", _BY_SUBJECT
        )
        self.bridged = into.counter(
            "frames_bridged",
            "Pictures stamped by a model of the camera's clock: theirs was missing or"
            " wild.",
            _BY_SUBJECT,
        )


class _WindowMetrics:
    """Pictures and windows of all subjects, and how long they take."""

    def __init__(self, into: _Registry) -> None:
        self.frames = into.counter("frames", "Pictures taken in.", ("outcome",))
        self.recognised = into.counter(
            "windows", "Windows recognised, by what they rest on.", ("modality",)
        )
        self.encode = into.histogram(
            "encode_seconds", "A request to encode.", buckets=_FAST_S
        )
        self.classify = into.histogram(
            "classify_seconds", "A request to classify.", buckets=_FAST_S
        )
        self.age = into.histogram(
            "prediction_age_seconds",
            "From a window's end to its prediction, less the wait for a wearable.",
            buckets=_FAST_S,
        )
        self.wait = into.histogram(
            "wearable_wait_seconds",
            "How long a window was held for its wearable.",
            buckets=_FAST_S,
        )
        for outcome in ("encoded", "reused"):
            self.frames.labels(outcome)
        for modality in MODALITIES:
            self.recognised.labels(modality)


class _DeliveryMetrics:
    """Messages, and the broker that gets them."""

    def __init__(self, into: _Registry) -> None:
        self.span = into.histogram(
            "delivery_seconds",
            "From a message's acceptance to the proof of its delivery.",
            buckets=_SLOW_S,
        )
        self.delivered = into.counter("delivered", "Messages delivered.", ("kind",))
        self.refused = into.counter(
            "refused", "Attempts to publish that were refused or unproven.", ("kind",)
        )
        self.refused_topics = into.gauge(
            "refused_topics", "Topics whose messages are refused or unproven now."
        )
        self.confirmed = into.gauge(
            "delivery_confirmed",
            "1 if the broker passes our test message on, 0 if not or not yet;"
            " NaN where no confirmation is asked for.",
        )
        self.pending = into.gauge("outbox_pending", "Messages that wait.")
        self.oldest = into.gauge(
            "outbox_oldest_timestamp_seconds",
            "When the oldest message that waits was accepted; 0 if none does.",
        )
        self.broker = into.gauge("broker_up", "1 if the broker is there.")
        for kind in KINDS:
            self.delivered.labels(kind)
            self.refused.labels(kind)


class _HubMetrics:
    """The hub, its clock, its watchers and its canary."""

    def __init__(self, into: _Registry) -> None:
        info = into.gauge("build_info", "Which version this is.", ("version",))
        info.labels(_version()).set(1)
        self.began = into.gauge("start_time_seconds", "When the hub began.")
        self.correction = into.gauge(
            "clock_correction_seconds",
            "How far the system clock was set since the hub began.",
        )
        self.watchers = into.gauge("watchers", "Watchers that report.")
        self.queue = into.gauge("report_queue", "Records that watchers hold back.")
        self.canary = into.gauge("canary_up", "1 if the known clip is recognised.")
        self.canary_at = into.gauge(
            "canary_success_timestamp_seconds", "When it last was; 0 if never."
        )


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
        into = _Registry(registry)
        self._hub = _HubMetrics(into)
        self._subjects = _SubjectMetrics(into)
        self._sources = _SourceMetrics(into)
        self._windows = _WindowMetrics(into)
        self._delivery = _DeliveryMetrics(into)
        self._events = tuple(events)
        self._watched: set[str] = set()
        self._reconnects: dict[tuple[str, str], int] = {}
        self._bridged_before: dict[str, int] = {}
        self._refused_before: dict[str, int] = {}
        self._began_ns, self._canary_ns = now_ns, 0
        self.correct(0)

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
                self._subjects.started.labels(name, event)
                self._subjects.open.labels(name, event)
            for modality in MODALITIES:
                self._subjects.windows.labels(name, modality)
            for source in sources:
                self._reconnects[name, source] = 0
                self._sources.up.labels(name, source).set(0)
                self._sources.reconnected.labels(name, source)
            for each in (self._subjects.predicted, self._subjects.drift):
                each.labels(name).set(0)
            self._subjects.accuracy.labels(name).set(float("nan"))
            self._sources.dropped.labels(name)
            self._sources.bridged.labels(name)
            self._subjects.expired.labels(name)

    def _forget(self, subject: str) -> None:
        self._watched.discard(subject)
        for event in self._events:
            self._subjects.started.remove(subject, event)
            self._subjects.open.remove(subject, event)
        self._bridged_before.pop(subject, None)
        for modality in MODALITIES:
            self._subjects.windows.remove(subject, modality)
        for each in (
            self._subjects.predicted,
            self._subjects.drift,
            self._subjects.accuracy,
            self._sources.dropped,
            self._sources.bridged,
            self._subjects.expired,
        ):
            each.remove(subject)
        for source in SOURCES:
            if self._reconnects.pop((subject, source), None) is not None:
                self._sources.up.remove(subject, source)
                self._sources.reconnected.remove(subject, source)

    def count(self, counts: Counts) -> None:
        """Take what a watcher counted."""
        self._windows.frames.labels("encoded").inc(counts.frames_encoded)
        self._windows.frames.labels("reused").inc(counts.frames_reused)
        for (name, modality), windows in counts.windows.items():
            self._windows.recognised.labels(modality).inc(windows)
            if name in self._watched:
                self._subjects.windows.labels(name, modality).inc(windows)
        for name, windows in counts.waits_expired.items():
            if name in self._watched:
                self._subjects.expired.labels(name).inc(windows)
        for source, number in counts.dropped.items():
            if source.role == "camera" and source.subject_id in self._watched:
                self._sources.dropped.labels(source.subject_id).inc(number)
        for histogram, spans in (
            (self._windows.encode, counts.encode_s),
            (self._windows.classify, counts.classify_s),
            (self._windows.age, counts.ages_s),
            (self._windows.wait, counts.waits_s),
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
            self._sources.bridged.labels(subject).inc(max(0, more))
        self._source(subject, "imu", state.wearable)
        self._subjects.predicted.labels(subject).set(state.predicted_ns / NS_PER_S)
        if state.drift is not None:
            self._subjects.drift.labels(subject).set(state.drift.state == "alerted")
            accuracy = state.drift.accuracy
            self._subjects.accuracy.labels(subject).set(
                float("nan") if accuracy is None else accuracy[0]
            )

    def lost(self, subject: str) -> None:
        """Take that nobody watches a subject."""
        for source in SOURCES:
            if (subject, source) in self._reconnects:
                self._sources.up.labels(subject, source).set(0)

    def _source(
        self, subject: str, source: SourceRole, status: SourceStatus | None
    ) -> None:
        if status is None or (subject, source) not in self._reconnects:
            return
        self._sources.up.labels(subject, source).set(status.state == "online")
        more = status.reconnects - self._reconnects[subject, source]
        self._reconnects[subject, source] = status.reconnects
        self._sources.reconnected.labels(subject, source).inc(max(0, more))

    def happened(self, event: ActionEvent) -> None:
        """Take an event that was taken for the first time."""
        if event.subject_id not in self._watched:
            return
        if event.state == "started":
            self._subjects.started.labels(event.subject_id, event.name).inc()
        self.goes_on(event)

    def goes_on(self, event: ActionEvent) -> None:
        """Take whether an episode goes on."""
        if event.subject_id in self._watched:
            is_open = event.state == "started"
            self._subjects.open.labels(event.subject_id, event.name).set(is_open)

    def correct(self, correction_ns: int) -> None:
        """Take how far the system clock was set since the start; dates follow it."""
        self._correction_ns = correction_ns
        self._hub.correction.set(correction_ns / NS_PER_S)
        self._hub.began.set(self._utc_s(self._began_ns))
        self._hub.canary_at.set(self._utc_s(self._canary_ns))

    def outbox(self, pending: int, oldest_ns: int | None) -> None:
        """Take how many messages wait, and since when."""
        self._delivery.pending.set(pending)
        self._delivery.oldest.set(self._utc_s(oldest_ns or 0))

    def delivered(self, kind: str, span_ns: int) -> None:
        """Take that a message is delivered, and how long that took."""
        self._delivery.delivered.labels(kind if kind in KINDS else "technical").inc()
        self._delivery.span.observe(span_ns / NS_PER_S)

    def proof(
        self, confirmed: bool | None, refused_topics: int, refused: Mapping[str, int]
    ) -> None:
        """Take whether delivery is proven, and what was refused so far.

        Args:
            confirmed: Whether our own test message is heard; None if that is off.
            refused_topics: How many topics are refused or unproven now.
            refused: Attempts so far, by kind of message.
        """
        self._delivery.confirmed.set(float("nan") if confirmed is None else confirmed)
        self._delivery.refused_topics.set(refused_topics)
        for kind, count in refused.items():
            more = count - self._refused_before.get(kind, 0)
            self._delivery.refused.labels(kind if kind in KINDS else "technical").inc(
                more
            )
            self._refused_before[kind] = count

    def broker(self, is_up: bool) -> None:
        """Take whether the broker is there."""
        self._delivery.broker.set(is_up)

    def watchers(self, count: int, waiting: int) -> None:
        """Take how many watchers report, and how many records they hold back."""
        self._hub.watchers.set(count)
        self._hub.queue.set(waiting)

    def canary(self, is_well: bool, now_ns: int) -> None:
        """Take how the known clip fared."""
        self._hub.canary.set(is_well)
        if is_well:
            self._canary_ns = now_ns
            self._hub.canary_at.set(self._utc_s(now_ns))

    def _utc_s(self, time_ns: int) -> float:
        """Return UTC in seconds; 0 means never."""
        return (time_ns + self._correction_ns) / NS_PER_S if time_ns else 0.0


def _version() -> str:
    try:
        return version("wardwatch")
    except PackageNotFoundError:  # runs from its folder just as well
        return "not installed"
