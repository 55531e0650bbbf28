"""Windows on the frame grid: the frames of each clip, and when the clip is due.

With 4 frames and a stride of 2, and a gap at tick 3, four windows end at ticks 0, 2,
4, 6 and a last one at the end of the stream:

    tick   0  1  2  3  4  5  6  7
    frame  a  b  c  .  e  f  g  h
           a                        partial: the window starts before the stream
           a  b  c                  partial
              b  c  .  e            missing 1
                    .  e  f  g      missing 1
                       e  f  g  h   the stream ends off the stride

If several people are in view, each has features of their own on the same grid. A clip
holds those of the person followed longest, and the clips of the others beside it.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from pipelines.clock import seconds_to_ns
from pipelines.records import Clip, FrameFeature
from pipelines.sources.wearable.buffer import ImuBuffer


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """The frame grid and the windows on it.

    Attributes:
        frames: Grid steps in a window, at least 1.
        seconds: Length of a window in seconds; one step is ``seconds / frames``.
        stride_frames: Grid steps from one window to the next, 1 to ``frames``.

    Raises:
        ValueError: If a value is out of its range.
    """

    frames: int = 8
    seconds: float = 3.0
    stride_frames: int = 1

    def __post_init__(self) -> None:
        if self.frames < 1:
            msg = f"frames must be at least 1, got {self.frames}"
            raise ValueError(msg)
        if not 0.0 < self.seconds < float("inf"):
            msg = f"seconds must be positive and finite, got {self.seconds}"
            raise ValueError(msg)
        if not 1 <= self.stride_frames <= self.frames:
            msg = f"stride_frames must be 1 to {self.frames}, got {self.stride_frames}"
            raise ValueError(msg)

    @property
    def step_ns(self) -> int:
        """Length of one grid step in nanoseconds."""
        return seconds_to_ns(self.seconds / self.frames)


@final
class WindowAssembler:
    """Assembler of one subject's frame features into clips.

    A window ends at every tick that the stride divides. It is due when that tick's
    features arrive, or when later ones show that the tick is a gap. A gap as long as a
    window ends the stream, and the next features begin a new stream.

    Args:
        subject_id: The subject.
        settings: The windows.
        imu: The subject's wearable, if it has one.
    """

    def __init__(
        self,
        subject_id: str,
        settings: WindowSettings,
        imu: ImuBuffer | None = None,
    ) -> None:
        self._subject_id = subject_id
        self._settings = settings
        self._imu = imu
        self._first_ticks: dict[int, int] = {}
        """The tick since which each person of the latest features is in view."""
        self._held: deque[tuple[FrameFeature, ...]] = deque()

    def add(self, *features: FrameFeature) -> list[Clip]:
        """Add the next features; return the clips that became due, oldest first.

        Args:
            features: One of each person in view, of one tick, the leading person first;
                at least one.

        Raises:
            ValueError: If the tick is not after that of the features before.
        """
        tick = features[0].tick
        clips = []
        if self._held:
            last_tick = self._held[-1][0].tick
            if tick <= last_tick:
                msg = f"{self._subject_id}: tick {tick} came after tick {last_tick}"
                raise ValueError(msg)
            if tick - last_tick > self._settings.frames:
                clips = self.flush()
            else:
                gaps = range(last_tick + 1, tick)
                clips = [self._clip(gap) for gap in gaps if self._is_due(gap)]
        self._first_ticks = {
            feature.person: self._first_ticks.get(feature.person, tick)
            for feature in features
        }
        self._held.append(features)
        self._forget_before(tick - self._settings.frames + 1)
        if self._is_due(tick):
            clips.append(self._clip(tick))
        return clips

    def flush(self) -> list[Clip]:
        """End the stream; return a final clip if the last feature is in no clip yet.

        The next feature begins a new stream; its tick may be smaller.
        """
        clips = []
        if self._held and not self._is_due(self._held[-1][0].tick):
            clips.append(self._clip(self._held[-1][0].tick))
        self._held.clear()
        self._first_ticks.clear()
        return clips

    def _is_due(self, tick: int) -> bool:
        return tick % self._settings.stride_frames == 0

    def _forget_before(self, tick: int) -> None:
        while self._held[0][0].tick < tick:
            self._held.popleft()

    def _clip(self, last_tick: int) -> Clip:
        """Return the clip that ends at ``last_tick``; no held feature may be later."""
        newest = self._held[-1]
        leading, *others = (self._clip_of(each.person, last_tick) for each in newest)
        imu = (
            None
            if self._imu is None
            else self._imu.upright_slice(leading.start_ns, leading.end_ns)
        )
        samples, rate_hz = imu or (None, None)
        return replace(leading, imu=samples, imu_rate_hz=rate_hz, others=tuple(others))

    def _clip_of(self, person: int, last_tick: int) -> Clip:
        """Return a clip, without samples, of a person of the newest features."""
        begin_tick = last_tick - self._settings.frames + 1
        held = [
            feature
            for features in self._held
            for feature in features
            if feature.person == person and feature.tick >= begin_tick
        ]
        first_tick = self._first_ticks[person]
        return Clip(
            subject_id=self._subject_id,
            start_ns=held[0].timestamp_ns,
            end_ns=held[-1].timestamp_ns,
            features=np.stack([feature.feature for feature in held]),
            slots=tuple(feature.tick - begin_tick for feature in held),
            imu=None,
            imu_rate_hz=None,
            missing_frames=last_tick - max(begin_tick, first_tick) + 1 - len(held),
            partial=begin_tick < first_tick,
            person=person,
            is_seen=held[-1].is_seen,
        )
