"""The whole chain, from what the sources give to what is reported.

    camera ───▶ Frame ─encode─▶ FrameFeature ─┐
                                              ├─windows─▶ Clip ─hold─recognise─┐
    wearable ─▶ ImuBatch ─buffer──────────────┘                                │
                                                                          Prediction
                                                              events ◀───────────┤
                                                                ▼                ▼
                                                           ActionEvent         drift
                                                                                 ▼
                                                                            DriftAlert

It goes in turns. A turn takes whatever has arrived, at most one item of each source,
through every stage, all subjects together, and reports before it asks for more. So a
recording is read as fast as it is watched, and a live camera drops what comes too fast.
Between windows and recognition, a window is held while its wearable's samples are on
their way (``held_windows``); urgent events that the camera shows meanwhile are reported
at once (``early_starts``).
"""

import logging
import traceback
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import final

from pipelines.clock import Clock, ns_to_seconds
from pipelines.errors import PipelineError
from pipelines.live.drift.subject import SubjectDrift
from pipelines.live.gathering import Arrival, Gathering
from pipelines.live.held_windows import Leaving
from pipelines.live.inference import FrameEncoder, recognise
from pipelines.live.observer import Observer, Tally
from pipelines.live.subject import Following, Item, Record, Subject, WatchSettings
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


def _is_all(source: SourceKey, following: Following) -> bool:
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
        self._following: dict[str, Following] = {}
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
        self._following[name] = Following(
            subject, self._recognizer.info, self._settings
        )
        if subject.camera is not None:
            self._gathering.add(SourceKey(name, "camera"), subject.camera)
        if subject.wearable is not None:
            self._gathering.add(SourceKey(name, "imu"), subject.wearable)

    async def drop(self, subject_id: str) -> None:
        """Watch a subject no longer; its open episodes are not ended.

        Windows that wait for its wearable are not answered; what the camera showed
        that is urgent was reported before.
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
                arrivals = await gathering.turn(self._alarm())
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
        now_ns, correction_ns = self._clock.now_ns(), self._clock.correction_ns()
        frames: list[Frame] = []
        ended: list[Following] = []
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
                    following.feel(item, now_ns)
                    reports += following.drift.feel(item)
                case SourceStatus():
                    if self._reports_statuses:
                        reports.append(item)
                    if source.role == "imu" and following.wait is not None:
                        following.wait.report(item.state)
                    self._remember(source, item)
                case None if _is_all(source, following):
                    if arrival.error is None:
                        following.held.add(following.windows.flush(), now_ns)
                        ended.append(following)
                    following.held.hurry()
                case None if following.wait is not None:
                    following.wait.report("offline")
        features = await self._encode(frames)
        now_ns = self._clock.now_ns()
        for frame, feature in zip(frames, features, strict=True):
            if frame.subject_id in self._following:
                following = self._following[frame.subject_id]
                following.held.add(following.windows.add(feature), now_ns)
        records, signals = await self._answer(now_ns)
        for following in ended:
            records += following.events.flush()
        return records + reports + signals

    async def _answer(self, now_ns: int) -> tuple[list[Record], list[Record]]:
        """Recognise the windows that are due; the held ones by the camera alone.

        Returns:
            The answers with their events, and what drift makes of them.
        """
        everyone = list(self._following.values())
        leaving = [each for one in everyone for each in one.held.leave(now_ns)]
        previews = [clip for one in everyone for clip in one.held.previews()]
        clips = [*(each.clip for each in leaving), *previews]
        predictions = await self._recognise(clips)
        records: list[Record] = []
        signals: list[Record] = []
        for each, prediction in zip(leaving, predictions, strict=False):
            following = self._following.get(prediction.subject_id)
            if following is None:
                continue
            self._observe(each, prediction)
            records += [prediction, *following.events.update(prediction)]
            if following.wait is not None and not each.was_previewed:
                following.early.follow(prediction)
            signals += following.drift.judge(each.clip, prediction)
        for prediction in predictions[len(leaving) :]:
            if prediction.subject_id in self._following:
                following = self._following[prediction.subject_id]
                records += following.early.preview(prediction)
        return records, signals

    def _observe(self, leaving: Leaving, prediction: Prediction) -> None:
        """Count an answer: how old its newest frame was, and how long it was held."""
        name, wait_ns = prediction.subject_id, leaving.wait_ns
        age_ns = self._clock.now_ns() - prediction.end_ns - wait_ns
        self._observer.predicted(name, age_ns=age_ns)
        if leaving.was_previewed:
            expired = leaving.clip.imu is None
            self._observer.waited(name, wait_ns=wait_ns, expired=expired)

    def _alarm(self) -> Coroutine[None, None, None] | None:
        """Return a sleep until the next held window is due; None if none is held."""
        now_ns = self._clock.now_ns()
        due = [each.held.due_ns(now_ns) for each in self._following.values()]
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
        span_ns = self._clock.now_ns() - began_ns
        self._observer.classified(clips=len(clips), span_ns=span_ns)
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
