"""The whole chain, from what the sources give to what is reported.

    camera ───▶ Frame ─encode─▶ FrameFeature ─┐
                                              ├─windows─▶ Clip ─recognise─▶ Prediction
    wearable ─▶ ImuBatch ─buffer──────────────┘                                  │
                                                              events ◀───────────┤
                                                                ▼                ▼
                                                           ActionEvent         drift
                                                                                 ▼
                                                                            DriftAlert

It goes in turns. A turn takes whatever has arrived, at most one item of each source,
through every stage, all subjects together, and reports before it asks for more. So a
recording is read as fast as it is watched, and a live camera drops what comes too fast.
"""

import logging
import traceback
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

from pipelines.clock import Clock
from pipelines.errors import PipelineError
from pipelines.live.drift_settings import DriftSettings
from pipelines.live.drift_subject import DriftRecord, Origin, SubjectDrift
from pipelines.live.events import EventDetector, EventSettings
from pipelines.live.gather import Arrival, Gathering
from pipelines.live.observer import Observer, Tally
from pipelines.live.recognise import FrameEncoder, ReuseSettings, recognise
from pipelines.live.windows import WindowAssembler, WindowSettings
from pipelines.live.worn_windows import WornWindows
from pipelines.recognition import ActionRecognizer, RecognizerInfo
from pipelines.records import (
    ActionEvent,
    Clip,
    Frame,
    FrameFeature,
    ImuBatch,
    Prediction,
    SourceKey,
    SourceStatus,
)
from pipelines.sources.imu_buffer import ImuBuffer

