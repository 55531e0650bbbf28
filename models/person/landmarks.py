"""The landmark network: how somebody in a region of a picture holds themselves."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from models.person.files import LANDMARKS
from models.person.network import Network
from models.person.region import Region

BODY_POINTS = 33
_POINTS = 39  # the body's, then centre and circle of the next region, then others
_CENTRE, _TOP = 33, 34
_SIDE, _HEAT_SIDE = 256, 64
_MASK = 2  # place of the mask among the outputs
_NEAR = 3  # cells about the peak of a heat map
_LEAST_HEAT = 0.5


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the network says of a region.

    Attributes:
        points_px: Column, row and visibility (0 to 1) of each landmark.
        world_m: Landmarks in metres about the middle of the hips, axes as the
            picture's: right, down, away.
        presence: Probability that somebody is in the region.
        next_region: Region of the same body in the next picture.
        region: The region that was read.
        mask_logits: Logits of the body in each pixel of the region; None from a network
            without masks.
    """

    points_px: Float32[np.ndarray, "33 3"]
    world_m: Float32[np.ndarray, "33 3"]
    presence: float
    next_region: Region
    region: Region
    mask_logits: Float32[np.ndarray, "256 256"] | None


@final
class LandmarkNetwork:
    """The landmark network.

    Args:
        threads: Processor threads.
        masks: Whether to compute the masks of bodies, a third of the network's cost.

    Raises:
        PersonModelError: If the network file is missing or wrong.
    """

    def __init__(self, threads: int, *, masks: bool = True) -> None:
        self.has_masks = masks
        """Whether readings have masks."""
        heat = (1, _HEAT_SIDE, _HEAT_SIDE, _POINTS)
        outputs = ((1, 195), (1, 1), (1, _SIDE, _SIDE, 1), heat, (1, 117))
        wanted = [place for place in range(len(outputs)) if masks or place != _MASK]
        self._network = Network(LANDMARKS, outputs, threads, wanted)

    def read(
        self, picture: UInt8[np.ndarray, "height width 3"], region: Region
    ) -> Reading:
        """Return the landmarks of the body in a region."""
        cut = region.cut(picture, _SIDE, repeat=True)
        answer = self._network(cut.astype(np.float32) / np.float32(255))
        raw, presence, *masks, heat, world = answer
        rows = raw.reshape(_POINTS, 5).astype(np.float64)
        places = refine(rows[:, :2] / _SIDE, heat[0])
        points = region.to_picture(places)
        visibility = 1 / (1 + np.exp(-rows[:BODY_POINTS, 3:4]))
        metres = world.reshape(_POINTS, 3)[:BODY_POINTS].astype(np.float64)
        metres[:, :2] = metres[:, :2] @ region.rotation().T
        return Reading(
            np.hstack((points[:BODY_POINTS], visibility)).astype(np.float32),
            metres.astype(np.float32),
            float(presence[0, 0]),
            Region.of_body(points[_CENTRE], points[_TOP]),
            region,
            masks[0][0, :, :, 0].copy() if masks else None,
        )


def refine(
    places: Float64[np.ndarray, "point 2"],
    heat: Float32[np.ndarray, "row column point"],
) -> Float64[np.ndarray, "point 2"]:
    """Move each point to the centre of its heat near it, if the heat is clear.

    Args:
        places: Column and row of each point, as fractions of the region.
        heat: Logits of each point's place.
    """
    cells = np.floor(places * _HEAT_SIDE).astype(int)
    around = np.arange(-_NEAR, _NEAR + 1)
    columns, rows = cells[:, 0, None] + around, cells[:, 1, None] + around
    last = _HEAT_SIDE - 1
    logits = heat[
        rows.clip(0, last)[:, :, None],
        columns.clip(0, last)[:, None, :],
        np.arange(len(places))[:, None, None],
    ]
    is_row, is_column = (rows == rows.clip(0, last)), (columns == columns.clip(0, last))
    near = np.where(
        is_row[:, :, None] & is_column[:, None, :], 1 / (1 + np.exp(-logits)), 0
    )
    total = np.maximum(near.sum(axis=(1, 2)), _LEAST_HEAT)
    mean_column = (near.sum(axis=1) * columns).sum(axis=1) / total
    mean_row = (near.sum(axis=2) * rows).sum(axis=1) / total
    inside = ((cells >= 0) & (cells <= last)).all(axis=1)
    is_clear = inside & (near.max(axis=(1, 2)) >= _LEAST_HEAT)
    centres = np.stack((mean_column, mean_row), axis=1) / _HEAT_SIDE
    return np.where(is_clear[:, None], centres, places)
