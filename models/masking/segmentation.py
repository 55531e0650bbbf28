"""Segmentation of pictures by prompts: the interface, and the choice of the best mask.

picture, prompts ──▶ Segmenter ──▶ a mask for each prompt, and its quality
                        ├── models.masking.sam            SAM, a folder of transformers
                        └── models.masking.official_sam   SAM, a ``.pth`` file
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, UInt8

Point = tuple[float, float]
"""Pixels from the left and from the top; whole numbers are pixel centres."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom pixel, all inside the box."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A description of one mask by points, a box or both.

    A label is 1 if its point lies on the object, 0 if beside it.

    Raises:
        ValueError: If there is neither a box nor a point on the object, the number of
            points and labels differ, a label is neither 0 nor 1, or the box's corners
            are the wrong way round.
    """

    points: tuple[Point, ...] = ()
    labels: tuple[int, ...] = ()
    box: Box | None = None

    def __post_init__(self) -> None:
        if len(self.points) != len(self.labels):
            msg = f"{len(self.points)} points with {len(self.labels)} labels"
            raise ValueError(msg)
        if not {0, 1}.issuperset(self.labels):
            msg = f"labels of points {self.labels}, expected 1 on the object, 0 beside"
            raise ValueError(msg)
        if self.box is None and 1 not in self.labels:
            msg = "a prompt needs a box, or a point on the object"
            raise ValueError(msg)
        if self.box is not None:
            left, top, right, bottom = self.box
            if left > right or top > bottom:
                msg = f"box {self.box}, expected left, top, right, bottom"
                raise ValueError(msg)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The masks found, in the order of the prompts.

    Scores predict the overlap, intersection over union, of mask and object.
    """

    masks: Bool[np.ndarray, "mask height width"]
    scores: Float32[np.ndarray, " mask"]


@runtime_checkable  # annotations are checked at run time under test
class Segmenter(Protocol):
    """Finds a mask for each prompt."""

    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt.

        Prompts are inside the picture; there may be none.

        Raises:
            ValueError: If a prompt reaches out of the picture.
        """
        ...


Candidates = tuple[
    Bool[np.ndarray, "candidate height width"], Float32[np.ndarray, " candidate"]
]
"""Masks for one prompt, and the predicted overlap of each."""


def check_inside(
    picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
) -> None:
    """Refuse prompts that reach out of a picture.

    Raises:
        ValueError: For the first point or corner that is outside.
    """
    height, width = picture.shape[:2]
    for prompt in prompts:
        corners = () if prompt.box is None else (prompt.box[:2], prompt.box[2:])
        for x, y in itertools.chain(prompt.points, corners):
            if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                msg = f"({x:g}, {y:g}) is not in a picture of {height}x{width} pixels"
                raise ValueError(msg)


def best_masks(
    picture: UInt8[np.ndarray, "height width 3"],
    prompts: Sequence[Prompt],
    decode: Callable[[Prompt], Candidates],
) -> Segmentation:
    """Keep the mask with the highest score for each prompt; the earlier of equals."""
    masks = np.zeros((len(prompts), *picture.shape[:2]), np.bool_)
    scores = np.zeros(len(prompts), np.float32)
    for place, prompt in enumerate(prompts):
        found, overlaps = decode(prompt)
        best = int(overlaps.argmax())
        masks[place], scores[place] = found[best], overlaps[best]
    return Segmentation(masks, scores)
