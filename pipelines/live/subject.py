"""A subject, the settings of its stages, and its state in the chain."""

from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass, field
from typing import final

from pipelines.live.bed import BedSettings, BedWatch
from pipelines.live.drift.settings import DriftSettings
from pipelines.live.drift.subject import DriftRecord, Origin, SubjectDrift
from pipelines.live.events.detector import EventDetector
from pipelines.live.events.early_starts import EarlyStarts
from pipelines.live.events.settings import EventSettings
from pipelines.live.inference import ReuseSettings
from pipelines.live.thinning import ThinningSettings
from pipelines.live.views import ViewedFrame
from pipelines.live.windows.assembler import WindowAssembler, WindowSettings
from pipelines.live.windows.held import HeldWindows
from pipelines.live.windows.wearable import WearableWindows
from pipelines.live.windows.wearable_wait import WearableWait, WearableWaitSettings
from pipelines.live.zones import Zone
from pipelines.recognition import RecognizerInfo
from pipelines.records import (
    ActionEvent,
    BedStatus,
    Frame,
    ImuBatch,
    PeopleCount,
    Prediction,
    SourceRole,
    SourceStatus,
    WornStatus,
)
from pipelines.sources.wearable.buffer import ImuBuffer
from pipelines.sources.wearable.upright import UprightEstimator

Item = Frame | ImuBatch | SourceStatus
"""An item of a source."""

StateRecord = BedStatus | PeopleCount | WornStatus
"""A record of a state that holds until the next of its kind."""

Record = Prediction | ActionEvent | DriftRecord | SourceStatus | StateRecord
"""A record that the chain reports."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A person or room to watch, with its sources.

    Attributes:
        subject_id: Name of the subject, equal to ``subject_id`` of its camera's frames.
        camera: Source of frames, at most one a tick, ticks increasing; its end is the
            end of the subject. None for a subject with a wearable alone.
        wearable: Source of IMU batches, for which windows wait. None if there is no
            wearable, or if ``camera`` yields the batches too (a recording,
            ``pipelines.live.recorded``).
        camera_name: Identity of the camera without credentials; a drift baseline is
            valid for one camera.
        open_events: Episodes that an earlier process started and did not end.
        zones: Zones of the camera's picture; they need a view that finds people.
        bed_settings: When a person is in bed.
        waiting: Returns how many pictures wait in the camera's buffer. It is asked only
            if the chain may thin pictures.
        upright: Estimator of which way is up for the wearable, which may have learnt
            it before; None starts anew.
    """

    subject_id: str
    camera: AsyncIterable[Item] | None
    wearable: AsyncIterable[Item] | None = None
    camera_name: str = ""
    open_events: tuple[ActionEvent, ...] = ()
    zones: tuple[Zone, ...] = ()
    bed_settings: BedSettings = field(default_factory=BedSettings)
    upright: UprightEstimator | None = None
    waiting: Callable[[], int] = lambda: 0


def refuse_unfit(subject: Subject, info: RecognizerInfo) -> None:
    """Refuse a subject that a recogniser cannot recognise.

    Raises:
        ValueError: If the recogniser needs frames and the subject has no camera, or
            sees no people and the subject has zones.
    """
    if subject.camera is None and info.needs_frames:
        msg = f"{subject.subject_id!r} has no camera, and {info.model} needs frames"
        raise ValueError(msg)
    if subject.zones and info.view == "picture":
        msg = f"{subject.subject_id!r} has zones, and {info.model} sees no people"
        raise ValueError(msg)


