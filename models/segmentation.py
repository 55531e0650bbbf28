"""Cut things out of a picture by pointing at them.

    picture, prompts ──▶ Segmenter ──▶ a mask for each prompt, and how good it is
                            ├── models.sam            SAM, a folder of transformers
                            ├── models.official_sam   SAM, a ``.pth`` file
                            └── KnownSegmenter        a map of what each pixel shows

What a prompt may mean is for each of them; that the best of it is taken, here.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Integer, UInt8

Point = tuple[float, float]
"""From the left and from the top, in pixels; whole numbers are middles of pixels."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom pixel, all four inside."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one mask shall show: points, a box or both.

    Attributes:
        points: Each lies on the thing or beside it.
        labels: For each point 1 where it lies on the thing, 0 where beside it.
        box: Drawn around the thing.

    Raises:
        ValueError: If there is neither a box nor a point on the thing, points and
            labels are not as many, a label is neither 0 nor 1, or the box's corners
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
            msg = f"labels of points {self.labels}, expected 1 on the thing, 0 beside"
            raise ValueError(msg)
        if self.box is None and 1 not in self.labels:
            msg = "a prompt needs a box, or a point on the thing"
            raise ValueError(msg)
        if self.box is not None:
            left, top, right, bottom = self.box
            if left > right or top > bottom:
                msg = f"box {self.box}, expected left, top, right, bottom"
                raise ValueError(msg)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """What was found, in the order of the prompts.

    Attributes:
        masks: True where a pixel of the picture shows the thing.
        scores: How far each mask and the thing overlap, as predicted: intersection
            over union, near 0 to 1.
    """

    masks: Bool[np.ndarray, "mask height width"]
    scores: Float32[np.ndarray, " mask"]


@runtime_checkable  # annotations are checked at run time under test
class Segmenter(Protocol):
    """Finds what prompts point at."""

    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt.

        Args:
            picture: RGB, of any size.
            prompts: Inside the picture; there may be none.

        Raises:
            ValueError: If a prompt reaches out of the picture.
        """
        ...


Candidates = tuple[
    Bool[np.ndarray, "candidate height width"], Float32[np.ndarray, " candidate"]
]
"""Masks for one prompt, and the overlap that is predicted for each."""


def check_inside(
    picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
) -> None:
    """Refuse prompts that reach out of a picture.

    Raises:
        ValueError: If one does: the first place that is not inside.
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
    """Keep of each prompt's masks the one of the highest score, the earlier of two.

    Args:
        picture: As ``Segmenter`` takes it.
        prompts: As ``Segmenter`` takes them.
        decode: Finds the masks that one prompt may mean.
    """
    masks = np.zeros((len(prompts), *picture.shape[:2]), np.bool_)
    scores = np.zeros(len(prompts), np.float32)
    for place, prompt in enumerate(prompts):
        found, overlaps = decode(prompt)
        best = int(overlaps.argmax())
        masks[place], scores[place] = found[best], overlaps[best]
    return Segmentation(masks, scores)


@final
class KnownSegmenter:
    """Answers from a map of what each pixel of one picture shows.

    A prompt means the things under its points, and the thing that fills most of its
    box; what lies under a point labelled 0 is taken away. As the answer is known, its
    score is 1, or 0 where nothing is left.

    Args:
        things: The number of the thing that each pixel of the picture shows.
        backdrop: A thing that a box means only where it holds nothing else, such as
            the floor behind a person; None where there is none.
    """

    def __init__(
        self,
        things: Integer[np.ndarray, "height width"],
        backdrop: int | None = None,
    ) -> None:
        self._things = things
        self._backdrop = backdrop

    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt, as ``Segmenter`` says.

        Raises:
            ValueError: Also if the picture has another size than the map.
        """
        size, known = picture.shape[:2], self._things.shape
        if size != known:
            msg = f"a picture of height and width {size}, expected {known} as its map"
            raise ValueError(msg)
        check_inside(picture, prompts)

        def decode(prompt: Prompt) -> Candidates:
            mask = np.isin(self._things, self._meant(prompt))
            return mask[None], np.array([mask.any()], np.float32)

        return best_masks(picture, prompts, decode)

    def _meant(self, prompt: Prompt) -> list[int]:
        under: dict[int, set[int]] = {0: set(), 1: set()}
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            under[label].add(int(self._things[_pixel(y), _pixel(x)]))
        if prompt.box is not None:
            under[1].add(self._fills(prompt.box))
        return sorted(under[1] - under[0])

    def _fills(self, box: Box) -> int:
        """Find what fills most of a box; of things as large, the lower number."""
        left, top, right, bottom = (_pixel(edge) for edge in box)
        inside = self._things[top : bottom + 1, left : right + 1]
        numbers, counts = np.unique(inside, return_counts=True)
        counts[numbers == self._backdrop] = 0
        return int(numbers[counts.argmax()])


def _pixel(place: float) -> int:
    """Return the row or column whose middle is nearest; of two, the later."""
    return int(place + 0.5)
