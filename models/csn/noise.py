"""Class-specific noise: an offset for each label, added before scoring.

    feature space   f ────────▶ norm(f + N_c) ────────────────┬─▶ cosine with t_c
    pixel space     x ─▶ clip(x + N_c, 0, 1) ─▶ frozen tower ─┘

    1   F = norm(f + N_c), |N_c| <= epsilon
    2   score_c = tau cos(norm(f + N_c), t_c), for every label c
    3           = tau (f.t_c + N_c.t_c) / sqrt(1 + 2 f.N_c + |N_c|^2)
    4   x' = clip(x + N_c, 0, 1), max |N_c| <= limit
    5   loss = max(0, d(a, p) - d(a, n) + margin), of unit vectors under their noise

f and t are of unit norm; eq. 3 is eq. 2 as two matrix products.

Why eq. 1 normalises the sum and bounds the offset: otherwise anchor and positive carry
the same offset, so d(a, p) = |(f_a + N_c) - (f_p + N_c)| = |f_a - f_p| has no gradient
for N_c. If the negative carries N_c too, the offset cancels everywhere and nothing is
learnt. If the negative carries its own N_k, only N_c - N_k remains: the loss falls as
that difference grows, whatever the pictures show, even with random labels. The bound
removes most of this effect but not all, because two offsets may still be 2 epsilon
apart. The training loss is therefore no evidence; only eq. 2 on other recordings is.

Which label's noise to use: eq. 2 tries the noise of every label and needs no true
label. Adding the noise of the true label before comparing the scores leaks the answer.
``oracle=True`` does so, only to reproduce the paper's figure.

Source: Shandilya et al., "Advancing Vision-based Human Action Recognition", for eq. 1
without norm and bound, and for eq. 5, which ``models.csn.training`` uses. See
``models.csn.file`` for files.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel

from models.clip.checkpoint import Colour
from models.clip.encoder import CLIP_DEVIATION, CLIP_MEAN, encode_pixels

BATCH = 64
"""Pictures that pass the tower at a time."""

_TINY = 1e-12
_ROUNDING = 1e-5
"""Share by which float32 rounding may exceed a bound that holds exactly."""


@final
class FeatureNoise:
    """Noise in feature space, with the text vectors that features are compared with.

    Args:
        offsets: The offset of each label; zeros for a label without noise.
        text_bank: A text vector of any norm for each label.
        epsilon: Greatest allowed length of an offset.

    Raises:
        ValueError: If an offset is too long or not finite, the number of offsets and
            texts differ, or a text vector is zero.
    """

    def __init__(
        self,
        offsets: Float32[np.ndarray, "label dim"],
        text_bank: Float32[np.ndarray, "label dim"],
        *,
        epsilon: float,
    ) -> None:
        longest = float(np.linalg.norm(offsets, axis=-1).max(initial=0))
        _check_offsets(len(offsets), len(text_bank), longest, epsilon)
        self.offsets = offsets.copy()
        self.offsets.setflags(write=False)
        self.epsilon = epsilon
        self._noise = torch.tensor(offsets)
        self._bank = unit_rows(text_bank)
        self._noise_texts = (self._noise * self._bank).sum(dim=1)  # N_c.t_c
        self._squares = self._noise.square().sum(dim=1)  # |N_c|^2

    def score(
        self,
        features: Float32[np.ndarray, "batch dim"],
        *,
        scale: float,
        oracle: bool = False,
        labels: Int64[np.ndarray, " batch"] | None = None,
    ) -> Float32[np.ndarray, "batch label"]:
        """Score features for every label.

        Args:
            features: Feature vectors of any norm.
            scale: Tau, from ``ClipEncoder.logit_scale``.
            oracle: Use the noise of a feature's true label for all its scores. This
                leaks the label: the result is not a measurement.
            labels: The true labels, needed with ``oracle`` and refused without it.

        Returns:
            Scaled cosines, before any softmax.

        Raises:
            ValueError: If a feature is zero, only one of ``oracle`` and ``labels`` is
                given, or a label is not in the text bank.
        """
        rows = unit_rows(features)
        truth = _oracle_labels(oracle, labels, len(rows), len(self._bank))
        if truth is None:
            products = rows @ self._bank.T + self._noise_texts
            squares = 1 + 2 * rows @ self._noise.T + self._squares
            cosines = products / squares.sqrt()  # eq. 3
        else:
            cosines = normalize(rows + self._noise[truth], dim=-1) @ self._bank.T
        return (scale * cosines).numpy()


@final
@dataclass(frozen=True, slots=True)
class FrozenTower:
    """A frozen picture tower for pictures with values from 0 to 1."""

    model: CLIPModel
    mean: Colour = CLIP_MEAN
    deviation: Colour = CLIP_DEVIATION

    def encode(
        self,
        frames: UInt8[Tensor, "batch height width 3"],
        offsets: Float32[Tensor, "#batch 3 height width"],
    ) -> Float32[Tensor, "batch dim"]:
        """Encode RGB pictures plus offsets as rows of unit norm, with gradients."""
        pictures = frames.to(offsets.device).permute(0, 3, 1, 2) / 255
        shifted = (pictures + offsets).clamp(0, 1)  # eq. 4
        mean = shifted.new_tensor(self.mean)[:, None, None]
        deviation = shifted.new_tensor(self.deviation)[:, None, None]
        return encode_pixels(self.model, (shifted - mean) / deviation)


@final
class PixelNoise:
    """Noise in pixel space, with the text vectors that features are compared with.

    Args:
        offsets: The offset of each label, in fractions of full scale; zeros for a label
            without noise.
        text_bank: A text vector of any norm for each label.
        limit: Greatest allowed absolute value of an offset.

    Raises:
        ValueError: As in ``FeatureNoise``.
    """

    def __init__(
        self,
        offsets: Float32[np.ndarray, "label 3 height width"],
        text_bank: Float32[np.ndarray, "label dim"],
        *,
        limit: float,
    ) -> None:
        largest = float(np.abs(offsets).max(initial=0))
        _check_offsets(len(offsets), len(text_bank), largest, limit)
        self.offsets = offsets.copy()
        self.offsets.setflags(write=False)
        self.limit = limit
        self._bank = unit_rows(text_bank)

    @torch.inference_mode()
    def score(
        self,
        tower: FrozenTower,
        frames: UInt8[np.ndarray, "batch height width 3"],
        *,
        scale: float,
        oracle: bool = False,
        labels: Int64[np.ndarray, " batch"] | None = None,
    ) -> Float32[np.ndarray, "batch label"]:
        """Score pictures; each label needs a pass of the tower.

        Args:
            tower: The tower that the noise was trained with.
            frames: RGB pictures of the model's own size, 0 to 255.
            scale: Tau, from ``ClipEncoder.logit_scale``.
            oracle: As in ``FeatureNoise.score``; leaks the label.
            labels: The true labels, needed with ``oracle`` and refused without it.

        Returns:
            Scaled cosines, before any softmax.

        Raises:
            ValueError: If only one of ``oracle`` and ``labels`` is given, or a label is
                not in the text bank.
        """
        truth = _oracle_labels(oracle, labels, len(frames), len(self._bank))
        device = tower.model.device
        noise, bank = torch.tensor(self.offsets, device=device), self._bank.to(device)
        scores = np.empty((len(frames), len(bank)), np.float32)
        for start in range(0, len(frames), BATCH):
            part = slice(start, start + BATCH)
            pictures = torch.tensor(frames[part])
            if truth is None:
                columns = [  # eq. 2
                    tower.encode(pictures, offset[None]) @ text
                    for offset, text in zip(noise, bank, strict=True)
                ]
                cosines = torch.stack(columns, dim=1)
            else:
                cosines = tower.encode(pictures, noise[truth[part]]) @ bank.T
            scores[part] = (scale * cosines).numpy(force=True)
        return scores


def _check_offsets(found: int, expected: int, largest: float, bound: float) -> None:
    if found != expected:
        msg = f"offsets of {found} labels, expected {expected}"
        raise ValueError(msg)
    if not largest <= bound * (1 + _ROUNDING):  # also refuses NaN
        msg = f"an offset of {largest:.4g}, expected at most {bound:.4g}"
        raise ValueError(msg)


def unit_rows(vectors: Float32[np.ndarray, "row dim"]) -> Float32[Tensor, "row dim"]:
    """Scale vectors to unit norm.

    Raises:
        ValueError: If a vector is zero or not finite.
    """
    rows = torch.tensor(vectors, dtype=torch.float32)  # copies: it may be read-only
    norms = rows.norm(dim=-1)
    if not bool((norms.isfinite() & (norms > _TINY)).all()):
        msg = "a vector without a direction"
        raise ValueError(msg)
    return normalize(rows, dim=-1)


def label_tensor(
    labels: Int64[np.ndarray, " batch"], frames: int, label_count: int
) -> Int64[Tensor, " batch"]:
    """Check that every frame has a label and every label has a text.

    Raises:
        ValueError: If one is missing.
    """
    if len(labels) != frames:
        msg = f"{len(labels)} labels for {frames} frames"
        raise ValueError(msg)
    if frames and not 0 <= labels.min() <= labels.max() < label_count:
        found = f"{labels.min()} to {labels.max()}"
        msg = f"labels of {found}, expected 0 to {label_count - 1}"
        raise ValueError(msg)
    return torch.tensor(labels)


def _oracle_labels(
    oracle: bool,
    labels: Int64[np.ndarray, " batch"] | None,
    frames: int,
    label_count: int,
) -> Int64[Tensor, " batch"] | None:
    if oracle != (labels is not None):
        msg = "oracle=True needs the true labels, and labels need oracle=True"
        raise ValueError(msg)
    return None if labels is None else label_tensor(labels, frames, label_count)