MOST_PEOPLE = 4
"""Greatest number of people that can be followed in one camera's view."""


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """The settings of every stage.

    Attributes:
        windows: The frame grid, which all cameras share, and its windows.
        reuse: When an unchanged picture reuses a feature.
        events: Thresholds of the events.
        events_by_name: Thresholds of single events, by name.
        drift: Settings of drift detection.
        wearable_wait: The longest wait of windows for their wearable.
        thinning: When an overloaded chain leaves pictures out.
        people: Greatest number of people that a pose view follows in one camera's view,
            1 to 4.

    Raises:
        ValueError: If ``people`` is out of its range.
    """

    windows: WindowSettings = field(default_factory=WindowSettings)
    reuse: ReuseSettings = field(default_factory=ReuseSettings)
    events: EventSettings = field(default_factory=EventSettings)
    events_by_name: Mapping[str, EventSettings] = field(default_factory=dict)
    drift: DriftSettings = field(default_factory=DriftSettings)
    wearable_wait: WearableWaitSettings = field(default_factory=WearableWaitSettings)
    thinning: ThinningSettings = field(default_factory=ThinningSettings)
    people: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.people <= MOST_PEOPLE:
            msg = f"people must be 1 to {MOST_PEOPLE}, got {self.people}"
            raise ValueError(msg)


_KEPT_BESIDE_S = 20.0
"""Time for which samples are kept, beyond a window's length and its longest wait."""


@final
class SubjectStages:
    """The stages of one subject, each with its state.

    Attributes:
        waiting: Returns how many pictures wait in the camera's buffer.
        imu: Samples of the wearable.
        windows: Assembler of the camera's features into clips.
        wearable_windows: Assembler of samples into clips; None with a camera.
        wait: Estimate of the wearable's lag; None if no window waits for it.
        held: Windows that wait for the wearable.
        events: Detector of events in the predictions.
        early: Detector of urgent events in held windows.
        bed: Watcher of the bed.
        drift: Drift detector.
    """

    def __init__(
        self, subject: Subject, info: RecognizerInfo, settings: WatchSettings
    ) -> None:
        self._subject_id = subject_id = subject.subject_id
        self.waiting = subject.waiting
        self.imu = ImuBuffer(
            horizon_s=settings.windows.seconds
            + settings.wearable_wait.ceiling_s
            + _KEPT_BESIDE_S,
            upright=subject.upright,
        )
        self.windows = WindowAssembler(subject_id, settings.windows, self.imu)
        self.wearable_windows: WearableWindows | None = None
        if subject.camera is None:
            self.wearable_windows = WearableWindows(
                subject_id, settings.windows, self.imu
            )
        self.events, ahead = (
            EventDetector(
                subject_id,
                info.events,
                settings.events,
                settings.events_by_name,
                info.outcomes,
            )
            for _ in range(2)
        )
        self.bed = BedWatch(subject_id, subject.zones, info, subject.bed_settings)
        for event in subject.open_events:
            self.events.resume(event)
            self.bed.resume(event)
        self.wait: WearableWait | None = None
        if None not in (subject.camera, subject.wearable) and info.uses_wearable:
            self.wait = WearableWait(settings.wearable_wait)
        self.held = HeldWindows(self.imu, self.wait)
        self._people: int | None = None
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

    def ends_with(self, role: SourceRole) -> bool:
        """Return whether the end of a source is the end of its subject."""
        return role == "camera" or self.wearable_windows is not None

    def add_batch(self, batch: ImuBatch, now_ns: int) -> list[WornStatus]:
        """Add samples of the wearable, and update the estimate of their lag.

        Returns:
            Whether it is worn, if that has changed.
        """
        before = self.imu.worn.state
        self.imu.add(batch)
        if self.wait is not None:
            self.wait.add_batch(batch, now_ns)
        if self.wearable_windows is not None:
            self.held.add(self.wearable_windows.pop_due(), now_ns)
        worn = self.imu.worn
        if worn.state is None or worn.state == before:
            return []
        return [WornStatus(self._subject_id, worn.state, worn.since_ns)]

    def add_people(self, viewed: ViewedFrame) -> list[Record]:
        """Add the people in view; return what has changed in the bed and their number.

        A bed exit is an event.
        """
        if viewed.people is None:
            return []
        camera = viewed.camera
        bed = self.bed.add(viewed.people, camera.placement, camera.timestamp_ns)
        return [*self._count_people(viewed), *bed]

    def _count_people(self, viewed: ViewedFrame) -> list[PeopleCount]:
        """Return the number of people in view if it has changed."""
        if viewed.people is None or len(viewed.people) == self._people:
            return []
        self._people = len(viewed.people)
        camera = viewed.camera
        return [PeopleCount(camera.subject_id, camera.timestamp_ns, self._people)]
