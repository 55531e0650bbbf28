"""Report of a recording's faults, in one line."""

from dataclasses import dataclass

from pipelines.errors import SourceUnreadable

UNWATCHED_LIMIT_RATIO = 0.05
"""Largest share of undecoded pictures with which a result is still meaningful."""


@dataclass(frozen=True, slots=True)
class RecordingReport:
    """Counts of a recording's pictures.

    Attributes:
        pictures: Number of decoded pictures.
        missed: Number of stored pictures that were not decoded.
        displaced: Number of pictures without a time, or whose time did not increase.
        stray: Number of times that jumped away from those of their neighbours.
        continued: Number of times that restarted or ran backwards.
        stored: Number of pictures in the file; 0 if unknown.
        assumed_rate_hz: Frame rate from which all times were computed; None if the
            file has times.
        rate_stored: Whether that rate is stored in the recording.
    """

    pictures: int = 0
    missed: int = 0
    displaced: int = 0
    stray: int = 0
    continued: int = 0
    stored: int = 0
    assumed_rate_hz: float | None = None
    rate_stored: bool = False

    @property
    def unwatched_ratio(self) -> float:
        """Share of the stored pictures that were not decoded, 0 to 1."""
        return self.missed / max(1, self.pictures + self.missed)

    @property
    def line(self) -> str:
        """The faults and their repairs, for people; empty if there is no fault."""
        whole = self.stored or self.pictures
        parts = []
        if self.assumed_rate_hz is not None:
            source = "as the file says" if self.rate_stored else "assumed"
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
        """Raise an error if too many pictures were not decoded.

        Raises:
            SourceUnreadable: If the share is above ``UNWATCHED_LIMIT_RATIO``.
        """
        if self.unwatched_ratio > UNWATCHED_LIMIT_RATIO:
            limit = f"more than the allowed {UNWATCHED_LIMIT_RATIO:.0%}"
            raise SourceUnreadable(source, f"{self.line}: {limit}")
