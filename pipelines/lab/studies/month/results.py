"""What each method found in an hour, and the file that keeps it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from models.person.pose_picture import STEP_S
from pipelines.clock import ns_to_seconds
from pipelines.lab.studies.kept_results import KeptResults
from pipelines.lab.studies.matching import Episode, match_falls
from pipelines.lab.studies.month.hours import SeenHour

RESULTS_NAME = "month.jsonl"
_BEFORE_S = 0.5  # the scores rise this long after what causes it


@final
@dataclass(frozen=True, slots=True)
class FalseFall:
    """An event that touches no fall: when, and what the person really did."""

    start_s: float
    decided_s: float
    activity: str
    label: str


@final
@dataclass(frozen=True, slots=True)
class Found:
    """What one method found in an hour.

    Attributes:
        delays_s: Seconds from onset to decision of each fall found.
        false: Events that touch no fall.
        repeated: Events that touch a fall that was found already.
    """

    delays_s: tuple[float, ...]
    false: tuple[FalseFall, ...]
    repeated: int


@final
@dataclass(frozen=True, slots=True)
class HourResult:
    """An hour's result.

    Attributes:
        index: Number of the hour in the month.
        seconds: Length of the hour.
        falls: Number of its falls.
        spent_s: Seconds of each label.
        found: What each method found, by the method's name.
    """

    index: int
    seconds: float
    falls: int
    spent_s: Mapping[str, float]
    found: Mapping[str, Found]


def hour_result(hour: SeenHour, falls: Mapping[str, Sequence[Episode]]) -> HourResult:
    """Compare the falls that each method found with the truth."""
    counts = Counter(hour.run.labels)
    return HourResult(
        hour.plan.index,
        hour.steps * STEP_S,
        len(hour.truth.falls),
        {label: count * STEP_S for label, count in counts.most_common()},
        {name: _found(hour, episodes) for name, episodes in falls.items()},
    )


def _found(hour: SeenHour, episodes: Iterable[Episode]) -> Found:
    matching = match_falls(hour.truth, episodes)
    return Found(
        tuple(round(found.delay_s, 3) for found in matching.found),
        tuple(_false(hour, episode) for episode in matching.false),
        len(matching.repeated),
    )


def _false(hour: SeenHour, episode: Episode) -> FalseFall:
    start_s = ns_to_seconds(episode.start_ns)
    cause_s = max(0.0, start_s - _BEFORE_S)
    return FalseFall(
        start_s,
        ns_to_seconds(episode.decided_ns),
        hour.activities.at(cause_s),
        hour.run.labels[int(cause_s / STEP_S)],
    )


def open_results(
    path: Path, identity: Mapping[str, Any]
) -> KeptResults[int, HourResult]:
    """Open the results of a month; ``identity`` is what the month is.

    Raises:
        PipelineError: If the file holds another study, or is damaged.
        FolderError: If the file cannot be written.
    """
    return KeptResults(path, identity, _hour, lambda result: result.index)


def _hour(kept: dict[str, Any]) -> HourResult:
    found = {
        name: Found(
            tuple(each["delays_s"]),
            tuple(FalseFall(**false) for false in each["false"]),
            each["repeated"],
        )
        for name, each in kept.pop("found").items()
    }
    return HourResult(**kept, found=found)
