"""Middle pictures of clips, whole and partly covered, and how predictions scatter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from jaxtyping import Float32, Int64, UInt8
from scipy.special import softmax

from models.masking.masks import (
    SHARES,
    Fill,
    equal_area_control,
    everything_but,
    fill,
    measure_dispersion,
    pixel_mask,
    shape_mask,
)
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.models.laboratory import accuracy

WHOLE = "whole"

Pictures = UInt8[np.ndarray, "clip height width 3"]


def middle_pictures(clips: ClipSet) -> Pictures:
    """Return each clip's middle picture."""
    return clips.frames[:, clips.frames.shape[1] // 2]


def covered_at_random(
    clips: ClipSet, seed: int
) -> Iterator[tuple[str, Pictures, float]]:
    """Yield the pictures whole, then covered by pixels and by shapes, at each share.

    Yields:
        The kind of cover, the pictures, and the share that is actually covered.
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
            # Black is itself unlike anything in training; the mean colour tests for
            # that.
            yield _covered(f"shapes {share:.0%}, mean colour", pictures, masks, "mean")


def covered_by_part(clips: ClipSet, seed: int) -> Iterator[tuple[str, Pictures, float]]:
    """Yield the pictures without floor, wall, bed or person, and with the person alone.

    A clip without a visible person counts in each. The control of the person is as
    large a piece elsewhere.
    """
    if clips.parts is None:
        return
    from pipelines.lab.simulation.world import PARTS  # its renderer may be missing

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
    """A recogniser's predictions for pictures.

    Attributes:
        covered: Share of the pictures' area that is covered.
        top1: Share of right predictions.
        confidence: Mean probability of the predictions.
        top_share: Share of the most frequent prediction for a true label, mean over
            labels.
        labels: Number of different predictions for a true label, mean over labels.
        entropy_nats: Entropy of their shares, mean over labels.
        counts: Pictures by true and predicted label.
        trust: Mean confidence of each of these cells; NaN without pictures.
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
    """Measure the predictions of pictures with these labels."""
    sure = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    predicted = np.asarray(logits.argmax(axis=1))
    side = logits.shape[1]
    counts, trust = np.zeros((side, side), np.int64), np.zeros((side, side))
    np.add.at(counts, (labels, predicted), 1)
    np.add.at(trust, (labels, predicted), sure)
    spread = [astuple(measure_dispersion(row)) for row in counts if row.sum()]
    labels_said, entropy_nats, top_share = np.mean(spread, axis=0).tolist()
    return Scatter(
        covered=covered,
        top1=accuracy(predicted, labels),
        confidence=float(sure.mean()),
        top_share=top_share,
        labels=labels_said,
        entropy_nats=entropy_nats,
        counts=counts,
        trust=(trust / np.where(counts, counts, np.nan)).astype(np.float32),
    )


def scatter_figures(found: Mapping[str, Scatter]) -> dict[str, dict[str, float]]:
    """Return the figures of a study's JSON result, by measure and kind of picture."""
    return {
        measure: {name: getattr(scatter, measure) for name, scatter in found.items()}
        for measure in ("top1", "top_share", "labels", "entropy_nats")
    }


def scatter_rows(found: Mapping[str, Scatter]) -> tuple[tuple[str | float, ...], ...]:
    """Return the rows of a table with ``SCATTER_HEADER``."""
    return tuple(
        (name, *(getattr(scatter, measure) for measure in MEASURES))
        for name, scatter in found.items()
    )


MEASURES = ("covered", "top1", "confidence", "top_share", "labels", "entropy_nats")
"""The fields of ``Scatter`` that are one number, in the order of a table."""
_TITLES = ("covered", "top-1", "confidence", "top share", "labels said")
SCATTER_HEADER = ("pictures", *_TITLES, "entropy, nats")
