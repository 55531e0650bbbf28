"""The worst mistakes of a recogniser, drawn as poses.

Each mistake is a row of stick figures about its moment, with the recogniser's answers::

    false fall    2 s before the decision ─▶ 2.5 s after it
    missed fall   1 s before its onset    ─▶ 3.5 s after it
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from matplotlib.axes import Axes

from pipelines.clock import seconds_to_ns
from pipelines.lab.studies.event_report import EventReport, RecordingResult
from pipelines.lab.studies.models.plots import new_figure
from pipelines.lab.studies.pose_track import PoseTrack

MOST = 12
"""Number of mistakes on a page."""

_TILES, _STEP_S = 10, 0.5
_BEFORE_DECISION_S, _BEFORE_ONSET_S = 2.0, 1.0
_LIMBS = (
    *((1, 2), (1, 7), (2, 8), (7, 8)),
    *((1, 3), (3, 5), (2, 4), (4, 6)),
    *((7, 9), (9, 11), (8, 10), (10, 12)),
)
"""Places in ``JOINTS`` that are joined: the trunk, both arms, both legs."""
_LEAST_VISIBLE = 0.1


@final
@dataclass(frozen=True, slots=True)
class Mistake:
    """A false or missed fall.

    Attributes:
        file: The recording.
        text: The kind of mistake and its circumstances, for a person.
        from_s: Time of the first pose that is drawn.
        size: How wrong the score was, 0 to 1.
    """

    file: str
    text: str
    from_s: float
    size: float


def worst_mistakes(report: EventReport) -> list[Mistake]:
    """Return the mistakes of a report, the worst first."""
    false = [
        Mistake(
            each.file,
            f"false fall at {each.decided_s:.1f} s, score {each.peak_confidence:.2f};"
            f" really {each.hard_negative or each.truth}",
            each.decided_s - _BEFORE_DECISION_S,
            each.peak_confidence,
        )
        for each in report.false_falls
    ]
    missed = [
        Mistake(
            each.file,
            f"missed fall at {each.onset_s:.1f} s, highest score {each.peak_score:.2f};"
            f" seen as {each.seen}",
            each.onset_s - _BEFORE_ONSET_S,
            1 - each.peak_score,
        )
        for each in report.missed_falls
    ]
    return sorted([*false, *missed], key=lambda mistake: -mistake.size)


def draw_mistakes(
    mistakes: Sequence[Mistake],
    tracks: Mapping[str, PoseTrack],
    results: Mapping[str, RecordingResult],
    path: Path,
) -> None:
    """Write a page of the first mistakes as a PNG file, or of none.

    Args:
        mistakes: The mistakes, the worst first.
        tracks: The poses of each recording.
        results: What the recogniser said of each recording.
        path: The file; one that exists is replaced.
    """
    shown = mistakes[:MOST]
    figure = new_figure(1.25 * _TILES, 1.75 * max(1, len(shown)) + 0.4)
    figure.set_layout_engine("constrained")
    figure.suptitle(
        f"The worst {len(shown)} of {len(mistakes)} mistakes" if shown else "No mistake"
    )
    rows = figure.subfigures(max(1, len(shown)), squeeze=False)[:, 0]
    for row, mistake in zip(rows, shown, strict=False):
        row.suptitle(f"{mistake.file}: {mistake.text}", fontsize=8, x=0.01, ha="left")
        for place, axes in enumerate(row.subplots(1, _TILES)):
            time_s = mistake.from_s + place * _STEP_S
            _draw_tile(axes, time_s, tracks[mistake.file], results[mistake.file])
    figure.savefig(path, dpi=100)


def _draw_tile(
    axes: Axes, time_s: float, track: PoseTrack, result: RecordingResult
) -> None:
    """Draw the pose and the answer at a moment; nothing outside the recording."""
    axes.set(xlim=(0, 1), ylim=(1, 0), xticks=(), yticks=(), aspect="equal")
    moment_ns = seconds_to_ns(time_s)
    earlier = [each for each in result.predictions if each.end_ns <= moment_ns]
    answer = f"{earlier[-1].label} {earlier[-1].confidence:.2f}" if earlier else ""
    axes.set_xlabel(f"{time_s:.1f} s\n{answer}", fontsize=6)
    step = int(np.searchsorted(track.times_ns, moment_ns))
    if time_s < 0 or step >= len(track.found) or not track.found[step]:
        return
    joints = track.joints[step]
    for one, other in _LIMBS:
        if min(joints[one, 2], joints[other, 2]) >= _LEAST_VISIBLE:
            axes.plot(*joints[[one, other], :2].T, color="tab:blue", linewidth=1.5)
    if joints[0, 2] >= _LEAST_VISIBLE:
        axes.plot(*joints[0, :2], "o", color="tab:orange", markersize=4)
