"""One case: filmed, watched through the chain of ``watch``, and compared."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.clock import SystemClock, ns_to_seconds, seconds_to_ns
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.data.footage import Recording
from pipelines.lab.data.truth import FALLING, Resolve, read_truth
from pipelines.lab.poses.rendered_pairs import film_pair
from pipelines.lab.simulation.footage import labelled_spans
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.pair import Actor, Pair, PairPlan, live_pair
from pipelines.lab.studies.event_report import RecordingResult, score_events
from pipelines.lab.studies.events import predict_recording
from pipelines.lab.studies.matching import (
    BEFORE_NS,
    Episode,
    match_falls,
    pair_events,
)
from pipelines.lab.studies.pairs.results import CaseResult, FalseFall, TrueFall
from pipelines.lab.studies.pairs.sheet import CaseSheet
from pipelines.lab.studies.pairs.sightings import Sighting, sight, sight_fall
from pipelines.live.subject import WatchSettings
from pipelines.live.views import ViewedFrame
from pipelines.records import FALL, Prediction
from pipelines.sources.camera.framing import PAD

_ENTER = WatchSettings().events.enter
_ONSET_WITHIN_S = WatchSettings().events.onset_within_s


def run_case(
    plan: PairPlan, recognizer: InProcessRecognizer, resolve: Resolve, folder: Path
) -> CaseResult:
    """Live, film and watch a case; a wrong one leaves a contact sheet in the folder."""
    pair = live_pair(plan)
    sightings: list[Sighting] = []
    sheet = CaseSheet()

    def look(viewed: ViewedFrame) -> None:
        sightings.append(sight(pair, viewed))
        sheet.add(viewed)

    with TemporaryDirectory() as place:
        video = Path(place) / f"{plan.name}.mp4"
        film_pair(pair, video)
        spans = tuple(labelled_spans(video.name, pair.watched.track))
        predictions, events = asyncio.run(
            predict_recording(
                Recording(video.name, video, spans, {}),
                recognizer,
                SystemClock(),
                WatchSettings(),
                PAD,
                look,
            )
        )
    last_ns = predictions[-1].end_ns if predictions else 0
    seen = RecordingResult(
        video.name,
        read_truth(spans, resolve),
        last_ns,
        tuple(predictions),
        tuple(pair_events(events, FALL, last_ns)),
    )
    matching = match_falls(seen.truth, seen.episodes)
    result = CaseResult(
        plan.kind,
        plan.number,
        plan.name,
        plan.way,
        pair.came_second,
        _true_fall(seen, recognizer, resolve, sightings),
        tuple(_false_fall(pair, episode) for episode in matching.false),
    )
    if not result.is_right:
        sheet.write(folder / f"{plan.name}.png", result)
    return result


def _true_fall(
    seen: RecordingResult,
    recognizer: InProcessRecognizer,
    resolve: Resolve,
    sightings: Sequence[Sighting],
) -> TrueFall | None:
    if not seen.truth.falls:
        return None
    (fall,) = seen.truth.falls
    onset_s, down_s = ns_to_seconds(fall.onset_ns), ns_to_seconds(fall.down_ns)
    found = match_falls(seen.truth, seen.episodes).found
    missed = score_events([seen], recognizer.info, seed=0).missed_falls
    until_ns = fall.down_ns + seconds_to_ns(_ONSET_WITHIN_S)
    falling = [
        p.scores.get(resolve(FALLING) or "", 0.0)
        for p in seen.predictions
        if fall.onset_ns <= p.end_ns <= until_ns
    ]
    return TrueFall(
        onset_s,
        down_s,
        round(found[0].delay_s, 3) if found else None,
        round(missed[0].peak_score, 3) if missed else 1.0,
        round(max(falling, default=0.0), 3),
        round(
            high_before_s(seen.predictions, recognizer.info.events, fall.onset_ns), 3
        ),
        any(episode.end_ns >= fall.onset_ns for episode in early_events(seen)),
        missed[0].seen if missed else "",
        sight_fall(sightings, onset_s, down_s),
    )


def early_events(seen: RecordingResult) -> list[Episode]:
    """Return the events that were decided before a fall and lasted into it.

    They are neither right nor wrong (``match_falls``), but may hide the fall.
    """
    return [
        episode
        for episode in match_falls(seen.truth, seen.episodes).repeated
        if any(
            episode.decided_ns < fall.onset_ns - BEFORE_NS for fall in seen.truth.falls
        )
    ]


def high_before_s(
    predictions: Sequence[Prediction], events: Mapping[str, str], onset_ns: int
) -> float:
    """Return how long the score of a fall had been high when a fall began."""
    since_ns = onset_ns
    for prediction in reversed(predictions):
        if prediction.end_ns > onset_ns:
            continue
        scores = prediction.scores.items()
        if sum(score for label, score in scores if events[label] == FALL) < _ENTER:
            break
        since_ns = prediction.end_ns
    return ns_to_seconds(onset_ns - since_ns)


def _false_fall(pair: Pair, episode: Episode) -> FalseFall:
    decided_s = ns_to_seconds(episode.decided_ns)
    return FalseFall(
        ns_to_seconds(episode.start_ns),
        decided_s,
        _label(pair.watched, decided_s),
        _label(pair.companion, decided_s),
    )


def _label(actor: Actor, time_s: float) -> str:
    labels = actor.track.labels
    return labels[min(int(time_s * SAMPLE_RATE_HZ), len(labels) - 1)]
