"""Recognition of the windows that are due, and what follows from the predictions.

held windows ─due──▶ Prediction ─▶ events, drift
             └new──▶ Prediction ─▶ urgent events at once, from the camera alone
"""

from collections.abc import Coroutine, Mapping, Sequence
from typing import final

from pipelines.clock import Clock, ns_to_seconds
from pipelines.live.inference import recognise
from pipelines.live.observer import Observer
from pipelines.live.subject import Record, SubjectStages
from pipelines.live.thinning import Thinning, is_thinned
from pipelines.live.windows.held import DueWindow
from pipelines.recognition import ActionRecognizer
from pipelines.records import Clip, Prediction


@final
class DueWindows:
    """The due windows of all subjects, recognised in one request.

    Args:
        stages: The stages of each subject. Subjects may come and go at any time.
        recognizer: The recogniser that classifies.
        clock: Clock for durations.
        observer: Receiver of the measurements.
        thinning: Which pictures are used during an overload; None uses all.
    """

    def __init__(
        self,
        stages: Mapping[str, SubjectStages],
        recognizer: ActionRecognizer,
        clock: Clock,
        observer: Observer,
        thinning: Thinning | None,
    ) -> None:
        self._stages, self._recognizer = stages, recognizer
        self._clock, self._observer, self._thinning = clock, observer, thinning

    def sleep(self) -> Coroutine[None, None, None] | None:
        """Return a sleep until the next held window is due; None if none is held."""
        now_ns = self._clock.now_ns()
        due = [each.held.due_ns(now_ns) for each in self._stages.values()]
        due_ns = min((at for at in due if at is not None), default=None)
        if due_ns is None:
            return None
        return self._clock.sleep_s(ns_to_seconds(max(0, due_ns - now_ns)))

    async def recognise(self, now_ns: int) -> tuple[list[Record], list[Record]]:
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
        predictions = await self._predict(clips)
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
            # few pictures look like a change of the room
            if not is_thinned(self._thinning):
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

    async def _predict(self, clips: Sequence[Clip]) -> list[Prediction]:
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
