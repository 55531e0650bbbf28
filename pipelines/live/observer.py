"""The chain's measurements, for metrics, benchmarks and tests."""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

from pipelines.records import SourceKey


@runtime_checkable  # annotations are checked at run time under test
class Observer(Protocol):
    """Receiver of the chain's measurements; must return at once and not raise."""

    def encoded(self, *, frames: int, reused: int, span_ns: int) -> None:
        """Record one round of encoding."""
        ...

    def classified(self, *, clips: int, span_ns: int) -> None:
        """Record one request to classify and its duration in nanoseconds."""
        ...

    def predicted(self, subject_id: str, *, age_ns: int) -> None:
        """Record the age of a prediction's newest frame, less the wait for a wearable.

        The age has no meaning for recordings.
        """
        ...

    def waited(self, subject_id: str, *, wait_ns: int, expired: bool) -> None:
        """Record the time for which a window waited for its wearable.

        The wait expired if the window left without the samples.
        """
        ...

    def thinned(self, *, frames: int) -> None:
        """Record pictures that were left out because of an overload."""
        ...

    def dropped(self, source: SourceKey, *, frames: int) -> None:
        """Record further frames that a source's full buffer dropped."""
        ...


@final
@dataclass(slots=True)
class Tally:
    """An ``Observer`` that sums the measurements.

    Attributes:
        frames_encoded: Pictures that went through the encoder.
        frames_reused: Unchanged pictures that reused a feature.
        frames_thinned: Pictures that were left out because of an overload.
        frames_dropped: Pictures that full buffers dropped.
        clips: Clips classified.
        encode_ns: Time spent waiting for features.
        classify_ns: Time spent waiting for scores.
        longest_age_ns: Greatest age of a newest frame when its prediction was made,
            less the wait for a wearable.
        waits: Number of windows that waited for their wearable.
        expired_waits: Number of windows that waited and left without the samples.
        longest_wait_ns: Longest wait.
    """

    frames_encoded: int = 0
    frames_reused: int = 0
    frames_thinned: int = 0
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

    def thinned(self, *, frames: int) -> None:
        """Add pictures that were left out."""
        self.frames_thinned += frames

    def dropped(self, source: SourceKey, *, frames: int) -> None:
        """Add dropped frames."""
        self.frames_dropped += frames
