"""A window to be recognised: features, samples, or both.

Imports no torch, because the records of the pipelines need modalities too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float32

Modality = Literal["video", "imu", "fused"]
"""The data that an answer rests on: camera, wearable, or both."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window.

    Attributes:
        features: The recogniser's features of its frames, in time order; empty without
            a camera.
        slots: The position of each of these frames in a full window.
        imu: Acceleration with gravity in m/s² and turn rate in rad/s, z up, to the last
            frame from the first or up to three seconds before it; None without a
            wearable or while it is silent.
        imu_rate_hz: Samples per second.

    Raises:
        ValueError: If the number of features and slots differ.
    """

    features: Float32[np.ndarray, "time ..."]
    slots: Sequence[int]
    imu: Float32[np.ndarray, "sample 6"] | None = None
    imu_rate_hz: float | None = None

    def __post_init__(self) -> None:
        if len(self.features) != len(self.slots):
            msg = f"{len(self.features)} frames in {len(self.slots)} slots"
            raise ValueError(msg)
