"""Detection of events in label scores, by hysteresis.

The score of an event is the sum over its labels. In this row of windows, ``#`` is a
score at or above enter, ``-`` a score between exit and enter, ``.`` a score below exit.
The minimum duration is two windows and the merge gap three:

    score      .#.-###-.-....
    episode        [-S---)  E

The first ``#`` is too short. ``[`` is the onset and ``)`` the end, decided at ``S`` and
``E`` with the newest frame of those windows; the gap between is short and merged.
So *falling* and *fallen*, both labels of the event ``fall``, make one episode that
lasts until the person is up again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from pipelines.clock import seconds_to_ns
from pipelines.records import ActionEvent, EventState, Prediction, make_event_id


@dataclass(frozen=True, slots=True)
class EventSettings:
    """When an episode of an event starts and ends.

    Attributes:
        enter: Least score that starts an episode, 0 to 1.
        exit: Score below which an episode may end, above 0, at most ``enter``.
        minimum_duration_s: Time that the score must stay at or above ``enter`` to start
            an episode, in seconds.
        merge_gap_s: Time that the score must stay below ``exit`` to end an episode, in
            seconds; a shorter gap is part of the episode.
        longest_silence_s: Longest time without a prediction, in seconds, after which an
            undecided onset is kept. A started episode survives any silence.

    Raises:
        ValueError: If a value is out of its range.
    """

    enter: float = 0.75
    exit: float = 0.3
    minimum_duration_s: float = 1.1
    merge_gap_s: float = 1.5
    longest_silence_s: float = 3.0

    def __post_init__(self) -> None:
        if not 0.0 < self.exit <= self.enter <= 1.0:
            msg = (
                "exit and enter must satisfy 0 < exit <= enter <= 1,"
                f" got exit {self.exit} and enter {self.enter}"
            )
            raise ValueError(msg)
        for name in ("minimum_duration_s", "merge_gap_s", "longest_silence_s"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                msg = f"{name} must be zero or more and finite, got {value}"
                raise ValueError(msg)


@dataclass(slots=True)
class _Episode:
    """An onset or a started episode.

    ``below_ns`` is the time since which the score is below exit. ``event_id`` is set at
    the start and never changes. ``decided_ns`` is the time of the decision of an
    adopted episode, which may be ahead of the newest prediction; 0 for others.
    """

    onset_ns: int
    label: str
    peak: float
    event_id: str = ""
    below_ns: int | None = None
    decided_ns: int = 0

    @property
    def is_started(self) -> bool:
        return bool(self.event_id)


@final
class EventDetector:
    """Detector of the events of one subject.

    Args:
        subject_id: The subject.
        events: The event of each label.
        settings: The thresholds of all events that are not in ``by_event``.
        by_event: Thresholds of single events, by name.

    Raises:
        ValueError: If ``by_event`` names an event that no label belongs to.
    """

    def __init__(
        self,
        subject_id: str,
        events: Mapping[str, str],
        settings: EventSettings,
        by_event: Mapping[str, EventSettings] | None = None,
    ) -> None:
        self._subject_id = subject_id
        self._labels: dict[str, list[str]] = {}
        for label, name in events.items():
            self._labels.setdefault(name, []).append(label)
        self._settings = dict.fromkeys(self._labels, settings) | dict(by_event or {})
        unknown = sorted(self._settings.keys() - self._labels.keys())
        if unknown:
            known = ", ".join(self._labels)
            msg = f"no label belongs to event {unknown[0]!r}; the events are: {known}"
            raise ValueError(msg)
        self._episodes: dict[str, _Episode] = {}
        self._latest: Prediction | None = None
        self._now_ns = 0
        self._ended_ns: dict[str, int] = {}

    def resume(self, event: ActionEvent) -> None:
        """Continue an episode of an earlier process, with the same id."""
        if event.name in self._labels and event.state == "started":
            self._episodes[event.name] = _Episode(
                event.start_ns, event.label, event.peak_confidence, event.event_id
            )

    def adopt(self, start: ActionEvent) -> bool:
        """Adopt an episode that another detector started ahead of the predictions.

        Predictions from its onset on refine the episode. Its start is not reported
        again. It ends by the usual rules, but not before the time of its decision.

        Returns:
            False, with nothing changed, if an episode of that event is open, or ended
            after that onset.
        """
        episode = self._episodes.get(start.name)
        if episode is not None and episode.is_started:
            return False
        if start.start_ns <= self._ended_ns.get(start.name, -1):
            return False
        self._episodes[start.name] = _Episode(
            start.start_ns,
            start.label,
            start.peak_confidence,
            start.event_id,
            decided_ns=start.decided_ns,
        )
        return True

    def update(self, prediction: Prediction) -> list[ActionEvent]:
        """Process the next prediction; return the ended, then the started events."""
        if self._latest is not None and prediction.end_ns <= self._now_ns:
            return []  # the window ends in a gap and has no newer frame
        silence_ns = prediction.end_ns - self._now_ns
        self._now_ns, self._latest = prediction.end_ns, prediction
        for name in self._labels:
            self._update_episode(name, prediction, silence_ns)
        ended = [name for name in self._episodes if self._has_ended(name)]
        started = [name for name in self._episodes if self._has_started(name)]
        return [
            *(self._end(name, prediction) for name in ended),
            *(self._start(name, prediction) for name in started),
        ]

    def flush(self) -> list[ActionEvent]:
        """End the stream; return the end of every started episode.

        An episode ends at the newest frame, or when its score fell below exit.
        """
        if self._latest is None:
            return []
        open_names = [name for name, each in self._episodes.items() if each.is_started]
        events = [self._end(name, self._latest) for name in open_names]
        self._episodes.clear()
        return events

    def _update_episode(
        self, name: str, prediction: Prediction, silence_ns: int
    ) -> None:
        """Update the episode of an event with its score; begin or drop an onset."""
        labels, settings = self._labels[name], self._settings[name]
        score = min(1.0, sum(prediction.scores[label] for label in labels))
        label = max(labels, key=prediction.scores.__getitem__)
        episode = self._episodes.get(name)
        if episode is not None and not episode.is_started:
            is_lost = silence_ns > seconds_to_ns(settings.longest_silence_s)
            if is_lost or score < settings.enter:
                del self._episodes[name]
                episode = None
        if episode is not None and self._is_before(episode):
            return
        if episode is None:
            if score >= settings.enter:
                self._episodes[name] = _Episode(self._now_ns, label, score)
        elif score >= settings.exit:
            episode.label = label
            episode.peak = max(episode.peak, score)
            episode.below_ns = None
        elif episode.below_ns is None:
            episode.below_ns = self._now_ns

    def _is_before(self, episode: _Episode) -> bool:
        """Return whether an adopted episode is ahead of the newest prediction."""
        return self._now_ns < min(episode.onset_ns, episode.decided_ns)

    def _has_started(self, name: str) -> bool:
        """Return whether an onset has lasted for the minimum duration."""
        episode = self._episodes[name]
        least_ns = seconds_to_ns(self._settings[name].minimum_duration_s)
        return not episode.is_started and self._now_ns - episode.onset_ns >= least_ns

    def _has_ended(self, name: str) -> bool:
        """Return whether an episode has been below exit for the merge gap."""
        episode = self._episodes[name]
        if episode.below_ns is None or self._now_ns < episode.decided_ns:
            return False
        gap_ns = seconds_to_ns(self._settings[name].merge_gap_s)
        return self._now_ns - episode.below_ns >= gap_ns

    def _start(self, name: str, prediction: Prediction) -> ActionEvent:
        episode = self._episodes[name]
        episode.event_id = make_event_id(self._subject_id, name, episode.onset_ns)
        return self._event(name, episode, prediction, "started")

    def _end(self, name: str, prediction: Prediction) -> ActionEvent:
        event = self._event(name, self._episodes.pop(name), prediction, "ended")
        self._ended_ns[name] = event.end_ns or 0
        return event

    def _event(
        self, name: str, episode: _Episode, prediction: Prediction, state: EventState
    ) -> ActionEvent:
        fell_ns = self._now_ns if episode.below_ns is None else episode.below_ns
        return ActionEvent(
            event_id=episode.event_id,
            subject_id=self._subject_id,
            name=name,
            label=episode.label,
            state=state,
            start_ns=episode.onset_ns,
            end_ns=fell_ns if state == "ended" else None,
            decided_ns=self._now_ns,
            peak_confidence=episode.peak,
            modality=prediction.modality,
            model=prediction.model,
            prompt_set=prediction.prompt_set,
        )
