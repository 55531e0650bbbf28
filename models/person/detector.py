"""The detector: where in a picture somebody is, and which way up.

Each of its 2,254 anchors proposes a box, four points and a score. Proposals that
overlap are averaged by score.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, UInt8

from models.person.files import DETECTOR
from models.person.network import Network
from models.person.region import Region, boxes_overlap

_SIDE = 224
_CELLS = ((8, 2), (16, 2), (32, 6))  # size of a cell in pixels, anchors in a cell
_ANCHORS = 2254
_OVERLAP = 0.3


@final
@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """Somebody in a picture.

    Attributes:
        region: The part of the picture to look for landmarks in.
        score: 0 to 1.
    """

    region: Region
    score: float


@final
class Detector:
    """The detector network.

    Args:
        threads: Processor threads.
        least_score: Least score of a detection, 0 to 1.

    Raises:
        PersonModelError: If the network file is missing or wrong.
    """

    def __init__(self, threads: int, least_score: float) -> None:
        outputs = ((1, _ANCHORS, 12), (1, _ANCHORS, 1))
        self._network = Network(DETECTOR, outputs, threads)
        self._anchors = _anchors()
        self._least_logit = float(np.log(least_score / (1 - least_score)))

    def detect(
        self, picture: UInt8[np.ndarray, "height width 3"], region: Region
    ) -> list[Detection]:
        """Return everybody found in an upright region of a picture, best first."""
        cut = region.cut(picture, _SIDE, repeat=False)
        raw, logits = self._network(cut.astype(np.float32) / np.float32(127.5) - 1)
        kept = np.flatnonzero(logits[0, :, 0] >= self._least_logit)
        points = raw[0, kept].astype(np.float64).reshape(-1, 6, 2) / _SIDE
        points[:, 0] += self._anchors[kept]
        points[:, 2:] += self._anchors[kept, None]
        scores = 1 / (1 + np.exp(-logits[0, kept, 0].astype(np.float64)))
        return [
            Detection(Region.of_body(*region.to_picture(found[2:4])), score)
            for found, score in _averaged(points, scores)
        ]


def _anchors() -> Float64[np.ndarray, "anchor 2"]:
    """Return the centre of each anchor, column and row, as fractions of the side."""
    grids = []
    for size, count in _CELLS:
        cells = (np.arange(_SIDE // size) + 0.5) * size / _SIDE
        rows, columns = np.meshgrid(cells, cells, indexing="ij")
        centres = np.stack((columns, rows), axis=-1).reshape(-1, 2)
        grids.append(centres.repeat(count, axis=0))
    return np.concatenate(grids)


def _averaged(
    points: Float64[np.ndarray, "proposal 6 2"],
    scores: Float64[np.ndarray, " proposal"],
) -> list[tuple[Float64[np.ndarray, "6 2"], float]]:
    """Average overlapping proposals, the best first (weighted suppression).

    The first two points of a proposal are the centre and the size of its box.
    """
    boxes = np.concatenate(
        (points[:, 0] - points[:, 1] / 2, points[:, 0] + points[:, 1] / 2), axis=1
    ).astype(np.float32)
    left = list(np.argsort(-scores))
    averaged = []
    while left:
        best = left[0]
        group = [i for i in left if boxes_overlap(boxes[best], boxes[i]) > _OVERLAP]
        group = group or [best]  # an empty box overlaps nothing, not even itself
        mean = np.average(points[group], axis=0, weights=scores[group])
        averaged.append((mean, float(scores[best])))
        left = [i for i in left if i not in group]
    return averaged
