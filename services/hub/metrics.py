"""All Prometheus metrics; they are declared here and nowhere else.

Names follow prometheus.io/docs/practices: base units, totals, times instead of ages.
Labels are closed sets known at the start (subjects, events, sources), so that every
series exists from the first scrape.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final, Literal, final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from models.window import Modality
from pipelines.clock import NS_PER_S
from pipelines.records import ActionEvent, SourceRole, SourceStatus
from services.hub.reports import Counts, SubjectState
from services.version import installed_version

MODALITIES: Final[tuple[Modality, ...]] = get_args(Modality)
ClipOutcome = Literal["kept", "unwanted", "lost"]
"""What became of a clip: unwanted is one without a consent or without an alarm."""
KINDS: Final = ("event", "drift", "status", "technical")
_FAST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_BY_SUBJECT = ("subject",)
_BY_SOURCE = ("subject", "source")


class _Registry:
    """Declares the metrics of this application in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.counter = partial(Counter, registry=registry, namespace="wardwatch")
        self.gauge = partial(Gauge, registry=registry, namespace="wardwatch")
        self.histogram = partial(Histogram, registry=registry, namespace="wardwatch")


class _SubjectMetrics:
    """Episodes, predictions, drift and sources of each subject."""

    def __init__(self, into: _Registry) -> None:
        self.started = into.counter("events", "Episodes started.", ("subject", "event"))
        self.open = into.gauge(
            "events_open", "Episodes that have not ended.", ("subject", "event")
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
        self.in_bed = into.gauge(
            "in_bed",
            "1 while somebody is in a zone of the kind bed; NaN if that is not known.",
            _BY_SUBJECT,
        )
        self.people = into.gauge(
            "people", "People in the camera's view; NaN if unknown.", _BY_SUBJECT
        )
        self.worn = into.gauge(
            "wearable_worn",
            "1 while the wearable is worn, 0 while it is not; NaN if unknown.",
            _BY_SUBJECT,
        )
        self.used = into.gauge(
            "frames_used_ratio",
            "Share of the camera's pictures that are used; below 1 while the watcher is"
            " overloaded, NaN if unknown.",
            _BY_SUBJECT,
        )
        self.unanswered = into.gauge(
            "alarms_unanswered", "Alarms that wait for an answer.", _BY_SUBJECT
        )
        self.windows = into.counter(
            "subject_windows",
            "Windows recognised of each subject, by the sources of the answer.",
            ("subject", "modality"),
        )
        self.expired = into.counter(
            "wearable_waits_expired",
            "Windows held for the wearable that were recognised without its samples.",
            _BY_SUBJECT,
        )
        self.up = into.gauge("source_up", "1 if a source gives data.", _BY_SOURCE)
        self.reconnected = into.counter(
            "source_reconnects", "Connections after the first.", _BY_SOURCE
        )
        self.dropped = into.counter(
            "frames_dropped", "Pictures dropped by full buffers.", _BY_SUBJECT
        )
        self.bridged = into.counter(
            "frames_bridged",
            "Pictures stamped by the model of the camera's clock, because their own"
            " time was missing or wrong.",
            _BY_SUBJECT,
        )

    @property
    def states(self) -> tuple[Gauge, ...]:
        """The states that are not known while no watcher reports the subject."""
        return self.in_bed, self.people, self.worn, self.used

    def forget(self, subject: str) -> None:
        """Remove every series of a subject."""
        for metric in vars(self).values():
            metric.remove_by_labels({"subject": subject})


class _WindowMetrics:
    """Pictures and windows of all subjects, and the time they take."""

    def __init__(self, into: _Registry) -> None:
        self.frames = into.counter("frames", "Pictures received.", ("outcome",))
        self.recognised = into.counter(
            "windows",
            "Windows recognised, by the sources of the answer.",
            ("modality",),
        )
        self.encode = into.histogram(
            "encode_seconds", "Duration of a request to encode.", buckets=_FAST_S
        )
        self.classify = into.histogram(
            "classify_seconds", "Duration of a request to classify.", buckets=_FAST_S
        )
        self.age = into.histogram(
            "prediction_age_seconds",
            "Time from a window's end to its prediction, less the wait for a wearable.",
            buckets=_FAST_S,
        )
        self.wait = into.histogram(
            "wearable_wait_seconds",
            "Time that a window was held for its wearable.",
            buckets=_FAST_S,
        )
        for outcome in ("encoded", "reused", "thinned"):
            self.frames.labels(outcome)
        for modality in MODALITIES:
            self.recognised.labels(modality)


class _DeliveryMetrics:
    """Messages and the broker."""

    def __init__(self, into: _Registry) -> None:
        self.span = into.histogram(
            "delivery_seconds",
            "Time from a message's acceptance to the proof of its delivery.",
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
            " NaN if confirmation is off.",
        )
        self.pending = into.gauge("outbox_pending", "Messages that wait.")
        self.oldest = into.gauge(
            "outbox_oldest_timestamp_seconds",
            "Acceptance of the oldest message that waits; 0 if none waits.",
        )
        self.dead = into.gauge(
            "notices_dead",
            "Messages to a phone or webhook that were given up and are kept.",
            ("target",),
        )
        self.broker = into.gauge("broker_up", "1 if the broker is connected.")
        for kind in KINDS:
            self.delivered.labels(kind)
            self.refused.labels(kind)


class _HubMetrics:
    """The hub, its clock, the watchers, their clips and the canary."""

    def __init__(self, into: _Registry) -> None:
        info = into.gauge("build_info", "Version of wardwatch.", ("version",))
        info.labels(installed_version()).set(1)
        self.began = into.gauge("start_time_seconds", "Start of the hub.")
        self.correction = into.gauge(
            "clock_correction_seconds",
            "Correction of the system clock since the start of the hub.",
        )
        self.watchers = into.gauge("watchers", "Watchers that report.")
        self.queue = into.gauge("report_queue", "Records that wait in the watchers.")
        self.clips = into.counter("clips", "Blurred clips of alarms.", ("outcome",))
        for outcome in get_args(ClipOutcome):
            self.clips.labels(outcome)
        self.canary = into.gauge("canary_up", "1 if the canary is recognised.")
        self.canary_at = into.gauge(
            "canary_success_timestamp_seconds",
            "Latest time when the canary was recognised; 0 if never.",
        )


@final
class Metrics:
    """The hub's metrics.

    Times are pipeline time, unless stated otherwise.
    """

    def __init__(
        self, registry: CollectorRegistry, events: Sequence[str], now_ns: int
    ) -> None:
        self.registry = registry
        into = _Registry(registry)
        self._hub = _HubMetrics(into)
        self._subjects = _SubjectMetrics(into)
        self._windows = _WindowMetrics(into)
        self._delivery = _DeliveryMetrics(into)
        self._events = tuple(events)
        self._watched: dict[str, Collection[SourceRole]] = {}
        self._totals: dict[Counter, float] = {}
        self._targets: set[str] = set()
        self._began_ns, self._canary_ns = now_ns, 0
        self.correct(0)

    def watch(self, subjects: Mapping[str, Collection[SourceRole]]) -> None:
        """Add the series of new subjects, and remove those of others."""
        for name in self._watched.keys() - subjects.keys():
            del self._watched[name]
            self._subjects.forget(name)
        for name, sources in subjects.items():
            if name not in self._watched:
                self._watched[name] = sources
                self._begin(name, sources)

    def _begin(self, subject: str, sources: Collection[SourceRole]) -> None:
        series = self._subjects
        for event in self._events:
            series.started.labels(subject, event)
            series.open.labels(subject, event)
        for modality in MODALITIES:
            series.windows.labels(subject, modality)
        for source in sources:
            series.up.labels(subject, source)
            series.reconnected.labels(subject, source)
        for metric in (
            *(series.predicted, series.drift, series.expired),
            *(series.dropped, series.bridged, series.unanswered),
        ):
            metric.labels(subject)
        for unknown in (series.accuracy, *series.states):
            unknown.labels(subject).set(float("nan"))

    def count(self, counts: Counts) -> None:
        """Add the counts of a report."""
        self._windows.frames.labels("encoded").inc(counts.frames_encoded)
        self._windows.frames.labels("reused").inc(counts.frames_reused)
        self._windows.frames.labels("thinned").inc(counts.frames_thinned)
        self.clips("lost", counts.clips_lost)
        for (name, modality), windows in counts.windows.items():
            self._windows.recognised.labels(modality).inc(windows)
            if name in self._watched:
                self._subjects.windows.labels(name, modality).inc(windows)
        for name, windows in counts.waits_expired.items():
            if name in self._watched:
                self._subjects.expired.labels(name).inc(windows)
        for source, number in counts.dropped.items():
            if source.role == "camera" and source.subject_id in self._watched:
                self._subjects.dropped.labels(source.subject_id).inc(number)
        for histogram, spans in (
            (self._windows.encode, counts.encode_s),
            (self._windows.classify, counts.classify_s),
            (self._windows.age, counts.ages_s),
            (self._windows.wait, counts.waits_s),
        ):
            for span in spans:
                histogram.observe(span)

    def saw(self, subject: str, state: SubjectState) -> None:
        """Record the state of a subject; its times are UTC."""
        if subject not in self._watched:
            return
        self._source(subject, "camera", state.camera)
        self._source(subject, "imu", state.wearable)
        if state.camera is not None:
            bridged = self._subjects.bridged.labels(subject)
            self._raise_to(bridged, state.camera.bridged)
        self._subjects.predicted.labels(subject).set(state.predicted_ns / NS_PER_S)
        self._subjects.in_bed.labels(subject).set(
            float("nan") if state.bed is None else state.bed.state == "in"
        )
        self._subjects.people.labels(subject).set(
            float("nan") if state.people is None else state.people.count
        )
        self._subjects.worn.labels(subject).set(
            float("nan") if state.worn is None else state.worn.state == "worn"
        )
        self._subjects.used.labels(subject).set(
            1 / state.every if state.has_camera else float("nan")
        )
        if state.drift is not None:
            self._subjects.drift.labels(subject).set(state.drift.state == "alerted")
            accuracy = state.drift.accuracy
            self._subjects.accuracy.labels(subject).set(
                float("nan") if accuracy is None else accuracy[0]
            )

    def alarms(self, unanswered: Mapping[str, int]) -> None:
        """Record how many alarms of each subject wait for an answer."""
        for subject in self._watched:
            count = unanswered.get(subject, 0)
            self._subjects.unanswered.labels(subject).set(count)

    def lost(self, subject: str) -> None:
        """Record that no watcher reports a subject."""
        for source in self._watched.get(subject, ()):
            self._subjects.up.labels(subject, source).set(0)
        if subject in self._watched:
            for unknown in self._subjects.states:
                unknown.labels(subject).set(float("nan"))

    def _source(
        self, subject: str, source: SourceRole, status: SourceStatus | None
    ) -> None:
        if status is not None and source in self._watched[subject]:
            self._subjects.up.labels(subject, source).set(status.state == "online")
            reconnected = self._subjects.reconnected.labels(subject, source)
            self._raise_to(reconnected, status.reconnects)

    def _raise_to(self, counter: Counter, total: int) -> None:
        """Add to a counter what another process has counted since the last call."""
        counter.inc(max(0, total - self._totals.get(counter, 0)))
        self._totals[counter] = total

    def happened(self, event: ActionEvent) -> None:
        """Record an event that was not reported before."""
        if event.subject_id not in self._watched:
            return
        if event.state == "started":
            self._subjects.started.labels(event.subject_id, event.name).inc()
        self.goes_on(event)

    def goes_on(self, event: ActionEvent) -> None:
        """Record whether an episode goes on."""
        if event.subject_id in self._watched:
            is_open = event.state == "started"
            self._subjects.open.labels(event.subject_id, event.name).set(is_open)

    def correct(self, correction_ns: int) -> None:
        """Move the timestamps by the correction of the system clock since the start."""
        self._correction_ns = correction_ns
        self._hub.correction.set(correction_ns / NS_PER_S)
        self._hub.began.set(self._utc_s(self._began_ns))
        self._hub.canary_at.set(self._utc_s(self._canary_ns))

    def outbox(self, pending: int, oldest_ns: int | None) -> None:
        """Record how many messages wait, and since when."""
        self._delivery.pending.set(pending)
        self._delivery.oldest.set(self._utc_s(oldest_ns or 0))

    def delivered(self, kind: str, span_ns: int) -> None:
        """Record a delivered message, and how long its delivery took."""
        self._delivery.delivered.labels(_known(kind)).inc()
        self._delivery.span.observe(span_ns / NS_PER_S)

    def proof(
        self, confirmed: bool | None, refused_topics: int, refused: Mapping[str, int]
    ) -> None:
        """Record whether delivery is proven, and what was refused so far.

        Args:
            confirmed: Whether our test message comes back; None if that is off.
            refused_topics: Number of topics that are refused or unproven now.
            refused: Number of refused attempts so far, by kind of message.
        """
        self._delivery.confirmed.set(float("nan") if confirmed is None else confirmed)
        self._delivery.refused_topics.set(refused_topics)
        totals: dict[str, int] = {}
        for kind, count in refused.items():
            totals[_known(kind)] = totals.get(_known(kind), 0) + count
        for kind, total in totals.items():
            self._raise_to(self._delivery.refused.labels(kind), total)

    def dead_notices(self, counts: Mapping[str, int]) -> None:
        """Record how many messages to each target were given up; forget other ones."""
        for gone in self._targets - counts.keys():
            self._delivery.dead.remove(gone)
        self._targets = set(counts)
        for target, count in counts.items():
            self._delivery.dead.labels(target).set(count)

    def broker(self, is_up: bool) -> None:
        """Record whether the broker is connected."""
        self._delivery.broker.set(is_up)

    def clips(self, outcome: ClipOutcome, count: int) -> None:
        """Add clips of alarms with the same outcome."""
        self._hub.clips.labels(outcome).inc(count)

    def watchers(self, count: int, waiting: int) -> None:
        """Record how many watchers report, and how many records wait in them."""
        self._hub.watchers.set(count)
        self._hub.queue.set(waiting)

    def canary(self, is_well: bool, now_ns: int) -> None:
        """Record the result of the canary."""
        self._hub.canary.set(is_well)
        if is_well:
            self._canary_ns = now_ns
            self._hub.canary_at.set(self._utc_s(now_ns))

    def _utc_s(self, time_ns: int) -> float:
        """Return UTC in seconds; 0 means never."""
        return (time_ns + self._correction_ns) / NS_PER_S if time_ns else 0.0


def _known(kind: str) -> str:
    return kind if kind in KINDS else "technical"
