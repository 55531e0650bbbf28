"""Falls of real people: a recogniser beside its yardsticks, by source of the footage.

recordings ─┬─ recogniser's chain ─────────▶ results ─┬─▶ all, and each source
            └─ poses ─┬─ plain rule ───────▶ results ─┤   the same figures
                      └─ vector net, if any ▶ results ─┘
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.clock import Clock
from pipelines.lab.data.footage import Recording
from pipelines.lab.data.truth import Resolve, read_truth
from pipelines.lab.studies.event_report import (
    EventReport,
    RecordingResult,
    score_events,
)
from pipelines.lab.studies.events import evaluate_events
from pipelines.lab.studies.figures import Figure
from pipelines.lab.studies.net_falls import net_falls
from pipelines.lab.studies.pose_rule import rule_falls
from pipelines.lab.studies.pose_track import PoseTrack, track_poses
from pipelines.lab.training.vector_net import VectorNet
from pipelines.live.subject import WatchSettings
from pipelines.recognition import ActionRecognizer
from pipelines.sources.camera.framing import PAD, Framing

_HOURS_A_DAY = 24
FALL_FIGURES = (
    "recall",
    "precision",
    "false_falls_per_hour",
    "false_falls_per_camera_day",
    "delay_p50_s",
    "delay_p95_s",
    "fallen_recall",
)
"""Figures that a rule without labels has too."""


@dataclass(frozen=True, slots=True, eq=False)
class RealStudy:
    """The figures of all methods.

    Attributes:
        report: The recogniser's on all recordings.
        model: Its fall figures by source; ``all`` is every source together.
        rule: Those of the plain rule.
        net: Those of the vector net; None without one.
        results: What the recogniser said of each recording, by its file.
        tracks: The poses of each recording, by its file.
    """

    report: EventReport
    model: Mapping[str, Mapping[str, Figure]]
    rule: Mapping[str, Mapping[str, Figure]]
    net: Mapping[str, Mapping[str, Figure]] | None
    results: Mapping[str, RecordingResult]
    tracks: Mapping[str, PoseTrack]


async def study_real(
    recordings: Sequence[Recording],
    recognizer: ActionRecognizer,
    resolve: Resolve,
    clock: Clock,
    *,
    framing: Framing = PAD,
    seed: int = 0,
    net: VectorNet | None = None,
    on_done: Callable[[str], None],
) -> RealStudy:
    """Run the recogniser and its yardsticks over recordings of real people.

    Args:
        recordings: Recordings that nothing was trained on.
        recognizer: The recogniser.
        resolve: Returns the recogniser's label for a label of the footage.
        clock: Measures spans only.
        framing: How a picture becomes square.
        seed: Seed of the intervals.
        net: The vector net, for a row of its own.
        on_done: Called with the file's name after the recogniser has seen a recording,
            and after the yardsticks have.

    Raises:
        SourceError: If a video cannot be read.
        PersonModelError: If a file of the person finder is missing or wrong.
        PipelineError: If the recogniser has no event ``fall``.
    """
    by_model: list[RecordingResult] = []

    def keep(result: RecordingResult) -> None:
        by_model.append(result)
        on_done(result.file)

    report = await evaluate_events(
        recordings,
        recognizer,
        resolve,
        clock,
        framing=framing,
        seed=seed,
        on_done=keep,
    )
    by_rule, by_net = [], []
    tracks: dict[str, PoseTrack] = {}
    for recording in recordings:
        track = await track_poses(recording, clock, framing)
        tracks[recording.file] = track
        truth = read_truth(recording.spans, resolve)
        seen = RecordingResult(recording.file, truth, track.duration_ns, (), ())
        by_rule.append(replace(seen, episodes=tuple(rule_falls(track))))
        if net is not None:
            falls = net_falls(net, track, WatchSettings())
            by_net.append(replace(seen, episodes=tuple(falls)))
        on_done(recording.file)
    sources = {
        recording.file: recording.spans[0].source or "unnamed"
        for recording in recordings
    }

    def figures(results: Sequence[RecordingResult]) -> dict[str, dict[str, Figure]]:
        groups = {"all": list(results)}
        for result in results:
            groups.setdefault(sources[result.file], []).append(result)
        return {
            name: _fall_figures(score_events(group, recognizer.info, seed))
            for name, group in groups.items()
        }

    return RealStudy(
        report,
        figures(by_model),
        figures(by_rule),
        None if net is None else figures(by_net),
        {result.file: result for result in by_model},
        tracks,
    )


def _fall_figures(report: EventReport) -> dict[str, Figure]:
    an_hour = report.figures["false_falls_per_hour"]
    a_day = Figure(
        None if an_hour.value is None else an_hour.value * _HOURS_A_DAY,
        None
        if an_hour.interval is None
        else (an_hour.interval[0] * _HOURS_A_DAY, an_hour.interval[1] * _HOURS_A_DAY),
        an_hour.counts,
    )
    found = {**report.figures, "false_falls_per_camera_day": a_day}
    return {name: found[name] for name in FALL_FIGURES}
