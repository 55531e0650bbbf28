"""What was amiss with a recording, in one line."""

from dataclasses import dataclass

from pipelines.errors import SourceUnreadable

UNWATCHED_LIMIT_RATIO = 0.05
"""A larger share of pictures that were not watched makes a result worthless."""


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """Counts of a recording's pictures.

    Attributes:
        pictures: How many were decoded.
        missed: How many are stored in the file and were not decoded.
        displaced: How many had no time, or one that did not rise.
        stray: How many times jumped away from those of their neighbours.
        continued: How many times started again or ran backwards.
        stored: How many are stored in the file; 0 if that is not known.
        assumed_rate_hz: The rate that gave every picture its time, if none had one.
        rate_told: Whether the recording itself tells that rate.
    """

    pictures: int = 0
    missed: int = 0
    displaced: int = 0
    stray: int = 0
    continued: int = 0
    stored: int = 0
    assumed_rate_hz: float | None = None
    rate_told: bool = False

    @property
    def unwatched_ratio(self) -> float:
        """Share of the stored pictures that were not watched."""
        return self.missed / max(1, self.pictures + self.missed)

    @property
    def line(self) -> str:
        """What was amiss and what was done; empty if nothing was."""
        whole = self.stored or self.pictures
        parts = []
        if self.assumed_rate_hz is not None:
            source = "as the file says" if self.rate_told else "assumed"
            rate = f"{self.assumed_rate_hz:.4g} pictures a second, {source}"
            none = f"none of {whole} pictures" if whole else "no picture"
            parts.append(f"{none} has a time: taken as {rate}")
        if self.stray:
            jump = f"the times of {self.stray} of {whole} pictures jump away"
            parts.append(f"{jump} and were put between their neighbours'")
        if self.continued:
            back = f"the times of {self.continued} of {whole} pictures start again"
            parts.append(f"{back} or run backwards and were continued from the last")
        if self.displaced:
            none = f"{self.displaced} of {whole} pictures have no time of their own"
            parts.append(f"{none} and were put after the one before")
        if self.missed:
            share = f"{self.unwatched_ratio:.1%}"
            parts.append(f"{self.missed} of {whole} pictures are not decoded ({share})")
        return "; ".join(parts)

    def refuse_unwatched(self, source: str) -> None:
        """Refuse a recording too much of which was not watched.

        Raises:
            SourceUnreadable: If more than ``UNWATCHED_LIMIT_RATIO`` was not.
        """
        if self.unwatched_ratio > UNWATCHED_LIMIT_RATIO:
            limit = f"more than the {UNWATCHED_LIMIT_RATIO:.0%} that may be"
            raise SourceUnreadable(source, f"{self.line}: {limit}")
