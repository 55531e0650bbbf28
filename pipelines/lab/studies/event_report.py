"""Score a chain's output on some recordings; knows no models.

``EventReport.figures`` holds each number with its interval and counts:

    recall                 falls found, of all falls
    recall_prompt          the same, decided within 6 s of the body being down
    precision              falls found, of those and the false falls
    false_falls_per_hour   events that touch no fall, in an hour of video
    delay_p50_s, _p95_s    from the onset of a fall to the decision, of falls found
    fallen_recall          fallen spans during at least half of which the event was open
    fallen_time_recall     seconds of fallen during which it was open
    top1                   windows whose group of labels was the likeliest
    top1_labels            windows whose label was right
    hard_negatives_raised  hard negatives that a false fall touches

``pipelines.lab.studies.matching`` defines which event finds which fall.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from models.window import Modality
from pipelines.clock import NS_PER_S, ns_to_seconds
from pipelines.lab.data.truth import OTHER, TrueFall, Truth, covered_ns
from pipelines.lab.studies.confusion import (
    Confusion,
    count_confusion,
    group_of,
    label_recall,
    likeliest_group,
    top1,
)
from pipelines.lab.studies.figures import Figure, proportion, quantile, rate
from pipelines.lab.studies.intervals import cluster_interval
from pipelines.lab.studies.matching import (
    AFTER_NS,
    Episode,
    Matching,
    match_falls,
    touches,
)
from pipelines.recognition import RecognizerInfo
from pipelines.records import FALL, Prediction

_S_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """The chain's output for one recording; times start at its first picture.

    ``duration_ns`` is the length of the video; ``episodes`` are its ``fall`` events.
    """

    file: str
    truth: Truth
    duration_ns: int
    predictions: tuple[Prediction, ...]
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class FalseFall:
    """An event that touches no fall; ``truth`` is the label at that time."""

    file: str
    start_s: float
    decided_s: float
    end_s: float
    peak_confidence: float
    truth: str
    hard_negative: str


@dataclass(frozen=True, slots=True)
class MissedFall:
    """A fall that no event found.

    ``peak_score`` is the highest probability of the event ``fall`` in a window that
    ends within the fall's reach, and ``seen`` the most common predicted label there.
    """

    file: str
    onset_s: float
    down_s: float
    end_s: float
    peak_score: float
    seen: str
    notes: str


@dataclass(frozen=True, slots=True, eq=False)
class EventReport:
    """All figures of the event report, and the errors in detail.

    ``unknown_labels`` are the labels that count as *other*, as written.
    """

    model: str
    prompt_set: str
    recordings: int
    falls: int
    hours: float
    figures: Mapping[str, Figure]
    label_recall: Mapping[str, Figure]
    tallies: Mapping[str, int]
    confusion: Confusion
    group_confusion: Confusion
    false_falls: tuple[FalseFall, ...]
    missed_falls: tuple[MissedFall, ...]
    unknown_labels: tuple[str, ...]


def score_events(
    results: Sequence[RecordingResult], info: RecognizerInfo, seed: int
) -> EventReport:
    """Measure results against the truth; ``seed`` is that of the intervals."""
    matchings = [match_falls(result.truth, result.episodes) for result in results]
    hours = ns_to_seconds(sum(result.duration_ns for result in results)) / _S_PER_HOUR
    confusion = _confusion(results, info.labels)
    group_confusion = _group_confusion(results, info.labels)
    return EventReport(
        model=info.model,
        prompt_set=info.prompt_set,
        recordings=len(results),
        falls=sum(len(r.truth.falls) for r in results),
        hours=hours,
        figures={
            **_fall_figures(matchings, hours, seed),
            **_fallen_figures(results, seed),
            "top1": top1(group_confusion, seed),
            "top1_labels": top1(confusion, seed),
            "hard_negatives_raised": _hard_negatives(results, matchings),
        },
        label_recall=label_recall(confusion, seed),
        tallies=_tallies(results, matchings, confusion),
        confusion=confusion,
        group_confusion=group_confusion,
        false_falls=tuple(
            _describe_false(result, episode)
            for result, matching in zip(results, matchings, strict=True)
            for episode in matching.false
        ),
        missed_falls=tuple(
            _describe_missed(result, fall, info)
            for result, matching in zip(results, matchings, strict=True)
            for fall in matching.missed
        ),
        unknown_labels=tuple(
            sorted({s.text for r in results for s in r.truth.spans if s.label == OTHER})
        ),
    )


def _fall_figures(
    matchings: Sequence[Matching], hours: float, seed: int
) -> dict[str, Figure]:
    found = [pair for matching in matchings for pair in matching.found]
    false = sum(len(matching.false) for matching in matchings)
    falls = len(found) + sum(len(matching.missed) for matching in matchings)
    prompt = sum(
        pair.episode.decided_ns <= pair.fall.down_ns + AFTER_NS for pair in found
    )
    delays_s = [pair.delay_s for pair in found]
    return {
        "recall": proportion(("found", len(found)), ("falls", falls)),
        "recall_prompt": proportion(("found", prompt), ("falls", falls)),
        "precision": proportion(
            ("found", len(found)), ("found_or_false", len(found) + false)
        ),
        "false_falls_per_hour": rate(("false", false), ("hours", hours)),
        "delay_p50_s": quantile("found", delays_s, 0.5, seed),
        "delay_p95_s": quantile("found", delays_s, 0.95, seed),
    }


def _fallen_figures(results: Sequence[RecordingResult], seed: int) -> dict[str, Figure]:
    spans = [
        (span, result.episodes)
        for result in results
        for span in result.truth.fallen
        if span.end_ns > span.start_ns
    ]
    # Open from the decision on: an onset reported afterwards is too late to help.
    open_ns = np.array(
        [
            covered_ns(
                ((e.decided_ns, e.end_ns) for e in episodes),
                span.start_ns,
                span.end_ns,
            )
            for span, episodes in spans
        ],
        dtype=np.int64,
    )
    fallen_ns = np.array([s.end_ns - s.start_ns for s, _ in spans], dtype=np.int64)
    recalled = int((2 * open_ns >= fallen_ns).sum())
    open_s, fallen_s = open_ns.sum() / NS_PER_S, fallen_ns.sum() / NS_PER_S
    return {
        "fallen_recall": proportion(("recalled", recalled), ("fallen", len(spans))),
        "fallen_time_recall": Figure(
            float(open_s / fallen_s) if len(spans) else None,
            cluster_interval(open_ns, fallen_ns, seed),
            {"open_s": float(open_s), "fallen_s": float(fallen_s)},
        ),
    }


def _confusion(results: Sequence[RecordingResult], labels: Sequence[str]) -> Confusion:
    return count_confusion(
        labels,
        [
            [(r.truth.label_of(p.start_ns, p.end_ns), p.label) for p in r.predictions]
            for r in results
        ],
    )


def _group_confusion(
    results: Sequence[RecordingResult], labels: Sequence[str]
) -> Confusion:
    return count_confusion(
        tuple(dict.fromkeys(map(group_of, labels))),
        [
            [
                (group_of(label), likeliest_group(p.scores))
                for p in r.predictions
                if (label := r.truth.label_of(p.start_ns, p.end_ns)) is not None
            ]
            for r in results
        ],
    )


def _hard_negatives(
    results: Sequence[RecordingResult], matchings: Sequence[Matching]
) -> Figure:
    raised = [
        any(touches(e, span.start_ns, span.end_ns) for e in matching.false)
        for result, matching in zip(results, matchings, strict=True)
        for span in result.truth.hard_negatives
    ]
    return proportion(("raised", sum(raised)), ("hard_negatives", len(raised)))


def _tallies(
    results: Sequence[RecordingResult],
    matchings: Sequence[Matching],
    confusion: Confusion,
) -> dict[str, int]:
    windows = [p for result in results for p in result.predictions]
    return {
        "windows": len(windows),
        "partial_windows": sum(p.partial for p in windows),
        **{
            f"{modality}_windows": sum(p.modality == modality for p in windows)
            for modality in get_args(Modality)
        },
        "windows_without_known_label": len(windows) - int(confusion.counts.sum()),
        "repeated_events": sum(len(matching.repeated) for matching in matchings),
        "long_lie_events": sum(len(matching.long_lies) for matching in matchings),
    }


def _describe_false(result: RecordingResult, episode: Episode) -> FalseFall:
    truth = result.truth
    label = truth.label_of(episode.start_ns, episode.decided_ns)
    notes = [
        span.notes
        for span in truth.hard_negatives
        if touches(episode, span.start_ns, span.end_ns)
    ]
    return FalseFall(
        file=result.file,
        start_s=ns_to_seconds(episode.start_ns),
        decided_s=ns_to_seconds(episode.decided_ns),
        end_s=ns_to_seconds(episode.end_ns),
        peak_confidence=episode.peak_confidence,
        truth=label or "unlabelled",
        hard_negative="; ".join(notes),
    )


def _describe_missed(
    result: RecordingResult, fall: TrueFall, info: RecognizerInfo
) -> MissedFall:
    windows = [
        p
        for p in result.predictions
        if fall.onset_ns <= p.end_ns <= fall.end_ns + AFTER_NS
    ]
    members = [label for label in info.labels if info.events[label] == FALL]
    scores = [sum(p.scores[label] for label in members) for p in windows]
    seen = [p.label for p in windows]
    return MissedFall(
        file=result.file,
        onset_s=ns_to_seconds(fall.onset_ns),
        down_s=ns_to_seconds(fall.down_ns),
        end_s=ns_to_seconds(fall.end_ns),
        peak_score=max(scores, default=0.0),
        seen=max(seen, key=seen.count, default="nothing"),
        notes=fall.notes,
    )
