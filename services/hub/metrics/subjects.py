"""Metrics of each subject: its episodes, its state, its windows and its sources."""

from collections.abc import Collection, Mapping, Sequence
from typing import final, get_args

from prometheus_client import Gauge

from models.window import Modality
from pipelines.clock import NS_PER_S
from pipelines.records import ActionEvent, SourceRole, SourceStatus
from services.hub.metrics.registry import UNKNOWN, MetricRegistry, Totals
from services.hub.reports import Counts, SubjectState

_BY_SUBJECT = ("subject",)
_BY_SOURCE = ("subject", "source")


class _Series:
    """The series, each with the label of the subject."""

    def __init__(self, into: MetricRegistry) -> None:
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
            "alarms_unanswered",
            "Alarms that wait for an answer; those only suspected do not.",
            _BY_SUBJECT,
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


@final
class SubjectMetrics:
    """The metrics of the watched subjects; records of others are ignored.

    Args:
        into: Where the metrics are declared.
        events: Names of the events.
    """

    def __init__(self, into: MetricRegistry, events: Sequence[str]) -> None:
        self._series = _Series(into)
        self._events = tuple(events)
        self._watched: dict[str, Collection[SourceRole]] = {}
        self._totals = Totals()

    def watch(self, subjects: Mapping[str, Collection[SourceRole]]) -> None:
        """Add the series of new subjects and sources, and remove those of others."""
        for name in self._watched.keys() - subjects.keys():
            del self._watched[name]
            self._series.forget(name)
        for name, sources in subjects.items():
            if name not in self._watched:
                self._begin(name)
            self._change_sources(name, self._watched.get(name, ()), sources)
            self._watched[name] = sources

    def _change_sources(
        self,
        subject: str,
        before: Collection[SourceRole],
        after: Collection[SourceRole],
    ) -> None:
        for metric in (self._series.up, self._series.reconnected):
            for source in set(before) - set(after):
                metric.remove(subject, source)
            for source in after:
                metric.labels(subject, source)

    def _begin(self, subject: str) -> None:
        series = self._series
        for event in self._events:
            series.started.labels(subject, event)
            series.open.labels(subject, event)
        for modality in get_args(Modality):
            series.windows.labels(subject, modality)
        for metric in (
            *(series.predicted, series.drift, series.expired),
            *(series.dropped, series.bridged, series.unanswered),
        ):
            metric.labels(subject)
        for unknown in (series.accuracy, *series.states):
            unknown.labels(subject).set(UNKNOWN)

    def count(self, counts: Counts) -> None:
        """Add the counts of a report."""
        for (name, modality), windows in counts.windows.items():
            if name in self._watched:
                self._series.windows.labels(name, modality).inc(windows)
        for name, windows in counts.waits_expired.items():
            if name in self._watched:
                self._series.expired.labels(name).inc(windows)
        for source, number in counts.dropped.items():
            if source.role == "camera" and source.subject_id in self._watched:
                self._series.dropped.labels(source.subject_id).inc(number)

    def saw(self, subject: str, state: SubjectState) -> None:
        """Record the state of a subject; its times are UTC."""
        if subject not in self._watched:
            return
        self._source(subject, "camera", state.camera)
        self._source(subject, "imu", state.wearable)
        if state.camera is not None:
            bridged = self._series.bridged.labels(subject)
            self._totals.raise_to(bridged, state.camera.bridged)
        self._series.predicted.labels(subject).set(state.predicted_ns / NS_PER_S)
        self._series.in_bed.labels(subject).set(
            UNKNOWN if state.bed is None else state.bed.state == "in"
        )
        self._series.people.labels(subject).set(
            UNKNOWN if state.people is None else state.people.count
        )
        self._series.worn.labels(subject).set(
            UNKNOWN if state.worn is None else state.worn.state == "worn"
        )
        self._series.used.labels(subject).set(
            1 / state.every if state.has_camera else UNKNOWN
        )
        if state.drift is not None:
            self._series.drift.labels(subject).set(state.drift.state == "alerted")
            accuracy = state.drift.accuracy
            self._series.accuracy.labels(subject).set(
                UNKNOWN if accuracy is None else accuracy[0]
            )

    def alarms(self, unanswered: Mapping[str, int]) -> None:
        """Record how many alarms of each subject wait for an answer."""
        for subject in self._watched:
            count = unanswered.get(subject, 0)
            self._series.unanswered.labels(subject).set(count)

    def lost(self, subject: str) -> None:
        """Record that no watcher reports a subject."""
        for source in self._watched.get(subject, ()):
            self._series.up.labels(subject, source).set(0)
        if subject in self._watched:
            for unknown in self._series.states:
                unknown.labels(subject).set(UNKNOWN)

    def _source(
        self, subject: str, source: SourceRole, status: SourceStatus | None
    ) -> None:
        if status is not None and source in self._watched[subject]:
            self._series.up.labels(subject, source).set(status.state == "online")
            reconnected = self._series.reconnected.labels(subject, source)
            self._totals.raise_to(reconnected, status.reconnects)

    def happened(self, event: ActionEvent) -> None:
        """Record an event that was not reported before."""
        if event.subject_id not in self._watched:
            return
        if event.state == "started":
            self._series.started.labels(event.subject_id, event.name).inc()
        self.goes_on(event)

    def goes_on(self, event: ActionEvent) -> None:
        """Record whether an episode goes on."""
        if event.subject_id in self._watched:
            is_open = event.state == "started"
            self._series.open.labels(event.subject_id, event.name).set(is_open)
