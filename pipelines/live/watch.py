"""The whole chain, from the items of the sources to the reported records.

    camera ───▶ Frame ─view─encode─▶ FrameFeature ─┐
                          └▶ PeopleCount, bed      ├─windows─▶ Clip ─hold─recognise
    wearable ─▶ ImuBatch ─buffer───────────────────┘                              │
                                                                          Prediction
                                                                events ◀──────────┤
                                                                  ▼               ▼
                                                             ActionEvent        drift
                                                                                  ▼
                                                                             DriftAlert

The chain works in turns. A turn passes the arrived items, at most one of each source,
through every stage, for all subjects together. It reports before the next items are
read. So a recording is read as fast as it is processed, and a live camera drops frames
that come too fast. A chain that may thin pictures leaves some of each camera out before
that (``thinning``). Between windows and recognition, a window is held until its
wearable's samples arrive (``windows.held``); urgent events that the camera shows
meanwhile are reported at once (``events.early_starts``). What is due is recognised for
all subjects in one request (``due_windows``).
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from pipelines.clock import Clock
from pipelines.live.drift.subject import SubjectDrift
from pipelines.live.due_windows import DueWindows
from pipelines.live.inference import FrameEncoder
from pipelines.live.observer import Observer, Tally
from pipelines.live.source_reader import Arrival, SourceReader
from pipelines.live.source_statuses import SourceStatuses
from pipelines.live.subject import (
    Item,
    Record,
    Subject,
    SubjectStages,
    WatchSettings,
    refuse_unfit,
)
from pipelines.live.thinning import Thinning, is_thinned
from pipelines.live.views import View, ViewedFrame, build_view
from pipelines.recognition import ActionRecognizer
from pipelines.records import Frame, FrameFeature, ImuBatch, SourceKey, SourceStatus


@dataclass(slots=True)
class _Turn:
    """What has arrived in a turn, beside samples and statuses.

    Attributes:
        frames: The pictures to use.
        ended: Stages of the subjects that have ended without an error.
        reports: What is reported of samples and statuses.
    """

    frames: list[Frame] = field(default_factory=list)
    ended: dict[str, SubjectStages] = field(default_factory=dict)
    reports: list[Record] = field(default_factory=list)


@final
class Watch:
    """The chain for any number of subjects.

    Args:
        subjects: The first subjects; their sources are read once. More can be added.
        recognizer: The recogniser that encodes and classifies.
        clock: Clock for durations and for the chain's own records.
        settings: The settings of every stage.
        observer: Receiver of the chain's measurements.
        stays: Whether to wait for more subjects when all have ended, and to report
            the failure of the last source instead of raising its error.
        view: Conversion of the cameras' frames; None for the recogniser's own.
        reports_statuses: Whether to report the statuses in the streams. Use False if
            the sources call ``on_status``, which does not wait for recognition. The
            failure of a source is reported in both cases.
        on_view: Called with what the recogniser is shown of each picture.
        thinning: Which pictures are used during an overload, for sources that do not
            wait for the chain; None uses all.

    Raises:
        ValueError: If two subjects have the same id, or the settings name an event that
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
        on_view: Callable[[ViewedFrame], None] | None = None,
        view: View | None = None,
        thinning: Thinning | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._clock = clock
        self._observer = observer or Tally()
        self._settings = settings or WatchSettings()
        self._stays = stays
        self._reports_statuses = reports_statuses
        self._on_view, self._thinning = on_view, thinning
        self._view = view or build_view(
            recognizer.info,
            self._settings.windows,
            self._settings.reuse,
            self._settings.people,
        )
        self._encoder = FrameEncoder(recognizer, self._settings.reuse)
        self._reader: SourceReader[SourceKey, Item] = SourceReader({})
        self._stages: dict[str, SubjectStages] = {}
        self._statuses = SourceStatuses(self._observer)
        self._due = DueWindows(
            self._stages, recognizer, clock, self._observer, thinning
        )
        for subject in subjects:
            self.add(subject)

    def add(self, subject: Subject) -> None:
        """Add a subject.

        Raises:
            ValueError: If the id is in use, or if the recogniser needs frames and the
                subject has no camera, or sees no people and the subject has zones.
        """
        name = subject.subject_id
        refuse_unfit(subject, self._recognizer.info)
        if name in self._stages:
            msg = f"every subject needs an id of its own, two are {name!r}"
            raise ValueError(msg)
        self._stages[name] = SubjectStages(
            subject, self._recognizer.info, self._settings
        )
        if subject.camera is not None:
            self._reader.add(SourceKey(name, "camera"), subject.camera)
        if subject.wearable is not None:
            self._reader.add(SourceKey(name, "imu"), subject.wearable)

    async def drop(self, subject_id: str) -> None:
        """Remove a subject, without ending its open episodes.

        Windows that wait for the wearable are dropped; urgent events that the camera
        showed are already reported. The caller closes the sources. An unknown id is
        ignored.
        """
        for source in (
            SourceKey(subject_id, "camera"),
            SourceKey(subject_id, "imu"),
        ):
            await self._reader.drop(source)
            self._statuses.forget(source)
        self._stages.pop(subject_id, None)
        self._view.forget(subject_id)
        self._encoder.forget(subject_id)
        if self._thinning is not None:
            self._thinning.forget(subject_id, self._clock.now_ns())

    @property
    def drift(self) -> Mapping[str, SubjectDrift]:
        """Drift detector of each subject, whose memory is kept across restarts."""
        return {name: each.drift for name, each in self._stages.items()}

    async def records(self) -> AsyncGenerator[Record, None]:
        """Yield the records, those of each subject in order, until all have ended.

        A caller that may stop early must close the generator
        (``contextlib.aclosing``); then no task is left behind.

        Raises:
            Exception: The error of a source, if no other subject is left. Otherwise
                the source is reported offline, and the others continue.
        """
        async with self._reader as reader:
            while reader.keys or self._stays:
                arrivals = await reader.next_arrivals(self._due.sleep())
                for record in await self._process(arrivals):
                    yield record
                for arrival in arrivals:
                    if arrival.error is not None:
                        yield self._failed_status(
                            arrival.source, arrival.error, reader.keys
                        )
                    if arrival.item is None and arrival.source.role == "camera":
                        subject_id = arrival.source.subject_id
                        await reader.drop(SourceKey(subject_id, "imu"))

    async def _process(
        self, arrivals: Sequence[Arrival[SourceKey, Item]]
    ) -> list[Record]:
        """Pass the arrivals through every stage; return the records."""
        began_ns = self._clock.now_ns()
        turn = self._receive(arrivals, began_ns)
        viewed, view_reports = await self._convert(turn)
        features = await self._encode(
            [frame for each in viewed for frame in each.frames]
        )
        now_ns = self._clock.now_ns()
        self._hold(viewed, features, now_ns)
        for stages in turn.ended.values():
            stages.held.add(stages.windows.flush(), now_ns)
            stages.held.release_all()
        records, clip_drift = await self._due.recognise(now_ns)
        for stages in turn.ended.values():
            records += [*stages.events.flush(), *stages.bed.flush()]
        if turn.frames and self._thinning is not None:
            waiting = max((each.waiting() for each in self._stages.values()), default=0)
            self._thinning.add_turn(began_ns, self._clock.now_ns(), waiting)
        return records + turn.reports + view_reports + clip_drift

    def _receive(
        self, arrivals: Sequence[Arrival[SourceKey, Item]], now_ns: int
    ) -> _Turn:
        """Pass on the samples and statuses; return the rest of what has arrived."""
        correction_ns = self._clock.correction_ns()
        turn = _Turn()
        for arrival in arrivals:
            source, item = arrival.source, arrival.item
            stages = self._stages.get(source.subject_id)
            if stages is None:  # dropped during this turn
                continue
            stages.drift.set_clock_correction(correction_ns)
            match item:
                case Frame():
                    if self._uses(item, stages):
                        turn.frames.append(item)
                case ImuBatch():
                    turn.reports += stages.add_batch(item, now_ns)
                    turn.reports += stages.drift.add_batch(item)
                case SourceStatus():
                    if self._reports_statuses:
                        turn.reports.append(item)
                    if source.role == "imu" and stages.wait is not None:
                        stages.wait.set_state(item.state)
                    self._statuses.add(source, item)
                case None if stages.ends_with(source.role):
                    if arrival.error is None:
                        turn.ended[source.subject_id] = stages
                    stages.held.release_all()
                case None if stages.wait is not None:
                    stages.wait.set_state("offline")
        return turn

    def _uses(self, frame: Frame, stages: SubjectStages) -> bool:
        """Return whether a picture is used; count it if not."""
        thinning, name = self._thinning, frame.subject_id
        if thinning is None or thinning.uses(name, frame.tick, stages.waiting()):
            return True
        self._observer.thinned(frames=1)
        return False

    async def _convert(self, turn: _Turn) -> tuple[list[ViewedFrame], list[Record]]:
        """Return the recogniser's frames, and the records of what is in view."""
        viewed = await self._view.convert(turn.frames)
        viewed += (each for name in turn.ended for each in self._view.end(name))
        reports: list[Record] = []
        for each in viewed:
            if self._on_view is not None:
                self._on_view(each)
            if each.camera.subject_id in self._stages:
                stages = self._stages[each.camera.subject_id]
                reports += stages.add_people(each)
                reports += stages.drift.add_frame(each.camera)
            else:  # dropped meanwhile
                self._view.forget(each.camera.subject_id)
        return viewed, reports

    async def _encode(self, frames: Sequence[Frame]) -> list[FrameFeature]:
        """Encode the frames of every subject in one request."""
        if not frames:
            return []
        began_ns = self._clock.now_ns()
        features = await self._encoder.encode(frames)
        for frame in frames:
            if frame.subject_id not in self._stages:  # dropped during encoding
                self._encoder.forget(frame.subject_id)
        span_ns = self._clock.now_ns() - began_ns
        reused = sum(feature.reused for feature in features)
        self._observer.encoded(
            frames=len(frames) - reused, reused=reused, span_ns=span_ns
        )
        return features

    def _hold(
        self,
        viewed: Iterable[ViewedFrame],
        features: Iterable[FrameFeature],
        now_ns: int,
    ) -> None:
        """Add the features to their windows; hold the windows that are complete."""
        in_order = iter(features)
        for each in viewed:
            of_people = [next(in_order) for _ in each.frames]
            if each.camera.subject_id in self._stages:
                stages = self._stages[each.camera.subject_id]
                clips = stages.windows.add(*of_people)
                if is_thinned(self._thinning):
                    clips = clips[-1:]  # those of the gap show nothing new
                stages.held.add(clips, now_ns)

    def _failed_status(
        self, source: SourceKey, error: BaseException, remaining: Iterable[SourceKey]
    ) -> SourceStatus:
        """Return the status of a failed source; raise its error if it was the last.

        Open episodes are not ended: no frame showed their end.
        """
        alone = all(other.subject_id == source.subject_id for other in remaining)
        if alone and not self._stays:
            raise error
        return self._statuses.failed(source, error, self._clock.now_ns())