logger = logging.getLogger(__name__)

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
            gives both in order of time, ``pipelines.live.recorded``).
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
    """

    windows: WindowSettings = field(default_factory=WindowSettings)
    reuse: ReuseSettings = field(default_factory=ReuseSettings)
    events: EventSettings = field(default_factory=EventSettings)
    events_by_name: Mapping[str, EventSettings] = field(default_factory=dict)
    drift: DriftSettings = field(default_factory=DriftSettings)


@final
class _Following:
    """What the chain remembers of one subject."""

    def __init__(
        self, subject: Subject, info: RecognizerInfo, settings: WatchSettings
    ) -> None:
        subject_id = subject.subject_id
        self.imu = ImuBuffer()
        self.windows = WindowAssembler(subject_id, settings.windows, self.imu)
        self.worn: WornWindows | None = None
        if subject.camera is None:
            self.worn = WornWindows(subject_id, settings.windows, self.imu)
        self.events = EventDetector(
            subject_id, info.events, settings.events, settings.events_by_name
        )
        for event in subject.open_events:
            self.events.resume(event)
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


def _is_all(source: SourceKey, following: _Following) -> bool:
    """Tell whether nothing more is heard of a subject when a source ends."""
    return source.role == "camera" or following.worn is not None


@final
class Watch:
    """Watches any number of subjects.

    Args:
        subjects: Whom to watch; their sources are read once. More can be added.
        recognizer: What encodes and classifies.
        clock: Measures spans, and dates what the chain itself reports.
        settings: The settings of every stage.
        observer: Told what the chain does.
        stays: Whether it waits for more subjects when all have ended, and takes the
            failure of the last one as it takes that of others.
        reports_statuses: Whether to report the statuses that come in the streams.
            False where sources call ``on_status``, which does not wait for
            recognition. The failure of a source is reported either way.

    Raises:
        ValueError: If two subjects have one id, or the settings name an event that
            the recogniser does not know.
    """

    def __init__(
        self,
        subjects: Sequence[Subject],
        recognizer: ActionRecognizer,
        clock: Clock,
        settings: WatchSettings | None = None,
        observer: Observer | None = None,
        *,
        stays: bool = False,
        reports_statuses: bool = True,
    ) -> None:
        self._recognizer = recognizer
        self._clock = clock
        self._observer = observer or Tally()
        self._settings = settings or WatchSettings()
        self._stays = stays
        self._reports_statuses = reports_statuses
        self._encoder = FrameEncoder(recognizer, self._settings.reuse)
        self._gathering: Gathering[SourceKey, Item] = Gathering({})
        self._following: dict[str, _Following] = {}
        self._latest_status: dict[SourceKey, SourceStatus] = {}
        for subject in subjects:
            self.add(subject)

    def add(self, subject: Subject) -> None:
        """Watch another subject from now on.

        Raises:
            ValueError: If its id is taken, or it has no camera and the recogniser
                needs frames.
        """
        name = subject.subject_id
        if subject.camera is None and self._recognizer.info.needs_frames:
            model = self._recognizer.info.model
            msg = f"{name!r} has no camera, and {model} needs frames"
            raise ValueError(msg)
        if name in self._following:
            msg = f"every subject needs an id of its own, two are {name!r}"
            raise ValueError(msg)
        self._following[name] = _Following(
            subject, self._recognizer.info, self._settings
        )
        if subject.camera is not None:
            self._gathering.add(SourceKey(name, "camera"), subject.camera)
        if subject.wearable is not None:
            self._gathering.add(SourceKey(name, "imu"), subject.wearable)

    async def drop(self, subject_id: str) -> None:
        """Watch a subject no longer; its open episodes are not ended.

        Its sources belong to whoever opened them. Does nothing if it is not watched.
        """
        for source in (
            SourceKey(subject_id, "camera"),
            SourceKey(subject_id, "imu"),
        ):
            await self._gathering.drop(source)
            self._latest_status.pop(source, None)
        self._following.pop(subject_id, None)
        self._encoder.forget(subject_id)

    @property
    def drift(self) -> Mapping[str, SubjectDrift]:
        """What is normal for each subject, to be kept across restarts."""
        return {name: each.drift for name, each in self._following.items()}

    async def records(self) -> AsyncGenerator[Record, None]:
        """Yield what there is to report, each subject's in order, until all ended.

        Whoever may stop early closes it (``contextlib.aclosing``); then no task is
        left behind.

        Raises:
            Exception: What a source raised, if no other subject is left to watch.
                Else that source is reported offline, and the others go on.
        """
        async with self._gathering as gathering:
            while gathering.keys or self._stays:
                arrivals = await gathering.turn()
                for record in await self._turn(arrivals):
                    yield record
                for arrival in arrivals:
                    if arrival.error is not None:
                        yield self._failure(
                            arrival.source, arrival.error, gathering.keys
                        )
                    if arrival.item is None and arrival.source.role == "camera":
                        subject_id = arrival.source.subject_id
                        await gathering.drop(SourceKey(subject_id, "imu"))

    async def _turn(self, arrivals: Sequence[Arrival[SourceKey, Item]]) -> list[Record]:
        """Take what has arrived through every stage; return what to report."""
        correction_ns = self._clock.correction_ns()
        frames: list[Frame] = []
        clips: list[Clip] = []
        ended: list[_Following] = []
        reports: list[Record] = []
        for arrival in arrivals:
            source, item = arrival.source, arrival.item
            following = self._following.get(source.subject_id)
            if following is None:  # dropped while this turn was on its way
                continue
            following.drift.correct(correction_ns)
            match item:
                case Frame():
                    frames.append(item)
                    reports += following.drift.see(item)
                case ImuBatch():
                    following.imu.add(item)
                    reports += following.drift.feel(item)
                    if following.worn is not None:
                        clips += following.worn.advance()
                case SourceStatus():
                    if self._reports_statuses:
                        reports.append(item)
                    self._remember(source, item)
                case None if arrival.error is None and _is_all(source, following):
                    clips += following.windows.flush()
                    ended.append(following)
        features = await self._encode(frames)
        for frame, feature in zip(frames, features, strict=True):
            if frame.subject_id in self._following:
                clips += self._following[frame.subject_id].windows.add(feature)
        records: list[Record] = []
        for clip, prediction in zip(clips, await self._recognise(clips), strict=True):
            following = self._following.get(prediction.subject_id)
            if following is None:
                continue
            records += [prediction, *following.events.update(prediction)]
            reports += following.drift.judge(clip, prediction)
        for following in ended:
            records += following.events.flush()
        return records + reports

    async def _encode(self, frames: Sequence[Frame]) -> list[FrameFeature]:
        """Encode the frames of every subject in one request."""
        if not frames:
            return []
        began_ns = self._clock.now_ns()
        features = await self._encoder.encode(frames)
        for frame in frames:
            if frame.subject_id not in self._following:  # dropped meanwhile
                self._encoder.forget(frame.subject_id)
        span_ns = self._clock.now_ns() - began_ns
        reused = sum(feature.reused for feature in features)
        self._observer.encoded(
            frames=len(frames) - reused, reused=reused, span_ns=span_ns
        )
        return features

    async def _recognise(self, clips: Sequence[Clip]) -> list[Prediction]:
        """Classify the clips of every subject in one request."""
        if not clips:
            return []
        began_ns = self._clock.now_ns()
        predictions = await recognise(self._recognizer, clips)
        now_ns = self._clock.now_ns()
        self._observer.classified(clips=len(clips), span_ns=now_ns - began_ns)
        for prediction in predictions:
            age_ns = now_ns - prediction.end_ns
            self._observer.predicted(prediction.subject_id, age_ns=age_ns)
        return predictions

    def _remember(self, source: SourceKey, status: SourceStatus) -> None:
        """Keep a status as the latest, and count the frames dropped since the last."""
        earlier = self._latest_status.get(source)
        self._latest_status[source] = status
        dropped = status.dropped - (earlier.dropped if earlier is not None else 0)
        if dropped > 0:
            self._observer.dropped(source, frames=dropped)

    def _failure(
        self, source: SourceKey, error: BaseException, remaining: Iterable[SourceKey]
    ) -> SourceStatus:
        """Report that a source failed; raise its error if nobody else is left.

        What has started is not ended: nobody saw it end.
        """
        alone = all(other.subject_id == source.subject_id for other in remaining)
        if alone and not self._stays:
            raise error
        now_ns = self._clock.now_ns()
        latest = self._latest_status.get(source) or SourceStatus(
            *source, "connecting", now_ns, "", "arrival"
        )
        return replace(latest, state="offline", since_ns=now_ns, reason=_reason(error))


def _reason(error: BaseException) -> str:
    """Return the text of our own errors; that of others may hold credentials."""
    if isinstance(error, PipelineError):
        return str(error)
    kind = type(error).__name__
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("unexpected %s in a source, raised at\n%s", kind, places)
    return f"unexpected {kind}, the log tells where"
