"""Middle pictures of clips, whole and covered in part, and how predictions scatter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from models.masking import (
    SHARES,
    Dispersion,
    Fill,
    equal_area_control,
    everything_but,
    fill,
    measure_dispersion,
    pixel_mask,
    shape_mask,
)
from pipelines.studies.clip_set import ClipSet
from pipelines.studies.models.laboratory import accuracy

WHOLE = "whole"

Pictures = UInt8[np.ndarray, "clip height width 3"]


def middle_pictures(clips: ClipSet) -> Pictures:
    """Return each clip's middle picture."""
    return clips.frames[:, clips.frames.shape[1] // 2]


def covered_at_random(
    clips: ClipSet, seed: int
) -> Iterator[tuple[str, Pictures, float]]:
    """Give the pictures whole, then covered by pixels and by shapes, at each share.

    Yields:
        What was done, the pictures, and the share that was covered in truth.
    """
    pictures = middle_pictures(clips)
    rng = np.random.default_rng(seed)
    height, width = pictures.shape[1:3]
    yield WHOLE, pictures, 0.0
    for share in SHARES:
        masks = [pixel_mask(height, width, share, rng) for _ in pictures]
        yield _covered(f"pixels {share:.0%}", pictures, masks)
    for share in SHARES:
        masks = [shape_mask(height, width, share, rng)[0] for _ in pictures]
        yield _covered(f"shapes {share:.0%}", pictures, masks)
        if share == SHARES[1]:
            # Black itself is like nothing that was learnt: what of it is the colour?
            yield _covered(f"shapes {share:.0%}, mean colour", pictures, masks, "mean")


def covered_by_part(clips: ClipSet, seed: int) -> Iterator[tuple[str, Pictures, float]]:
    """Give the pictures without their floor, their bed, the person, all but the person.

    Clips whose person is not to be seen are left out of none of it. Each part has a
    control: as large a piece elsewhere.
    """
    if clips.parts is None:
        return
    from pipelines.simulation.world import PARTS  # its renderer may be missing

    pictures = middle_pictures(clips)
    rng = np.random.default_rng(seed)
    for part in ("floor", "wall", "bed", "person"):
        masks = [shown == PARTS.index(part) for shown in clips.parts]
        yield _covered(f"no {part}", pictures, masks)
    moved = [equal_area_control(mask, rng) for mask in masks]
    yield _covered("as much as the person, elsewhere", pictures, moved)
    rest = [everything_but(mask) for mask in masks]
    yield _covered("the person alone", pictures, rest)


def _covered(
    name: str,
    pictures: Pictures,
    masks: Sequence[np.ndarray],
    colour: Fill = "black",
) -> tuple[str, Pictures, float]:
    covered = [fill(*pair, colour) for pair in zip(pictures, masks, strict=True)]
    return name, np.stack(covered), float(np.mean([mask.mean() for mask in masks]))


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """What a recogniser says of pictures.

    Attributes:
        covered: Share of the pictures that was covered.
        top1: Share that was taken for what it is.
        confidence: Mean probability of what was said.
        top_share: Of the most frequent prediction for a true label, mean over labels.
        labels: How many different predictions a true label got, mean over labels.
        entropy_nats: Of their shares, mean over labels.
        counts: Pictures by true and predicted label.
        trust: Mean confidence of each of these cells; NaN where there is no picture.
    """

    covered: float
    top1: float
    confidence: float
    top_share: float
    labels: float
    entropy_nats: float
    counts: Int64[np.ndarray, "true predicted"]
    trust: Float32[np.ndarray, "true predicted"]


def measure_scatter(
    logits: Float32[np.ndarray, "clip label"],
    labels: Int64[np.ndarray, " clip"],
    covered: float,
) -> Scatter:
    """Measure what scores say of pictures of these labels."""
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    sure = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
    said = np.asarray(logits.argmax(axis=1))
    side = logits.shape[1]
    counts, trust = np.zeros((side, side), np.int64), np.zeros((side, side))
    np.add.at(counts, (labels, said), 1)
    np.add.at(trust, (labels, said), sure)
    spread = [measure_dispersion(row) for row in counts if row.sum()]
    return Scatter(
        covered=covered,
        top1=accuracy(said, labels),
        confidence=float(sure.mean()),
        top_share=_mean(spread, "top_share"),
        labels=_mean(spread, "labels"),
        entropy_nats=_mean(spread, "entropy_nats"),
        counts=counts,
        trust=(trust / np.where(counts, counts, np.nan)).astype(np.float32),
    )


def _mean(spread: Sequence[Dispersion], name: str) -> float:
    return float(np.mean([getattr(each, name) for each in spread]))


def scatter_rows(found: Mapping[str, Scatter]) -> tuple[tuple[str | float, ...], ...]:
    """Return a table's rows; ``SCATTER_HEADER`` names them."""
    return tuple(
        (
            name,
            it.covered,
            it.top1,
            it.confidence,
            it.top_share,
            it.labels,
            it.entropy_nats,
        )
        for name, it in found.items()
    )


SCATTER_HEADER = (
    "pictures",
    "covered",
    "top-1",
    "confidence",
    "top share",
    "labels said",
    "entropy, nats",
)
