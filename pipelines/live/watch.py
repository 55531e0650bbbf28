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
wearable's samples arrive (``held_windows``); urgent events that the camera shows
meanwhile are reported at once (``early_starts``).
"""

import logging
import traceback
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import replace
from typing import final

from pipelines.clock import Clock, ns_to_seconds
from pipelines.errors import PipelineError
from pipelines.live.drift.subject import SubjectDrift
from pipelines.live.held_windows import DueWindow
from pipelines.live.inference import FrameEncoder, recognise
from pipelines.live.observer import Observer, Tally
from pipelines.live.source_reader import Arrival, SourceReader
from pipelines.live.subject import Item, Record, Subject, SubjectStages, WatchSettings
from pipelines.live.thinning import Thinning
from pipelines.live.views import View, ViewedFrame, build_view
from pipelines.recognition import ActionRecognizer
from pipelines.records import (
    Clip,
    Frame,
    FrameFeature,
    ImuBatch,
    Prediction,
    SourceKey,
    SourceStatus,
)

__all__ = ["Item", "Record", "Subject", "Watch", "WatchSettings"]

logger = logging.getLogger(__name__)


def _ends_subject(source: SourceKey, stages: SubjectStages) -> bool:
    """Return whether the end of a source is the end of its subject."""
    return source.role == "camera" or stages.wearable_windows is not None


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
        self._latest_status: dict[SourceKey, SourceStatus] = {}
        for subject in subjects:
            self.add(subject)

    def add(self, subject: Subject) -> None:
        """Add a subject.

        Raises:
            ValueError: If the id is in use, or if the recogniser needs frames and the
                subject has no camera, or sees no people and the subject has zones.
        """
        name = subject.subject_id
        if subject.camera is None and self._recognizer.info.needs_frames:
            model = self._recognizer.info.model
            msg = f"{name!r} has no camera, and {model} needs frames"
            raise ValueError(msg)
        if subject.zones and self._recognizer.info.view == "picture":
            model = self._recognizer.info.model
            msg = f"{name!r} has zones, and {model} sees no people"
            raise ValueError(msg)
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
            self._latest_status.pop(source, None)
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
                arrivals = await reader.next_arrivals(self._sleep_until_due())
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
        now_ns, correction_ns = self._clock.now_ns(), self._clock.correction_ns()
        began_ns = now_ns
        frames: list[Frame] = []
        ended: dict[str, SubjectStages] = {}
        reports: list[Record] = []
        for arrival in arrivals:
            source, item = arrival.source, arrival.item
            stages = self._stages.get(source.subject_id)
            if stages is None:  # dropped during this turn
                continue
            stages.drift.set_clock_correction(correction_ns)
            match item:
                case Frame():
                    if self._uses(item, stages):
                        frames.append(item)
                case ImuBatch():
                    reports += stages.add_batch(item, now_ns)
                    reports += stages.drift.add_batch(item)
                case SourceStatus():
                    if self._reports_statuses:
                        reports.append(item)
                    if source.role == "imu" and stages.wait is not None:
                        stages.wait.set_state(item.state)
                    self._store_status(source, item)
                case None if _ends_subject(source, stages):
                    if arrival.error is None:
                        ended[source.subject_id] = stages
                    stages.held.release_all()
                case None if stages.wait is not None:
                    stages.wait.set_state("offline")
        viewed, view_reports = await self._convert(frames, ended)
        features = iter(
            await self._encode([it for each in viewed for it in each.frames])
        )
        now_ns = self._clock.now_ns()
        for each in viewed:
            of_people = [next(features) for _ in each.frames]
            if each.camera.subject_id in self._stages:
                stages = self._stages[each.camera.subject_id]
                clips = stages.windows.add(*of_people)
                if self._is_thinned:
                    clips = clips[-1:]  # those of the gap show nothing new
                stages.held.add(clips, now_ns)
        for stages in ended.values():
            stages.held.add(stages.windows.flush(), now_ns)
            stages.held.release_all()
        records, clip_drift = await self._classify_due(now_ns)
        for stages in ended.values():
            records += [*stages.events.flush(), *stages.bed.flush()]
        if frames and self._thinning is not None:
            waiting = max((each.waiting() for each in self._stages.values()), default=0)
            self._thinning.add_turn(began_ns, self._clock.now_ns(), waiting)
        return records + reports + view_reports + clip_drift

    @property
    def _is_thinned(self) -> bool:
        return self._thinning is not None and self._thinning.every > 1

    def _uses(self, frame: Frame, stages: SubjectStages) -> bool:
        """Return whether a picture is used; count it if not."""
        thinning, name = self._thinning, frame.subject_id
        if thinning is None or thinning.uses(name, frame.tick, stages.waiting()):
            return True
        self._observer.thinned(frames=1)
        return False

    async def _convert(
        self, frames: Sequence[Frame], ended: Iterable[str]
    ) -> tuple[list[ViewedFrame], list[Record]]:
        """Return the recogniser's frames, and the records of what is in view."""
        viewed = await self._view.convert(frames)
        viewed += (each for name in ended for each in self._view.end(name))
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

    async def _classify_due(self, now_ns: int) -> tuple[list[Record], list[Record]]:
        """Recognise the due windows, and the new held ones from the camera alone.

        Returns:
            The predictions with their events, and the drift records.
        """
        everyone = list(self._stages.values())
        due_windows = [
            window for stages in everyone for window in stages.held.pop_due(now_ns)
        ]
        previews = [clip for stages in everyone for clip in stages.held.new_previews()]
        clips = [*(window.clip for window in due_windows), *previews]
        predictions = await self._recognise(clips)
        records: list[Record] = []
        drift_records: list[Record] = []
        for window, prediction in zip(due_windows, predictions, strict=False):
            stages = self._stages.get(prediction.subject_id)
            if stages is None:
                continue
            self._measure(window, prediction)
            records += [prediction, *stages.events.update(prediction)]
            if stages.wait is not None and not window.was_previewed:
                stages.early.add_final(prediction)
            if not self._is_thinned:  # few pictures look like a change of the room
                drift_records += stages.drift.add_prediction(
                    window.clip, prediction, is_worn=stages.imu.is_used
                )
        for prediction in predictions[len(due_windows) :]:
            if prediction.subject_id in self._stages:
                stages = self._stages[prediction.subject_id]
                records += stages.early.add_preview(prediction)
        return records, drift_records

    def _measure(self, window: DueWindow, prediction: Prediction) -> None:
        """Record the age of a prediction's newest frame, and the window's wait."""
        name, wait_ns = prediction.subject_id, window.wait_ns
        age_ns = self._clock.now_ns() - prediction.end_ns - wait_ns
        self._observer.predicted(name, age_ns=age_ns)
        if window.was_previewed:
            expired = window.clip.imu is None
            self._observer.waited(name, wait_ns=wait_ns, expired=expired)

    def _sleep_until_due(self) -> Coroutine[None, None, None] | None:
        """Return a sleep until the next held window is due; None if none is held."""
        now_ns = self._clock.now_ns()
        due = [each.held.due_ns(now_ns) for each in self._stages.values()]
        due_ns = min((at for at in due if at is not None), default=None)
        if due_ns is None:
            return None
        return self._clock.sleep_s(ns_to_seconds(max(0, due_ns - now_ns)))

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

    async def _recognise(self, clips: Sequence[Clip]) -> list[Prediction]:
        """Classify the clips of every subject in one request."""
        if not clips:
            return []
        began_ns = self._clock.now_ns()
        predictions = await recognise(self._recognizer, clips, self._correct)
        span_ns = self._clock.now_ns() - began_ns
        self._observer.classified(clips=len(clips), span_ns=span_ns)
        return predictions

    def _correct(self, clip: Clip, prediction: Prediction) -> Prediction:
        """Return a prediction that does not call somebody in bed fallen."""
        stages = self._stages.get(clip.subject_id)
        if stages is None:
            return prediction
        return stages.bed.correct(prediction, clip.person)

    def _store_status(self, source: SourceKey, status: SourceStatus) -> None:
        """Store the latest status; record the frames dropped since the one before."""
        earlier = self._latest_status.get(source)
        self._latest_status[source] = status
        dropped = status.dropped - (earlier.dropped if earlier is not None else 0)
        if dropped > 0:
            self._observer.dropped(source, frames=dropped)

    def _failed_status(
        self, source: SourceKey, error: BaseException, remaining: Iterable[SourceKey]
    ) -> SourceStatus:
        """Return the status of a failed source; raise its error if it was the last.

        Open episodes are not ended: no frame showed their end.
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
    """Return the text of our own errors; other texts may contain credentials."""
    if isinstance(error, PipelineError):
        return str(error)
    kind = type(error).__name__
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("unexpected %s in a source, raised at\n%s", kind, places)
    return f"unexpected {kind}; see the log"
