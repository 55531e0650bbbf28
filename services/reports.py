"""What watchers tell the hub: events and alerts, and how they stand."""

from dataclasses import dataclass, field

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
        drift: How drift is watched for; None before the first block.
        predicted_ns: Newest frame of its latest prediction; 0 before the first.
    """

    camera: SourceStatus | None = None
    wearable: SourceStatus | None = None
    has_wearable: bool = False
    drift: DriftStatus | None = None
    predicted_ns: int = 0
    has_camera: bool = True


@dataclass(slots=True)
class Counts:
    """What happened since the report before.

    Attributes:
        frames_encoded: Pictures that went through the encoder.
        frames_reused: Pictures that were lent an earlier feature.
        dropped: By source, what its full buffer let go: pictures, or batches.
        windows: Windows recognised.
        encode_s: Time of each request to encode, seconds.
        classify_s: Time of each request to classify.
        ages_s: Age of the newest frame at each prediction.
    """

    frames_encoded: int = 0
    frames_reused: int = 0
    dropped: dict[SourceKey, int] = field(default_factory=dict)
    windows: int = 0
    encode_s: list[float] = field(default_factory=list)
    classify_s: list[float] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """One watcher's report.

    Attributes:
        watcher: Its name.
        sent_ns: When.
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
