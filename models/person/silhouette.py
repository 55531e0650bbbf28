"""A body cut out of a camera's picture: alone, and upright as in the room.

    picture ─▶ square about the body ─▶ all but the body covered ─▶ smaller picture

The square is not turned with the body, so that somebody who lies is seen lying.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from models.masking.masks import everything_but, fill
from models.person.region import Region

_MARGIN = 1.15
"""Side of the square, relative to the longer side of the body's box."""
_SPECKS = 0.01
"""Share of the mask's pixels that may lie beyond each edge of the body's box."""
_SURE_LOGIT = 8.0  # beyond it, the mask is 0 or 255 out of 255
_HALF = 128


@final
@dataclass(frozen=True, slots=True, eq=False)
class Silhouette:
    """The pixels of a body in a picture.

    Attributes:
        picture: RGB, the picture of the body.
        region: The square part of the picture that the mask covers.
        mask_logits: Logits of the body in each pixel of the region.
    """

    picture: UInt8[np.ndarray, "height width 3"]
    region: Region
    mask_logits: Float32[np.ndarray, "mask_side mask_side"]

    def isolate(
        self, box: Float32[np.ndarray, " 4"], side_px: int
    ) -> UInt8[np.ndarray, "side side 3"]:
        """Return the body alone, in a square about it; all else is covered.

        Args:
            box: Left, top, right and bottom of the landmarks, in picture heights. The
                mask shows what reaches beyond them, as hair and hidden legs.
            side_px: Side of the result.
        """
        height = len(self.picture)
        square = self._square(box * height)
        # Cover at about the picture's own size, and average whole blocks afterwards.
        most = max(1, height // side_px)
        block = min(max(1, round(square.side_px / side_px)), most)
        cut = square.cut(self.picture, side_px * block, repeat=False)
        alone = fill(cut, everything_but(self._mask(square, side_px * block)))
        blocks = alone.reshape(side_px, block, side_px, block, 3)
        means = np.rint(blocks.mean(axis=(1, 3), dtype=np.float32))
        small: UInt8[np.ndarray, "side side 3"] = means.astype(np.uint8)
        return small

    def _square(self, box_px: Float32[np.ndarray, " 4"]) -> Region:
        """Return an upright square about the landmarks and the mask's pixels."""
        places = np.argwhere(self.mask_logits > 0)[:, ::-1] / len(self.mask_logits)
        low, high = box_px[:2], box_px[2:]
        if len(places):
            seen = self.region.to_picture(places)
            edges = np.quantile(seen, (_SPECKS, 1 - _SPECKS), axis=0)
            low, high = np.minimum(low, edges[0]), np.maximum(high, edges[1])
        x, y = (low + high) / 2
        side = _MARGIN * np.max(high - low)
        return Region(float(x), float(y), float(side), 0.0)

    def _mask(self, square: Region, side_px: int) -> Bool[np.ndarray, "side side"]:
        """Return which pixels of a square's cut show the body."""
        logits = np.clip(self.mask_logits, -_SURE_LOGIT, _SURE_LOGIT)
        shares = (255 / (1 + np.exp(-logits))).astype(np.uint8)[..., None]
        seen = square.within(self.region, len(shares))
        return seen.cut(shares, side_px, repeat=False)[..., 0] >= _HALF
