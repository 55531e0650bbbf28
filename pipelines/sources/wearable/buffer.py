"""Buffer of one wearable's recent samples, which returns evenly spaced slices.

Batches may arrive late, twice or out of order: the content does not depend on the order
of arrival.
"""

from typing import final

import numpy as np
from jaxtyping import Float32, Int64

from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.records import ImuBatch
from pipelines.sources.wearable.upright import UprightEstimator, turn_upright
from pipelines.sources.wearable.worn import WornDetector

HISTORY_S = 3.0
"""Time before a window whose samples go with it, in seconds. What led to a posture
tells a fall from lying down."""

_AXES = 6


@final
class ImuBuffer:
    """Buffer of the samples of the last ``horizon_s`` seconds of one device.

    Args:
        rate_hz: Sample rate of the slices, in hertz.
        horizon_s: Length of the buffer in seconds, back from the newest sample.
        reach_s: Longest distance from a point of a slice to its nearest sample, in
            seconds; with a greater distance the slice has a gap, and is None. Values
            between samples are interpolated; after the last sample they are constant.
        upright: Estimator that learns which way is up; a new one by default.

    Attributes:
        duplicates: Number of samples dropped because their time was in the buffer.
        late: Number of samples dropped because they were older than the horizon.
        changes: Number of merged batches; the content changes only with it.
        upright: Estimator of the upward direction, which learns from new samples.
        worn: Detector of whether the device is worn.

    Raises:
        ValueError: If an argument is not positive.
    """

    def __init__(
        self,
        *,
        rate_hz: float = 50.0,
        horizon_s: float = 30.0,
        reach_s: float = 0.25,
        upright: UprightEstimator | None = None,
    ) -> None:
        if min(rate_hz, horizon_s, reach_s) <= 0:
            msg = (
                "rate_hz, horizon_s and reach_s must be positive,"
                f" got {rate_hz}, {horizon_s}, {reach_s}"
            )
            raise ValueError(msg)
        self._rate_hz = rate_hz
        self._horizon_ns = seconds_to_ns(horizon_s)
        self._reach_ns = seconds_to_ns(reach_s)
        self._times_ns: Int64[np.ndarray, " sample"] = np.empty(0, np.int64)
        self._values: Float32[np.ndarray, "sample 6"] = np.empty((0, _AXES), np.float32)
        self.duplicates = 0
        self.late = 0
        self.changes = 0
        self.upright = upright or UprightEstimator()
        self.worn = WornDetector()

    def __len__(self) -> int:
        return len(self._times_ns)

    @property
    def is_used(self) -> bool:
        """Whether the samples say anything of a person: not of a device on a table."""
        return self.worn.state != "not worn"

    @property
    def newest_ns(self) -> int | None:
        """Time of the newest sample; None while empty."""
        return int(self._times_ns[-1]) if len(self) else None

    def add(self, batch: ImuBatch) -> None:
        """Merge a batch; drop and count samples that are duplicate or too old."""
        times_ns = batch.timestamps_ns
        if not len(times_ns):
            return
        self.changes += 1
        values = np.hstack([batch.accel_mps2, batch.gyro_radps])
        newest_ns = self.newest_ns
        if newest_ns is not None:
            fresh = times_ns >= newest_ns - self._horizon_ns
            self.late += int(np.count_nonzero(~fresh))
            times_ns, values = times_ns[fresh], values[fresh]
        merged_ns = np.concatenate([self._times_ns, times_ns])
        newer = times_ns > (-1 if newest_ns is None else newest_ns)
        self.upright.add(times_ns[newer], values[newer, :3])
        self.worn.add(times_ns[newer], values[newer, :3])
        # np.unique keeps the first of equal times: the one already in the buffer.
        self._times_ns, chosen = np.unique(merged_ns, return_index=True)
        self._values = np.concatenate([self._values, values])[chosen]
        self.duplicates += len(merged_ns) - len(chosen)
        self._forget_old()

    def slice(
        self, start_ns: int, end_ns: int
    ) -> tuple[Float32[np.ndarray, "sample 6"], float] | None:
        """Return evenly spaced samples of ``[start_ns, end_ns)``, at least one.

        Sample k has the time ``start_ns`` + k / rate; its columns are acceleration
        (x, y, z, m/s²) and turn rate (x, y, z, rad/s).

        Returns:
            The samples and their rate in hertz, or None if there is a gap.

        Raises:
            ValueError: If the span ends before it starts.
        """
        if end_ns < start_ns:
            msg = f"the span ends before it starts: {end_ns} < {start_ns} ns"
            raise ValueError(msg)
        if not len(self):
            return None
        points_ns = self._points_ns(start_ns, end_ns)
        if np.any(self._distance_ns(points_ns) > self._reach_ns):
            return None
        return self._values_at(points_ns), self._rate_hz

    def upright_slice(
        self, start_ns: int, end_ns: int
    ) -> tuple[Float32[np.ndarray, "sample 6"], float] | None:
        """Return a slice with z up, and with the time before it.

        The samples reach back up to ``HISTORY_S`` before ``start_ns``, to the last gap
        at most. The last of them are those of ``slice``, turned.

        Returns:
            The samples and their rate in hertz, or None if there is a gap in
            ``[start_ns, end_ns)``, or if the device is not worn.

        Raises:
            ValueError: If the span ends before it starts.
        """
        own = self.slice(start_ns, end_ns)
        if own is None or not self.is_used:
            return None
        steps = np.arange(round(HISTORY_S * self._rate_hz), 0, -1)
        points_ns = start_ns - self._steps_ns(steps)
        gaps = np.flatnonzero(self._distance_ns(points_ns) > self._reach_ns)
        before = self._values_at(points_ns[gaps[-1] + 1 if len(gaps) else 0 :])
        samples = np.concatenate((before, own[0]))
        return turn_upright(samples, self.upright.up_at(end_ns)), self._rate_hz

    def gap_began_ns(self, start_ns: int, end_ns: int) -> int | None:
        """Return the beginning of a slice's first gap, which may be before its start.

        A gap begins ``reach_s`` after the last sample before it, or at 0 if there is no
        such sample. None if ``slice`` would return samples.
        """
        if not len(self):
            return 0
        points_ns = self._points_ns(start_ns, end_ns)
        gaps_ns = points_ns[self._distance_ns(points_ns) > self._reach_ns]
        if not len(gaps_ns):
            return None
        before = int(np.searchsorted(self._times_ns, gaps_ns[0]))
        return int(self._times_ns[before - 1]) + self._reach_ns if before else 0

    def _points_ns(self, start_ns: int, end_ns: int) -> Int64[np.ndarray, " point"]:
        """Return the times of a slice's samples, at least one."""
        count = max(1, round((end_ns - start_ns) * self._rate_hz / NS_PER_S))
        points_ns: Int64[np.ndarray, " point"] = start_ns + self._steps_ns(
            np.arange(count)
        )
        return points_ns

    def _steps_ns(
        self, steps: Int64[np.ndarray, " point"]
    ) -> Int64[np.ndarray, " point"]:
        """Return the time of some steps of a slice."""
        times_ns: Int64[np.ndarray, " point"] = np.rint(
            steps * (NS_PER_S / self._rate_hz)
        ).astype(np.int64)
        return times_ns

    def _values_at(
        self, points_ns: Int64[np.ndarray, " point"]
    ) -> Float32[np.ndarray, "point 6"]:
        """Interpolate the samples; after the last one they are constant."""
        # float64 resolves nanoseconds from the first sample, but not in UTC
        origin_ns = self._times_ns[0]
        known_s = (self._times_ns - origin_ns) / NS_PER_S
        points_s = (points_ns - origin_ns) / NS_PER_S
        columns = [np.interp(points_s, known_s, axis) for axis in self._values.T]
        return np.stack(columns, axis=1).astype(np.float32)

    def _distance_ns(
        self, points_ns: Int64[np.ndarray, " point"]
    ) -> Int64[np.ndarray, " point"]:
        """Return the distance from each point to its nearest sample."""
        last = len(self) - 1
        after = np.searchsorted(self._times_ns, points_ns)
        ahead = np.abs(self._times_ns[np.minimum(after, last)] - points_ns)
        behind = np.abs(self._times_ns[np.maximum(after - 1, 0)] - points_ns)
        nearest: Int64[np.ndarray, " point"] = np.minimum(ahead, behind)
        return nearest

    def _forget_old(self) -> None:
        first = np.searchsorted(self._times_ns, self._times_ns[-1] - self._horizon_ns)
        self._times_ns = self._times_ns[first:]
        self._values = self._values[first:]
