"""What is seen before and after the onset of an event that has stages.

A fall is *falling*, then *fallen*. For one such event these are the labels that begin
it and those that it ends in, with what was seen of them lately.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from pipelines.clock import seconds_to_ns
from pipelines.live.events.settings import EventSettings
from pipelines.records import Prediction


@final
@dataclass(slots=True)
class Stages:
    """The stages of one event.

    Attributes:
        onsets: Labels that begin the event; none if its outcome is enough.
        outcomes: Labels that it ends in.
    """

    onsets: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)
    _seen: deque[tuple[int, float]] = field(default_factory=deque)
    _down_since_ns: int | None = None

    def note(self, prediction: Prediction, settings: EventSettings) -> None:
        """Note the scores of the next prediction; forget what is too old to count."""
        now_ns = prediction.end_ns
        score = score_of(self.onsets, prediction)
        is_settled = self._is_settled(prediction, settings)
        if score >= (settings.enter if is_settled else settings.onset_score):
            self._seen.append((now_ns, score))
        oldest_ns = now_ns - seconds_to_ns(settings.onset_within_s)
        while self._seen and self._seen[0][0] < oldest_ns:
            self._seen.popleft()

    def onset_score(self) -> float:
        """Return the greatest score of an onset lately; 0 if none was seen."""
        return max((score for _, score in self._seen), default=0.0)

    def is_down(
        self, prediction: Prediction, settings: EventSettings, onset_score: float
    ) -> bool:
        """Return whether the outcome is seen, surely enough for an onset's score."""
        outcome = score_of(self.outcomes, prediction)
        if outcome < settings.outcome_score:
            return False
        if not self.onsets:
            return True
        return onset_score * outcome**2 >= settings.both_score

    def _is_settled(self, prediction: Prediction, settings: EventSettings) -> bool:
        """Return whether the person has been down for so long that they may move there.

        Samples of a wearable alone look alike on a floor and on a bed.
        """
        outcome = score_of(self.outcomes, prediction)
        if outcome < settings.exit or prediction.modality == "imu":
            self._down_since_ns = None
        elif outcome >= settings.enter and self._down_since_ns is None:
            self._down_since_ns = prediction.end_ns
        if self._down_since_ns is None:
            return False
        lasted_ns = prediction.end_ns - self._down_since_ns
        return lasted_ns > seconds_to_ns(settings.settled_s)


def score_of(labels: Iterable[str], prediction: Prediction) -> float:
    """Return the sum of the scores of some labels, at most 1."""
    return min(1.0, sum(prediction.scores[label] for label in labels))
