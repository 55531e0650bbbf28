"""What the chain tells whoever counts: a metrics client, a benchmark, a test."""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from pipelines.records import SourceKey


@runtime_checkable  # annotations are checked at run time under test
class Observer(Protocol):
    """Told what the chain did, as it happens; must return at once and not raise."""

    def encoded(self, *, frames: int, reused: int, span_ns: int) -> None:
        """Take one round of encoding: pictures encoded, pictures lent a feature."""
        ...

    def classified(self, *, clips: int, span_ns: int) -> None:
        """Take one request to classify."""
        ...

    def predicted(self, subject_id: str, *, age_ns: int) -> None:
        """Take the age of a prediction's newest frame, less its wait for a wearable.

        Of no meaning in recordings.
        """
        ...

    def waited(self, subject_id: str, *, wait_ns: int, expired: bool) -> None:
        """Take how long a window waited for its wearable.

        It expired if the window left without the samples.
        """
        ...

    def dropped(self, source: SourceKey, *, frames: int) -> None:
        """Take how many more frames a source's full buffer has let go."""
        ...


@final
@dataclass(slots=True)
class Tally:
    """An ``Observer`` that adds up.

    Attributes:
        frames_encoded: Pictures that went through the encoder.
        frames_reused: Pictures that were lent the feature of an unchanged one.
        frames_dropped: Pictures that full buffers let go.
        clips: Clips classified.
        encode_ns: Time spent waiting for features.
        classify_ns: Time spent waiting for scores.
        longest_age_ns: Greatest age of a newest frame when its prediction was made,
            less the wait for a wearable.
        waits: Windows that waited for their wearable.
        expired_waits: Those of them that left without its samples.
        longest_wait_ns: Greatest wait.
    """

    frames_encoded: int = 0
    frames_reused: int = 0
    frames_dropped: int = 0
    clips: int = 0
    encode_ns: int = 0
    classify_ns: int = 0
    longest_age_ns: int = 0
    waits: int = 0
    expired_waits: int = 0
    longest_wait_ns: int = 0

    def encoded(self, *, frames: int, reused: int, span_ns: int) -> None:
        """Add one round of encoding."""
        self.frames_encoded += frames
        self.frames_reused += reused
        self.encode_ns += span_ns

    def classified(self, *, clips: int, span_ns: int) -> None:
        """Add one request to classify."""
        self.clips += clips
        self.classify_ns += span_ns

    def predicted(self, subject_id: str, *, age_ns: int) -> None:
        """Keep the greatest age."""
        self.longest_age_ns = max(self.longest_age_ns, age_ns)

    def waited(self, subject_id: str, *, wait_ns: int, expired: bool) -> None:
        """Add a window's wait."""
        del subject_id
        self.waits += 1
        self.expired_waits += expired
        self.longest_wait_ns = max(self.longest_wait_ns, wait_ns)

    def dropped(self, source: SourceKey, *, frames: int) -> None:
        """Add frames that were let go."""
        self.frames_dropped += frames
