"""The result of each case, and the file that keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from pipelines.lab.simulation.pair import PairKind
from pipelines.lab.studies.kept_results import KeptResults
from pipelines.lab.studies.pairs.sightings import FallSight
from pipelines.live.events.settings import EventSettings

RESULTS_NAME = "pairs.jsonl"
_EVENTS = EventSettings()
_LONG_BEFORE_S = 1.0
"""A score that is high for longer is too old for ``onset_within_s`` when *falling* is
recognised, some two seconds after the onset."""


@final
@dataclass(frozen=True, slots=True)
class FalseFall:
    """An event without a fall.

    Attributes:
        start_s: Its onset according to the scores.
        decided_s: When it was decided.
        watched: What the watched person did when it was decided.
        companion: What the other did.
    """

    start_s: float
    decided_s: float
    watched: str
    companion: str


@final
@dataclass(frozen=True, slots=True)
class TrueFall:
    """A fall that happened.

    Attributes:
        onset_s: Its onset.
        down_s: When the body was down.
        delay_s: Seconds from the onset to the decision; None if it was missed.
        peak_score: If missed, the highest score of the event.
        falling_score: The highest score of *falling* until 3 s after the body was down.
        before_s: How long the event's score had been high when the fall began.
        was_open: Whether an earlier event was still open then.
        seen: If missed, the most common label of the windows.
        sight: What the finder made of it.
    """

    onset_s: float
    down_s: float
    delay_s: float | None
    peak_score: float
    falling_score: float
    before_s: float
    was_open: bool
    seen: str
    sight: FallSight

    @property
    def reason(self) -> str:
        """Why a fall may have been missed, as far as the record says."""
        if self.sight.loss:
            return self.sight.loss
        if self.was_open:
            return "an earlier false fall was still open"
        if self.before_s >= _LONG_BEFORE_S:
            return "somebody seemed to lie there before the fall"
        if self.falling_score < _EVENTS.both_score:  # times at most 1
            return "not seen as falling"
        if self.sight.swapped:
            return "continued as the other person"
        if self.sight.changed:
            return "continued as a new person"
        return "seen, but the score was not high for long enough"


@final
@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of a case; a carer's has no fall.

    Attributes:
        kind: The kind of case.
        number: Number of the case among those of its kind.
        name: Name of the case.
        way: The way to fall, or who is beside the carer.
        came_second: Whether the faller came in after the other.
        fall: The fall.
        false: Events that touch no fall.
    """

    kind: PairKind
    number: int
    name: str
    way: str
    came_second: bool
    fall: TrueFall | None
    false: tuple[FalseFall, ...]

    @property
    def is_right(self) -> bool:
        """Whether the fall was found, if there was one, and no false one raised."""
        return not self.false and not self.is_missed

    @property
    def is_missed(self) -> bool:
        """Whether there was a fall, and it was missed."""
        return self.fall is not None and self.fall.delay_s is None


CaseKey = tuple[PairKind, int]


def open_cases(
    path: Path, identity: Mapping[str, Any]
) -> KeptResults[CaseKey, CaseResult]:
    """Open the results of a study; ``identity`` is what the study is.

    Raises:
        PipelineError: If the file holds another study, or is damaged.
        FolderError: If the file cannot be written.
    """
    return KeptResults(path, identity, _case, lambda case: (case.kind, case.number))


def _case(kept: dict[str, Any]) -> CaseResult:
    fall, false = kept.pop("fall"), kept.pop("false")
    if fall is not None:
        fall = TrueFall(sight=FallSight(**fall.pop("sight")), **fall)
    return CaseResult(
        **kept, fall=fall, false=tuple(FalseFall(**each) for each in false)
    )
