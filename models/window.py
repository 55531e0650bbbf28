"""What a window holds when it comes to be recognised: features, samples, or both.

Imports no torch, for the records of the pipelines speak of modalities too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float32

Modality = Literal["video", "imu", "fused"]
"""What an answer rests on."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window.

    Attributes:
        features: What the recogniser made of its frames, in time order; none where
            there is no camera.
        slots: The place of each of these frames in the whole window.
        imu: Acceleration with gravity in m/s² and turn rate in rad/s, from the first
            frame to the last; None where the wearable was silent or there is none.
        imu_rate_hz: Samples per second.

    Raises:
        ValueError: If there is not a slot for each frame.
    """

    features: Float32[np.ndarray, "time ..."]
    slots: Sequence[int]
    imu: Float32[np.ndarray, "sample 6"] | None = None
    imu_rate_hz: float | None = None

    def __post_init__(self) -> None:
        if len(self.features) != len(self.slots):
            msg = f"{len(self.features)} frames in {len(self.slots)} slots"
            raise ValueError(msg)
