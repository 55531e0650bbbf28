"""What each method found in an hour, and the file that keeps it.

The file has a JSON object a line: first what the month is, then one for each hour.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from models.person.pose_picture import STEP_S
from pipelines.clock import ns_to_seconds
from pipelines.errors import PipelineError
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


@final
class ResultFile:
    """The results of a month, kept so that an interrupted run can go on.

    Args:
        path: The file; created if missing.
        identity: What the month is, in JSON types.

    Raises:
        PipelineError: If the file holds another month, or is damaged.
        FolderError: If the file cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self._path = path
        self.done: dict[int, HourResult] = {}
        if path.exists():
            self._read(dict(identity))
        else:
            path.write_text(json.dumps(identity) + "\n")

    def add(self, results: Iterable[HourResult]) -> None:
        """Append hours."""
        with self._path.open("a") as file:
            for result in results:
                self.done[result.index] = result
                file.write(json.dumps(asdict(result)) + "\n")

    def _read(self, identity: dict[str, Any]) -> None:
        """Read the hours; drop a last line that an interrupted run left unfinished."""
        text = self._path.read_text(encoding="utf-8", errors="replace")
        whole, _, rest = text.rpartition("\n")
        if rest:
            self._path.write_text(whole + "\n")
        try:
            first, *hours = map(json.loads, whole.splitlines())
            if first != json.loads(json.dumps(identity)):
                msg = f"{self._path}: holds another month; choose another folder"
                raise PipelineError(msg)
            for each in hours:
                result = _hour(each)
                self.done[result.index] = result
        except (ValueError, KeyError, TypeError) as err:
            msg = f"{self._path}: is damaged; remove it or choose another folder"
            raise PipelineError(msg) from err


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
