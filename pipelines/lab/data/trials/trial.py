"""One trial of a public set: samples of one worn sensor, and what the person did."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

STANDARD_GRAVITY_MPS2 = 9.80665


@dataclass(frozen=True, slots=True, eq=False)
class WearableTrial:
    """Samples of one sensor while a person did one thing.

    Attributes:
        name: Name of the trial in its set.
        person: Name of the person in the set.
        group: The group that the person belongs to, such as an age group.
        activity: What the person did, in the set's own words.
        is_fall: Whether it was a fall.
        place: Where the sensor was worn.
        times_s: Time of each sample since the first of the trial; times increase.
        accel_mps2: Acceleration with gravity.
        gyro_radps: Turn rate at the same times; None if the sensor has no gyroscope.
    """

    name: str
    person: str
    group: str
    activity: str
    is_fall: bool
    place: str
    times_s: Float64[np.ndarray, " sample"]
    accel_mps2: Float32[np.ndarray, "sample 3"]
    gyro_radps: Float32[np.ndarray, "sample 3"] | None

    @property
    def seconds(self) -> float:
        """Time from the first to the last sample."""
        return float(self.times_s[-1] - self.times_s[0]) if len(self.times_s) else 0.0
