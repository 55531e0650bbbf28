"""Windows of samples, for a subject with a wearable and no camera.

The grid is the same as for cameras: windows end at every tick that the stride divides,
counted from the epoch, and span the same time as the frames of a camera's window. A
window is due once a sample at or after its end has arrived. Where the wearable was
silent, there is no window.
"""

from typing import final

import numpy as np

from pipelines.live.windows.assembler import WindowSettings
from pipelines.records import Clip
from pipelines.sources.wearable.buffer import ImuBuffer

_NO_FEATURES = np.zeros((0, 0), np.float32)


@final
class WearableWindows:
    """Assembler of one wearable's samples into clips."""

    def __init__(
        self, subject_id: str, settings: WindowSettings, imu: ImuBuffer
    ) -> None:
        self._subject_id, self._settings, self._imu = subject_id, settings, imu
        self._tick: int | None = None

    def pop_due(self) -> list[Clip]:
        """Return the clips that became due, oldest first."""
        newest_ns = self._imu.newest_ns
        if newest_ns is None:
            return []
        last = newest_ns // self._settings.step_ns
        oldest = last - self._settings.frames  # at most one window of a burst
        first = last if self._tick is None else max(self._tick + 1, oldest)
        self._tick = max(last, self._tick or last)
        ticks = range(first, last + 1)
        due = [tick for tick in ticks if tick % self._settings.stride_frames == 0]
        clips = [self._clip(tick) for tick in due]
        return [clip for clip in clips if clip is not None]

    def _clip(self, tick: int) -> Clip | None:
        end_ns = tick * self._settings.step_ns
        start_ns = end_ns - (self._settings.frames - 1) * self._settings.step_ns
        imu = self._imu.upright_slice(start_ns, end_ns)
        if imu is None:
            return None
        samples, rate_hz = imu
        return Clip(
            subject_id=self._subject_id,
            start_ns=start_ns,
            end_ns=end_ns,
            features=_NO_FEATURES,
            slots=(),
            imu=samples,
            imu_rate_hz=rate_hz,
            missing_frames=0,
            partial=False,
        )
