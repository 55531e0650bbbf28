"""Reports of watchers to the hub: events, alerts, and states."""

from collections import Counter
from dataclasses import dataclass, field
from typing import final

from models.window import Modality
from pipelines.clock import ns_to_seconds
from pipelines.live.zones import Zone
from pipelines.records import (
    ActionEvent,
    BedStatus,
    DriftAlert,
    DriftStatus,
    PeopleCount,
    SourceKey,
    SourceStatus,
    WornStatus,
)
from services.hub.history.seen import InView


@dataclass(frozen=True, slots=True)
class SubjectState:
    """Present state of one subject.

    Attributes:
        camera: Latest status of the camera; None before the first.
        wearable: Latest status of the wearable; None without one, or before the first.
        has_wearable: Whether a wearable is configured.
        drift: State of drift detection; None before the first block.
        predicted_ns: Time of the newest frame of the latest prediction; 0 before the
            first.
        label: Most probable label of that prediction.
        confidence: Its probability, 0 to 1.
        has_camera: Whether a camera is configured; a subject without one has a
            wearable.
        is_watched: Whether a watcher reports the subject.
        is_recognised: Whether recognition answers the subject's watcher.
        every: Number of the camera's pictures of which one is used; more than 1 while
            the watcher is overloaded.
        bed: Whether the person is in bed; None if that is not known, or if the camera
            has no zone of the kind bed.
        people: Number of people in the camera's view; None if that is not known, or if
            the checkpoint looks at whole pictures.
        worn: Whether the wearable is worn; None if that is not known.
        view: What the camera has shown; None before the first picture.
        zones: Zones of the camera.
        keep_poses: Whether poses are kept with alarms.
    """

    camera: SourceStatus | None = None
    wearable: SourceStatus | None = None
    has_wearable: bool = False
    drift: DriftStatus | None = None
    predicted_ns: int = 0
    label: str = ""
    confidence: float = 0.0
    has_camera: bool = True
    is_watched: bool = True
    is_recognised: bool = True
    every: int = 1
    bed: BedStatus | None = None
    people: PeopleCount | None = None
    worn: WornStatus | None = None
    view: InView | None = None
    zones: tuple[Zone, ...] = ()
    keep_poses: bool = True


@dataclass(slots=True)
class Counts:
    """Counts since the previous report.

    Attributes:
        frames_encoded: Number of pictures that the encoder processed.
        frames_reused: Number of pictures that reuse an earlier feature.
        frames_thinned: Number of pictures left out because of an overload.
        dropped: Number of pictures or batches dropped by each source's full buffer.
        windows: Number of windows recognised, by subject and modality.
        encode_s: Duration of each request to encode, in seconds.
        classify_s: Duration of each request to classify, in seconds.
        ages_s: Age of the newest frame at each prediction, less the wait for a
            wearable, in seconds.
        waits_s: Time that each held window waited for its wearable, in seconds.
        waits_expired: Number of held windows recognised without samples, by subject.
        clips_lost: Number of blurred clips of alarms that the hub did not get.
    """

    frames_encoded: int = 0
    frames_reused: int = 0
    frames_thinned: int = 0
    dropped: dict[SourceKey, int] = field(default_factory=dict)
    windows: Counter[tuple[str, Modality]] = field(default_factory=Counter)
    encode_s: list[float] = field(default_factory=list)
    classify_s: list[float] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    waits_expired: Counter[str] = field(default_factory=Counter)
    clips_lost: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One watcher's report; times are UTC (``services.watcher.report_times``).

    Attributes:
        watcher: Name of the watcher.
        sent_ns: Time of the report in the watcher's pipeline time; identifies it.
        events: Events in order; the hub stores them before it answers.
        alerts: Drift alerts in order; the hub stores them before it answers.
        subjects: State of every subject of the watcher.
        counts: Counts since the previous report.
        waiting: Number of records that did not fit into this report.
    """

    watcher: str
    sent_ns: int
    events: tuple[ActionEvent, ...]
    alerts: tuple[DriftAlert, ...]
    subjects: dict[str, SubjectState]
    counts: Counts
    waiting: int = 0


@final
class Counting:
    """An ``Observer`` that counts what happens between reports."""

    def __init__(self) -> None:
        self.counts = Counts()

    def take(self) -> Counts:
        """Return the counts since the last call."""
        counts, self.counts = self.counts, Counts()
        return counts

    def encoded(self, *, frames: int, reused: int, span_ns: int) -> None:
        """Count one round of encoding."""
        self.counts.frames_encoded += frames
        self.counts.frames_reused += reused
        if frames:
            self.counts.encode_s.append(ns_to_seconds(span_ns))

    def classified(self, *, clips: int, span_ns: int) -> None:
        """Count one request to classify."""
        del clips
        self.counts.classify_s.append(ns_to_seconds(span_ns))

    def predicted(self, subject_id: str, *, age_ns: int) -> None:
        """Record the age of a prediction's newest frame."""
        del subject_id
        self.counts.ages_s.append(ns_to_seconds(age_ns))

    def waited(self, subject_id: str, *, wait_ns: int, expired: bool) -> None:
        """Record how long a window waited for its wearable."""
        self.counts.waits_s.append(ns_to_seconds(wait_ns))
        if expired:
            self.counts.waits_expired[subject_id] += 1

    def thinned(self, *, frames: int) -> None:
        """Count pictures that were left out because of an overload."""
        self.counts.frames_thinned += frames

    def dropped(self, source: SourceKey, *, frames: int) -> None:
        """Count what a source's full buffer dropped."""
        dropped = self.counts.dropped
        dropped[source] = dropped.get(source, 0) + frames
