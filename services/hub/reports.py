"""Reports of watchers to the hub: events, alerts, and states."""

from collections import Counter
from dataclasses import dataclass, field
from typing import final

from models.window import Modality
from pipelines.clock import ns_to_seconds
from pipelines.records import (
    ActionEvent,
    DriftAlert,
    DriftStatus,
    SourceKey,
    SourceStatus,
)


@dataclass(frozen=True, slots=True)
class SubjectState:
    """How one subject is seen right now.

    Attributes:
        camera: Its camera's latest status; None before the first.
        wearable: The same of its wearable; None without one, or before the first.
        has_wearable: Whether it is to have one.
        has_camera: Whether it is to have a camera; it has one of both at least.
        is_watched: Whether a watcher reports it.
        is_recognised: Whether recognition answers its watcher.
        drift: How drift is watched for; None before the first block.
        predicted_ns: Newest frame of its latest prediction; 0 before the first.
    """

    camera: SourceStatus | None = None
    wearable: SourceStatus | None = None
    has_wearable: bool = False
    drift: DriftStatus | None = None
    predicted_ns: int = 0
    has_camera: bool = True
    is_watched: bool = True
    is_recognised: bool = True


@dataclass(slots=True)
class Counts:
    """What happened since the report before.

    Attributes:
        frames_encoded: Pictures that went through the encoder.
        frames_reused: Pictures that were lent an earlier feature.
        dropped: By source, what its full buffer let go: pictures, or batches.
        windows: Windows recognised, by subject and by what the answer rests on.
        encode_s: Time of each request to encode, seconds.
        classify_s: Time of each request to classify.
        ages_s: Age of the newest frame at each prediction, less the wait for a
            wearable.
        waits_s: How long each held window waited for its wearable.
        waits_expired: By subject, held windows that left without the samples.
    """

    frames_encoded: int = 0
    frames_reused: int = 0
    dropped: dict[SourceKey, int] = field(default_factory=dict)
    windows: Counter[tuple[str, Modality]] = field(default_factory=Counter)
    encode_s: list[float] = field(default_factory=list)
    classify_s: list[float] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    waits_expired: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Report:
    """One watcher's report; times are UTC (``services.watcher.report_times``).

    Attributes:
        watcher: Its name.
        sent_ns: When, in the watcher's own pipeline time; tells reports apart.
        events: Events, in order; to be kept before the report is answered.
        alerts: Drift alerts, likewise.
        subjects: Every subject that it watches.
        counts: What happened since the report before.
        waiting: Records that are not in this report, for want of room.
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
    """An ``Observer`` that keeps what happened since it was last asked."""

    def __init__(self) -> None:
        self.counts = Counts()

    def take(self) -> Counts:
        """Return what happened since the last call."""
        taken, self.counts = self.counts, Counts()
        return taken

    def encoded(self, *, frames: int, reused: int, span_ns: int) -> None:
        """Take one round of encoding."""
        self.counts.frames_encoded += frames
        self.counts.frames_reused += reused
        if frames:
            self.counts.encode_s.append(ns_to_seconds(span_ns))

    def classified(self, *, clips: int, span_ns: int) -> None:
        """Take one request to classify."""
        del clips
        self.counts.classify_s.append(ns_to_seconds(span_ns))

    def predicted(self, subject_id: str, *, age_ns: int) -> None:
        """Take the age of a prediction's newest frame."""
        del subject_id
        self.counts.ages_s.append(ns_to_seconds(age_ns))

    def waited(self, subject_id: str, *, wait_ns: int, expired: bool) -> None:
        """Take how long a window waited for its wearable."""
        self.counts.waits_s.append(ns_to_seconds(wait_ns))
        if expired:
            self.counts.waits_expired[subject_id] += 1

    def dropped(self, source: SourceKey, *, frames: int) -> None:
        """Count what a source's full buffer let go."""
        dropped = self.counts.dropped
        dropped[source] = dropped.get(source, 0) + frames
