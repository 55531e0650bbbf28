"""Sensitivity and specificity of falls by the wearable alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from pipelines.lab.data.trials.trial import WearableTrial
from pipelines.lab.studies.figures import Figure, proportion, rate

_S_PER_HOUR = 3600.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class WearableReport:
    """What one way to find falls made of some trials.

    Attributes:
        figures: ``sensitivity``, the share of falls with a reported fall;
            ``specificity``, the share of activities without; and
            ``false_falls_per_hour`` of the activities.
        falls: Number of falls.
        activities: Number of activities.
        raised: Activities that raised a fall, and of how many, by name.
    """

    figures: Mapping[str, Figure]
    falls: int
    activities: int
    raised: Mapping[str, tuple[int, int]]


def report_trials(
    trials: Sequence[WearableTrial], falls: Sequence[Sequence[float]]
) -> WearableReport:
    """Sum up the trials, each with the times of its reported falls."""
    both = list(zip(trials, falls, strict=True))
    fallen = [(trial, times) for trial, times in both if trial.is_fall]
    active = [(trial, times) for trial, times in both if not trial.is_fall]
    hours = sum(trial.seconds for trial, _ in active) / _S_PER_HOUR
    found = sum(bool(times) for _, times in fallen)
    quiet = sum(not times for _, times in active)
    false = sum(len(times) for _, times in active)
    raised: dict[str, tuple[int, int]] = {}
    for trial, times in active:
        some, of = raised.get(trial.activity, (0, 0))
        raised[trial.activity] = some + bool(times), of + 1
    return WearableReport(
        {
            "sensitivity": proportion(("found", found), ("falls", len(fallen))),
            "specificity": proportion(("quiet", quiet), ("activities", len(active))),
            "false_falls_per_hour": rate(("false", false), ("hours", hours)),
        },
        len(fallen),
        len(active),
        {name: counts for name, counts in sorted(raised.items()) if counts[0]},
    )


def report_groups(
    trials: Sequence[WearableTrial], falls: Sequence[Sequence[float]]
) -> dict[str, WearableReport]:
    """Sum up the trials of each group."""
    both = list(zip(trials, falls, strict=True))
    groups = dict.fromkeys(trial.group for trial in trials)
    return {
        group: report_trials(
            [trial for trial, _ in both if trial.group == group],
            [times for trial, times in both if trial.group == group],
        )
        for group in groups
    }


def report_json(report: WearableReport) -> dict[str, object]:
    """Return a report in JSON types."""
    return {
        **{name: figure.value for name, figure in report.figures.items()},
        "falls": report.falls,
        "activities": report.activities,
        "intervals": {name: each.interval for name, each in report.figures.items()},
        "raised_by": {name: list(counts) for name, counts in report.raised.items()},
    }
