"""How much of a day a subject was watched, and why not for the rest. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, final

from services.store.coverage import Covered

WATCHED: Final = "online"


@final
@dataclass(frozen=True, slots=True)
class Share:
    """A part of the time that is known of a subject's day.

    Attributes:
        reason: ``online``, or what was wrong.
        seconds: Its length.
        start: Share of the known time before it, 0 to 1.
        share: Its share of the known time, 0 to 1.
    """

    reason: str
    seconds: float
    start: float
    share: float


@final
@dataclass(frozen=True, slots=True)
class DayCoverage:
    """A subject's day; ``shares`` begins with the watched time and sums to 1."""

    subject_id: str
    seconds: float
    shares: tuple[Share, ...]

    @property
    def watched(self) -> float:
        """Share of the known time that was watched, 0 to 1."""
        return sum(part.share for part in self.shares if part.reason == WATCHED)


def coverage_of(
    parts: Iterable[Covered], subject_ids: Sequence[str]
) -> list[DayCoverage]:
    """Return the day of each subject, in their order; without any part it is empty."""
    of_subject: dict[str, list[Covered]] = {name: [] for name in subject_ids}
    for part in parts:
        if part.subject_id in of_subject and part.seconds > 0:
            of_subject[part.subject_id].append(part)
    return [_day_of(name, of_subject[name]) for name in subject_ids]


def _day_of(subject_id: str, parts: list[Covered]) -> DayCoverage:
    total = sum(part.seconds for part in parts)
    parts.sort(key=lambda part: (part.reason != WATCHED, -part.seconds))
    shares, before = [], 0.0
    for part in parts:
        share = part.seconds / total
        shares.append(Share(part.reason, part.seconds, before, share))
        before += share
    return DayCoverage(subject_id, total, tuple(shares))
