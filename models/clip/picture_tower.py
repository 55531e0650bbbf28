"""The seam between CLIP and what computes its picture tower.

    pictures ──PictureTower──▶ features
               torch             the model itself (``models.clip.encoder``)
               openvino          the same computation  ┐
               openvino-bf16     in 16 bits            ├ ``models.clip.openvino_tower``
               openvino-int8     in 8 bits, from files ┘

``models.clip.backend`` chooses one.
"""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

Backend = Literal["auto", "torch", "openvino", "openvino-bf16", "openvino-int8"]
"""What computes the picture tower; ``auto`` takes the fastest of those that are safe:
see ``models.clip.backend``."""


@runtime_checkable  # annotations are checked at run time under test
class PictureTower(Protocol):
    """A picture tower with its projection.

    Attributes:
        backend: Its name among ``Backend``.
        variant: What tells its scores from those of torch; empty if they are equal but
            for rounding in float32. It is part of the key of calibrations and of drift.
    """

    @property
    def backend(self) -> str: ...  # noqa: D102 described above

    @property
    def variant(self) -> str: ...  # noqa: D102 described above

    def __call__(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """Encode RGB pictures of the model's own size as rows of unit norm."""
        ...
