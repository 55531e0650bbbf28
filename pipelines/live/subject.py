"""A subject, how it is watched, and what the chain remembers of it."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import final

from pipelines.live.drift.settings import DriftSettings
from pipelines.live.drift.subject import DriftRecord, Origin, SubjectDrift
from pipelines.live.early_starts import EarlyStarts
from pipelines.live.events import EventDetector, EventSettings
from pipelines.live.held_windows import HeldWindows
from pipelines.live.inference import ReuseSettings
from pipelines.live.wearable_wait import WearableWait, WearableWaitSettings
from pipelines.live.windows import WindowAssembler, WindowSettings
from pipelines.live.worn_windows import WornWindows
from pipelines.recognition import RecognizerInfo
from pipelines.records import ActionEvent, Frame, ImuBatch, Prediction, SourceStatus
from pipelines.sources.wearable.buffer import ImuBuffer

Item = Frame | ImuBatch | SourceStatus
"""What a source gives."""

Record = Prediction | ActionEvent | DriftRecord | SourceStatus
"""What the chain reports."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """Whom or what one looks after, and the sources that see it.

    Attributes:
        subject_id: Its name, which its camera's frames bear too.
        camera: What gives its frames, at most one a tick, ticks increasing; when it
            ends, nothing more is heard of the subject. None where a wearable is all.
        wearable: What gives its IMU batches, if it is not the camera (a recording
            gives both in order of time, ``pipelines.live.recorded``). Windows wait for
            it.
        open_events: Episodes that an earlier process started and did not end.
        camera_name: Which camera it is, without credentials: another one has another
            normal.
    """

    subject_id: str
    camera: AsyncIterable[Item] | None
    wearable: AsyncIterable[Item] | None = None
    camera_name: str = ""
    open_events: tuple[ActionEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """The settings of every stage.

    Attributes:
        windows: The frame grid, which the cameras must share, and its windows.
        reuse: When an unchanged picture is not encoded.
        events: When episodes start and end.
        events_by_name: The same for single events.
        drift: How drift is watched for.
        wearable_wait: How long windows wait for their wearable.
    """

    windows: WindowSettings = field(default_factory=WindowSettings)
    reuse: ReuseSettings = field(default_factory=ReuseSettings)
    events: EventSettings = field(default_factory=EventSettings)
    events_by_name: Mapping[str, EventSettings] = field(default_factory=dict)
    drift: DriftSettings = field(default_factory=DriftSettings)
    wearable_wait: WearableWaitSettings = field(default_factory=WearableWaitSettings)


_KEPT_BESIDE_S = 20.0
"""Samples are kept for so long beside a window's length and its longest wait."""


@final
class Following:
    """What the chain remembers of one subject."""

    def __init__(
        self, subject: Subject, info: RecognizerInfo, settings: WatchSettings
    ) -> None:
        subject_id = subject.subject_id
        self.imu = ImuBuffer(
            horizon_s=settings.windows.seconds
            + settings.wearable_wait.ceiling_s
            + _KEPT_BESIDE_S
        )
        self.windows = WindowAssembler(subject_id, settings.windows, self.imu)
        self.worn: WornWindows | None = None
        if subject.camera is None:
            self.worn = WornWindows(subject_id, settings.windows, self.imu)
        self.events, ahead = (
            EventDetector(
                subject_id, info.events, settings.events, settings.events_by_name
            )
            for _ in range(2)
        )
        for event in subject.open_events:
            self.events.resume(event)
        self.wait: WearableWait | None = None
        if None not in (subject.camera, subject.wearable) and info.uses_wearable:
            self.wait = WearableWait(settings.wearable_wait)
        self.held = HeldWindows(self.imu, self.wait)
        self.early = EarlyStarts(self.events, ahead, info.urgent_events)
        self.drift = SubjectDrift(
            subject_id,
            Origin(
                f"{info.checkpoint} {settings.windows}",
                info.prompt_set,
                subject.camera_name,
            ),
            settings.drift,
            calibrated=info.cosine_floors,
        )

    def feel(self, batch: ImuBatch, now_ns: int) -> None:
        """Take the samples of the wearable, and learn how they arrive."""
        self.imu.add(batch)
        if self.wait is not None:
            self.wait.arrive(batch, now_ns)
        if self.worn is not None:
            self.held.add(self.worn.advance(), now_ns)
