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

A label can be the outcome of another (``Outcome``): a fall is *falling*, then
*fallen*. Such an event starts only if both were seen. The product of their scores says
how sure that is: a weak sign of one needs a strong one of the other. The outcome counts
twice in it, because it is seen for longer than the onset and is recognised better.
A person who stumbles has not fallen. A person who lies on the floor when the service
starts may have lain down: that is an event of its own, a *long lie*, if it lasts.

Somebody who has been down for a moment may move there, so from then on only a sure sign
of falling counts (``stages``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from models.prompts.prompt_set import Outcome
from pipelines.clock import seconds_to_ns
from pipelines.live.events.settings import EventSettings
from pipelines.live.events.stages import Stages, score_of
from pipelines.records import ActionEvent, EventState, Prediction, make_event_id


@dataclass(slots=True)
class _Episode:
    """An onset or a started episode.

    ``below_ns`` is the time since which the score is below exit. ``onset_score`` is the
    greatest score of the label before an outcome near the onset; 0 if it was not seen.
    ``event_id`` is set at the start and never changes. ``decided_ns`` is the time of
    the decision of an adopted episode, which may be ahead of the newest prediction; 0
    for others.
    """

    onset_ns: int
    label: str
    peak: float
    event_id: str = ""
    below_ns: int | None = None
    decided_ns: int = 0
    onset_score: float = 0.0

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
        outcomes: The labels that belong to their event only after another label.

    Raises:
        ValueError: If ``by_event`` names an event that no label belongs to.
    """

    def __init__(
        self,
        subject_id: str,
        events: Mapping[str, str],
        settings: EventSettings,
        by_event: Mapping[str, EventSettings] | None = None,
        outcomes: Mapping[str, Outcome] | None = None,
    ) -> None:
        self._subject_id = subject_id
        self._labels: dict[str, list[str]] = {}
        self._staged: dict[str, Stages] = {}
        self._alone: dict[str, set[str]] = {}
        """The events of which each event is the outcome, not seen from its onset."""
        for label, name in events.items():
            self._labels.setdefault(name, []).append(label)
        for label, outcome in (outcomes or {}).items():
            stages = self._staged.setdefault(events[label], Stages())
            stages.onsets.add(outcome.after)
            stages.outcomes.add(label)
            if outcome.otherwise is not None:
                labels = self._labels.setdefault(outcome.otherwise, [])
                # A lying person who moves goes on lying. Each label counts once.
                both = (label, outcome.after)
                labels += [each for each in both if each not in labels]
                self._alone.setdefault(outcome.otherwise, set()).add(events[label])
                alone = self._staged.setdefault(outcome.otherwise, Stages())
                alone.outcomes.add(label)
        self._settings = dict.fromkeys(self._labels, settings)
        lasting = replace(settings, minimum_duration_s=settings.long_lie_s)
        self._settings |= dict.fromkeys(self._alone, lasting) | dict(by_event or {})
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
        score = score_of(labels, prediction)
        label = max(labels, key=prediction.scores.__getitem__)
        episode = self._episodes.get(name)
        if episode is not None and not episode.is_started:
            is_lost = silence_ns > seconds_to_ns(settings.longest_silence_s)
            if is_lost or not self._may_start(name, score, prediction):
                del self._episodes[name]
                episode = None
        if episode is not None and self._is_before(episode):
            return
        if episode is None:
            if self._may_start(name, score, prediction):
                self._episodes[name] = _Episode(self._now_ns, label, score)
        elif score >= settings.exit:
            episode.label = label
            episode.peak = max(episode.peak, score)
            episode.below_ns = None
        elif episode.below_ns is None:
            episode.below_ns = self._now_ns
        self._note_stages(name, prediction)

    def _may_start(self, name: str, score: float, prediction: Prediction) -> bool:
        """Return whether a score begins an onset, or goes on with it.

        A wearable alone begins no event of an onset and an outcome before it felt an
        impact and then calm.
        """
        is_alone = prediction.modality == "imu"
        settings = self._settings[name]
        least = max(settings.enter, settings.wearable_enter if is_alone else 0.0)
        if score < least or self._is_explained(name):
            return False
        stages = self._staged.get(name)
        has_onset = stages is not None and bool(stages.onsets)
        return prediction.could_be_fall or not (has_onset and is_alone)

    def _is_explained(self, name: str) -> bool:
        """Return whether a whole event is going on of which this is the outcome."""
        return any(
            whole in self._episodes and self._episodes[whole].is_started
            for whole in self._alone.get(name, ())
        )

    def _note_stages(self, name: str, prediction: Prediction) -> None:
        """Note whether the onset of a staged event was seen near its high score."""
        stages, settings = self._staged.get(name), self._settings[name]
        if stages is None:
            return
        stages.note(prediction, settings)
        within_ns = seconds_to_ns(settings.onset_within_s)
        episode = self._episodes.get(name)
        if episode is not None and self._now_ns - episode.onset_ns <= within_ns:
            episode.onset_score = max(episode.onset_score, stages.onset_score())

    def _is_before(self, episode: _Episode) -> bool:
        """Return whether an adopted episode is ahead of the newest prediction."""
        return self._now_ns < min(episode.onset_ns, episode.decided_ns)

    def _has_started(self, name: str) -> bool:
        """Return whether an onset has lasted for the minimum duration.

        An event with stages has also gone through them. A camera's outcome counts only
        while the person is seen: one who walks out of view has not fallen. Samples of a
        wearable do not show where somebody lies, so from them alone the onset is
        enough.
        """
        episode, settings = self._episodes[name], self._settings[name]
        least_ns = seconds_to_ns(settings.minimum_duration_s)
        if episode.is_started or self._now_ns - episode.onset_ns < least_ns:
            return False
        stages = self._staged.get(name)
        if stages is None or self._latest is None:
            return True
        latest = self._latest
        is_preceded = bool(episode.onset_score) or not stages.onsets
        is_down = stages.is_down(latest, settings, episode.onset_score)
        if latest.modality == "video":
            return is_preceded and is_down and latest.is_seen
        return is_preceded and (is_down or latest.modality == "imu")

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
