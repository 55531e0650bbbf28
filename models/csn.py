"""Class-specific noise: for each label an offset that is added before scoring.

    feature space   f ────────▶ norm(f + N_c) ────────────────┬─▶ cosine with t_c
    pixel space     x ─▶ clip(x + N_c, 0, 1) ─▶ frozen tower ─┘

    1   F = norm(f + N_c), |N_c| <= epsilon
    2   score_c = tau cos(norm(f + N_c), t_c), for every label c
    3           = tau (f.t_c + N_c.t_c) / sqrt(1 + 2 f.N_c + |N_c|^2)
    4   x' = clip(x + N_c, 0, 1), max |N_c| <= limit
    5   loss = max(0, d(a, p) - d(a, n) + margin), of unit vectors under their noise

f and t are of unit norm; eq. 3 is eq. 2 in two matrix products.

Why eq. 1 comes back to unit norm and is bounded: without it anchor and positive carry
the same offset, so that d(a, p) = |(f_a + N_c) - (f_p + N_c)| = |f_a - f_p| has no
gradient for N_c. Where the negative carries N_c too, it cancels everywhere and nothing
is learnt. Where the negative carries its own N_k, only N_c - N_k is left: the loss
falls as that difference grows, whatever the pictures show, even for labels drawn by
lot, and no length is enough for every margin. The bound takes most of this away, not
all: two offsets may still lie 2 epsilon apart. How well the triplets of the training
come apart is therefore no result; eq. 2 on other recordings is.

Whose noise may be used: eq. 2 tries every label's and needs no label. To add the true
label's noise and then compare all scores is to give the answer with the question;
``oracle=True`` does so, for the paper's figure and for nothing else.

Sources: Shandilya et al., "Advancing Vision-based Human Action Recognition", for eq. 1
without norm and bound, and eq. 5. On all else it is silent: ``NoiseSettings`` has what
was chosen, with triplets as in Schroff et al. 2015, arXiv:1503.03832, and batches as in
Hermans et al. 2017, arXiv:1703.07737.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import CLIPModel

from models.checkpoint import Colour
from models.clip import CLIP_DEVIATION, CLIP_MEAN, MAX_LOGIT_SCALE, encode_pixels
from models.errors import ModelError

OnEpoch = Callable[[int, float], None]
"""Told the number of an epoch, from one, and the mean loss of its batches."""

_BATCH = 64
_TINY = 1e-12
_ROUNDING = 1e-5
"""A bound that holds in exact numbers may be missed by this share in float32."""


@final
class NoiseError(ModelError):
    """A noise file is damaged, foreign, for another use, or cannot be written."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(path, problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


@dataclass(frozen=True, slots=True)
class NoiseSettings:
    """How noise is trained; the paper gives none of these.

    Attributes:
        epsilon: Longest offset of a unit feature; 0.1 to 0.5 is sensible.
        limit: Largest offset of a pixel, as a share of full scale.
        margin: By how much farther a negative shall be than a positive.
        deviation: Of the normal numbers that offsets start from, before the bound:
            in 512 dimensions 0.02 makes a length of 0.45.
        rate: Of Adam; after each of its steps the offsets are projected to the bound.
        epochs: How often as many frames are drawn as there are.
        labels: In a batch, or as many as there are; a label brings the one that CLIP
            takes it for most.
        frames: Of each label in a batch, or as many as there are.
        choice_weight: Of the cross-entropy of eq. 2, added to eq. 5. In pixel space,
            where a label costs a pass of the tower, its choice is between the true
            label and the one that CLIP takes it for most.
        scale: The tau of that cross-entropy, and of telling what CLIP takes for what.

    Raises:
        ValueError: If a value is out of its range.
    """

    epsilon: float = 0.3
    limit: float = 8 / 255
    margin: float = 0.2
    deviation: float = 0.02
    rate: float = 1e-3
    epochs: int = 50
    labels: int = 16
    frames: int = 4
    choice_weight: float = 0.0
    scale: float = MAX_LOGIT_SCALE

    def __post_init__(self) -> None:
        ranges = {
            "epsilon": 0 < self.epsilon < 1,  # an offset of 1 can undo its feature
            "limit": 0 < self.limit <= 1,
            "margin": 0 <= self.margin < math.inf,
            "deviation": 0 <= self.deviation < math.inf,
            "rate": 0 < self.rate < math.inf,
            "epochs": self.epochs >= 1,
            "labels": self.labels >= 2,  # one alone has no negative
            "frames": self.frames >= 2,  # one alone has no positive
            "choice_weight": 0 <= self.choice_weight < math.inf,
            "scale": 0 < self.scale < math.inf,
        }
        for name, holds in ranges.items():
            if not holds:
                msg = f"{name} {getattr(self, name)} is out of its range"
                raise ValueError(msg)


@final
class FeatureNoise:
    """Noise of features, with the texts that they are compared with.

    Args:
        offsets: Zeros where a label has no noise.
        text_bank: A vector of any norm for each label.
        epsilon: No offset is longer.

    Raises:
        ValueError: If one is, or is not finite; if offsets and texts do not match, or a
            text has no direction.
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
        self._bank = _unit_rows(text_bank)
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
            features: Of any norm.
            scale: Tau, as ``ClipEncoder.logit_scale`` gives it.
            oracle: Give a feature the noise of its true label for all its scores. This
                leaks the label: what comes out measures nothing.
            labels: The true ones, for ``oracle`` alone.

        Returns:
            Scaled cosines, before any softmax.

        Raises:
            ValueError: If a feature has no direction, only one of ``oracle`` and
                ``labels`` is given, or a label is not in the text bank.
        """
        rows = _unit_rows(features)
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
    """A picture tower as it is, for pictures whose full scale is one.

    Attributes:
        model: In evaluation mode; nothing here changes it.
        mean: As ``models.clip.normalise_pixels`` takes it.
        deviation: As ``models.clip.normalise_pixels`` takes it.
    """

    model: CLIPModel
    mean: Colour = CLIP_MEAN
    deviation: Colour = CLIP_DEVIATION

    def encode(
        self,
        frames: UInt8[Tensor, "batch height width 3"],
        offsets: Float32[Tensor, "#batch 3 height width"],
    ) -> Float32[Tensor, "batch dim"]:
        """Encode RGB pictures under noise, with gradients for it; rows of unit norm."""
        pictures = frames.to(offsets.device).permute(0, 3, 1, 2) / 255
        shifted = (pictures + offsets).clamp(0, 1)  # eq. 4
        mean = shifted.new_tensor(self.mean)[:, None, None]
        deviation = shifted.new_tensor(self.deviation)[:, None, None]
        return encode_pixels(self.model, (shifted - mean) / deviation)


@final
class PixelNoise:
    """Noise of pictures, with the texts that their features are compared with.

    Args:
        offsets: As shares of full scale; zeros where a label has no noise.
        text_bank: A vector of any norm for each label.
        limit: No offset is larger.

    Raises:
        ValueError: As ``FeatureNoise`` raises it.
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
        self._bank = _unit_rows(text_bank)

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
        """Score pictures, at a pass of the tower for each label.

        Args:
            tower: The one that the noise was trained with.
            frames: Of the model's own size; red, green and blue, 0 to 255.
            scale: Tau, as ``ClipEncoder.logit_scale`` gives it.
            oracle: As ``FeatureNoise.score`` takes it: it leaks the label.
            labels: The true ones, for ``oracle`` alone.

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
        for start in range(0, len(frames), _BATCH):
            part = slice(start, start + _BATCH)
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


def save_feature_noise(
    path: Path, noise: FeatureNoise, *, labels: Sequence[str], checkpoint: str
) -> None:
    """Write noise and what it is for as safetensors.

    Args:
        path: Overwritten if it exists.
        noise: What is kept of it are offsets and bound.
        labels: The text bank's, in its order.
        checkpoint: The hash of the checkpoint, ``ClipEncoder.hash``.

    Raises:
        NoiseError: If it cannot be written.
        ValueError: If the labels are not as many as the offsets.
    """
    if len(labels) != len(noise.offsets):
        msg = f"{len(labels)} labels for {len(noise.offsets)} offsets"
        raise ValueError(msg)
    facts = _facts(labels, checkpoint) | {"epsilon": repr(noise.epsilon)}
    part = path.with_suffix(".part")
    try:
        part.write_bytes(save({"offsets": noise.offsets}, facts))
        part.replace(path)
    except OSError as err:
        raise NoiseError(str(path), err.strerror or "cannot be written") from err


def load_feature_noise(
    path: Path,
    text_bank: Float32[np.ndarray, "label dim"],
    *,
    labels: Sequence[str],
    checkpoint: str,
) -> FeatureNoise:
    """Read noise for the text bank of a checkpoint.

    Args:
        path: As ``save_feature_noise`` wrote it.
        text_bank: A vector of any norm for each label.
        labels: The text bank's, in its order.
        checkpoint: The hash of the checkpoint.

    Raises:
        NoiseError: If the file is missing, damaged, holds something else, or was
            trained for another checkpoint, other labels or another space.
    """
    try:
        with safe_open(path, framework="np") as file:
            facts = file.metadata() or {}
            _check_facts(path, facts, _facts(labels, checkpoint))
            offsets = file.get_tensor("offsets")
        if (offsets.dtype, offsets.shape) != (np.dtype(np.float32), text_bank.shape):
            found = f"{offsets.dtype} {offsets.shape}"
            problem = f"holds {found}, expected float32 {text_bank.shape}"
            raise NoiseError(str(path), problem)
        return FeatureNoise(offsets, text_bank, epsilon=float(facts["epsilon"]))
    except OSError as err:
        raise NoiseError(str(path), err.strerror or "cannot be read") from err
    except (KeyError, TypeError, ValueError, SafetensorError) as err:
        problem = str(err).partition("\n")[0]
        raise NoiseError(str(path), f"is damaged: {problem}") from err


def _check_facts(
    path: Path, found: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    for name, wanted in expected.items():
        if found.get(name) == wanted:
            continue
        if name == "labels":  # too long to show
            raise NoiseError(str(path), "was trained for other labels")
        problem = f"its {name} is {found.get(name)!r}, expected {wanted!r}"
        raise NoiseError(str(path), problem)


def _facts(labels: Sequence[str], checkpoint: str) -> dict[str, str]:
    return {
        "format": "wardwatch class-specific noise 1",
        "space": "feature",
        "checkpoint": checkpoint,
        "labels": json.dumps(list(labels)),
    }


def train_feature_noise(
    features: Float32[np.ndarray, "batch dim"],
    labels: Int64[np.ndarray, " batch"],
    text_bank: Float32[np.ndarray, "label dim"],
    settings: NoiseSettings,
    *,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> FeatureNoise:
    """Train an offset for each label that has frames; the others get zeros.

    Args:
        features: Of training frames, of any norm: none of a person or a recording that
            the noise is tested on.
        labels: Index of each frame's label in the text bank.
        text_bank: A vector of any norm for each label.
        settings: How.
        seed: Of first values and batches.
        on_epoch: Told of every epoch.

    Raises:
        ValueError: If the frames are of one label, no label has two of them, a label is
            not in the text bank, or a vector has no direction.
    """
    rows, bank = _unit_rows(features), _unit_rows(text_bank)
    truth = _training_labels(labels, len(rows), len(bank))
    offsets = torch.zeros((len(bank), rows.shape[1]))
    every = torch.arange(len(bank))

    def noisy(batch: Tensor, own: Tensor) -> Tensor:
        return normalize(rows[batch] + offsets[own], dim=-1)  # eq. 1

    def project() -> None:
        lengths = offsets.norm(dim=1, keepdim=True)
        offsets.mul_((settings.epsilon / lengths).clamp(max=1))

    confused = most_confused(rows, truth, bank, settings.scale)
    others = (every[:, None] + every[1:]) % len(bank)  # of each label, all the others
    training = _Training(offsets, noisy, project, truth, confused, others, bank)
    _fit(training, settings, seed, on_epoch)
    return FeatureNoise(offsets.numpy(), text_bank, epsilon=settings.epsilon)


def train_pixel_noise(
    tower: FrozenTower,
    frames: UInt8[np.ndarray, "batch height width 3"],
    labels: Int64[np.ndarray, " batch"],
    text_bank: Float32[np.ndarray, "label dim"],
    settings: NoiseSettings,
    *,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> PixelNoise:
    """Train a picture of offsets for each label that has frames; the others get zeros.

    Args:
        tower: Gradients pass through it and change nothing in it.
        frames: Training frames of the model's own size.
        labels: This and the rest as ``train_feature_noise`` takes them.
        text_bank: A vector of any norm for each label.
        settings: How.
        seed: Of first values and batches.
        on_epoch: Told of every epoch.

    Raises:
        ValueError: As ``train_feature_noise`` raises it.
    """
    device = tower.model.device
    pictures, bank = torch.tensor(frames), _unit_rows(text_bank).to(device)
    truth = _training_labels(labels, len(frames), len(bank)).to(device)
    offsets = torch.zeros((len(bank), 3, *frames.shape[1:3]), device=device)

    def noisy(batch: Tensor, own: Tensor) -> Tensor:
        return tower.encode(pictures[batch], offsets[own])

    def project() -> None:
        offsets.clamp_(-settings.limit, settings.limit)

    with torch.no_grad():  # the offsets are still zeros
        starts = range(0, len(frames), _BATCH)
        parts = [pictures[start : start + _BATCH] for start in starts]
        clean = torch.cat([tower.encode(part, offsets[:1]) for part in parts])
    confused = most_confused(clean, truth, bank, settings.scale)
    others = confused[:, None]
    training = _Training(offsets, noisy, project, truth, confused, others, bank)
    _fit(training, settings, seed, on_epoch)
    return PixelNoise(offsets.numpy(force=True), text_bank, limit=settings.limit)


@dataclass(frozen=True, slots=True, eq=False)
class _Training:
    """What the two spaces have in common."""

    offsets: Float32[Tensor, "label ..."]
    noisy: Callable[[Tensor, Tensor], Tensor]
    """Frames by their numbers, under the noise of these labels: unit vectors."""
    project: Callable[[], None]
    """Brings the offsets back within their bound."""
    labels: Int64[Tensor, " batch"]
    confused: Int64[Tensor, " label"]
    others: Int64[Tensor, "label other"]
    """From which labels the cross-entropy tells each label."""
    bank: Float32[Tensor, "label dim"]


def _fit(
    training: _Training, settings: NoiseSettings, seed: int, on_epoch: OnEpoch | None
) -> None:
    """Train the offsets in place."""
    offsets, labels = training.offsets, training.labels
    present = labels.bincount(minlength=len(offsets)).gt(0)
    present = present.view(-1, *[1] * (offsets.ndim - 1))  # one number a label
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(offsets.shape, generator=generator).to(offsets)
    offsets.copy_(settings.deviation * first * present)
    training.project()
    optimiser = torch.optim.Adam([offsets.requires_grad_()], lr=settings.rate)
    drawn_from = labels.cpu(), training.confused.cpu()  # as the generator is
    for epoch in range(1, settings.epochs + 1):
        losses: list[float] = []
        for batch in _draw_batches(*drawn_from, settings, generator):
            loss = _loss(training, settings, batch)
            (slope,) = torch.autograd.grad(loss, (offsets,))  # nothing else gets one
            offsets.grad = slope * present  # cross-entropy would move the others
            optimiser.step()
            with torch.no_grad():
                training.project()
            losses.append(loss.item())
        if on_epoch is not None:
            on_epoch(epoch, sum(losses) / len(losses))
    offsets.requires_grad = False


def _draw_batches(
    labels: Int64[Tensor, " frame"],
    confused: Int64[Tensor, " label"],
    settings: NoiseSettings,
    generator: torch.Generator,
) -> Iterator[Int64[Tensor, " batch"]]:
    """Draw frames of labels in pairs that CLIP confuses, until as many as there are.

    The labels lead the pairs in turn, lest those that no other is taken for stay away.
    """
    present = labels.bincount().nonzero().flatten()
    turns: list[int] = []
    seen = 0
    while seen < len(labels):
        chosen: list[int] = []
        while len(chosen) < min(settings.labels, len(present)):
            if not turns:
                mixed = torch.randperm(len(present), generator=generator)
                turns = present[mixed].tolist()
            lead = turns.pop()
            pair = (lead, int(confused[lead]))
            chosen += [label for label in pair if label not in chosen]
        parts = []
        for label in chosen[: settings.labels]:
            (held,) = (labels == label).nonzero(as_tuple=True)
            mixed = torch.randperm(len(held), generator=generator)
            parts.append(held[mixed[: settings.frames]])
        batch = torch.cat(parts)
        seen += len(batch)
        yield batch


def _loss(
    training: _Training, settings: NoiseSettings, batch: Int64[Tensor, " batch"]
) -> Float32[Tensor, ""]:
    own = training.labels[batch]
    noisy = training.noisy(batch, own)
    loss = triplet_loss(noisy, own, training.confused, settings.margin)
    if settings.choice_weight == 0:
        return loss
    candidates = torch.cat((own[:, None], training.others[own]), dim=1)
    columns = [  # eq. 2
        (training.noisy(batch, labels) * training.bank[labels]).sum(dim=-1)
        for labels in candidates.T
    ]
    logits = settings.scale * torch.stack(columns, dim=1)
    choice = cross_entropy(logits, torch.zeros_like(own))  # the first is the true one
    return loss + settings.choice_weight * choice


def triplet_loss(
    features: Float32[Tensor, "batch dim"],
    labels: Int64[Tensor, " batch"],
    confused: Int64[Tensor, " label"],
    margin: float,
) -> Float32[Tensor, ""]:
    """Take eq. 5 for every anchor and positive, with one mined negative each.

    ::

        a ──── p ── n ·········│ n          the semi-hard ones lie behind the positive
        0     d(a,p)    d(a,p) + margin     and within the margin

    The negative is the nearest semi-hard one of the label that the anchor's is taken
    for most; else the nearest semi-hard one; else the farthest of those before the
    positive; else there is none, and the loss is zero.

    Args:
        features: Of unit norm, under their noise.
        labels: Of each.
        confused: Of each label, the one that it is taken for most.
        margin: By how much farther a negative shall be.

    Returns:
        The mean over all pairs; zero where there is no pair.
    """
    distances = torch.cdist(
        features,
        features,
        compute_mode="donot_use_mm_for_euclid_dist",  # exact also for equal frames
    )
    same = labels[:, None] == labels
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    near, far = distances.detach()[:, :, None], distances.detach()[:, None, :]
    semi = ~same[:, None, :] & (far > near) & (far < near + margin)
    rival = (confused[labels][:, None] == labels)[:, None, :]
    hard = ~same[:, None, :] & (far <= near)
    negative = torch.zeros_like(labels).expand(len(labels), -1)
    found = torch.zeros_like(same)
    for wanted, order in ((hard, -far), (semi, far), (semi & rival, far)):  # best last
        best = order.masked_fill(~wanted, math.inf).argmin(dim=-1)
        negative = torch.where(wanted.any(dim=-1), best, negative)
        found = found | wanted.any(dim=-1)
    losses = (distances - distances.gather(1, negative) + margin).clamp(min=0)  # eq. 5
    return losses[positive & found].sum() / positive.sum().clamp(min=1)


def most_confused(
    features: Float32[Tensor, "batch dim"],
    labels: Int64[Tensor, " batch"],
    text_bank: Float32[Tensor, "label dim"],
    scale: float,
) -> Int64[Tensor, " label"]:
    """Find what CLIP takes the frames of each label for, its own label aside.

    Args:
        features: Of unit norm.
        labels: Of each.
        text_bank: Of unit norm.
        scale: Tau of the softmax whose mean over a label's frames decides.

    Returns:
        Of each label with frames another with frames, and -1 of those without.
    """
    shares = torch.softmax(scale * features @ text_bank.T, dim=-1)
    sums = torch.zeros_like(shares[:1]).repeat(len(text_bank), 1)
    sums.index_add_(0, labels, shares)
    present = labels.bincount(minlength=len(text_bank)) > 0
    sums[:, ~present] = -1
    sums.fill_diagonal_(-1)
    return torch.where(present, sums.argmax(dim=1), -1)


def _check_offsets(found: int, expected: int, largest: float, bound: float) -> None:
    if found != expected:
        msg = f"offsets of {found} labels, expected {expected}"
        raise ValueError(msg)
    if not largest <= bound * (1 + _ROUNDING):  # so that NaN is refused too
        msg = f"an offset of {largest:.4g}, expected {bound:.4g} at most"
        raise ValueError(msg)


def _unit_rows(vectors: Float32[np.ndarray, "row dim"]) -> Float32[Tensor, "row dim"]:
    rows = torch.tensor(vectors, dtype=torch.float32)  # copies: it may be read-only
    norms = rows.norm(dim=-1)
    if not bool((norms.isfinite() & (norms > _TINY)).all()):
        msg = "a vector without a direction"
        raise ValueError(msg)
    return normalize(rows, dim=-1)


def _label_tensor(
    labels: Int64[np.ndarray, " batch"], frames: int, label_count: int
) -> Int64[Tensor, " batch"]:
    if len(labels) != frames:
        msg = f"{len(labels)} labels for {frames} frames"
        raise ValueError(msg)
    if frames and not 0 <= labels.min() <= labels.max() < label_count:
        found = f"{labels.min()} to {labels.max()}"
        msg = f"labels of {found}, expected 0 to {label_count - 1}"
        raise ValueError(msg)
    return torch.tensor(labels)


def _training_labels(
    labels: Int64[np.ndarray, " batch"], frames: int, label_count: int
) -> Int64[Tensor, " batch"]:
    truth = _label_tensor(labels, frames, label_count)
    counts = truth.bincount(minlength=label_count)
    if counts.gt(0).sum() < 2 or counts.max() < 2:
        msg = "expected frames of two labels or more, and two frames of one of them"
        raise ValueError(msg)
    return truth


def _oracle_labels(
    oracle: bool,
    labels: Int64[np.ndarray, " batch"] | None,
    frames: int,
    label_count: int,
) -> Int64[Tensor, " batch"] | None:
    if oracle != (labels is not None):
        msg = "oracle=True and the true labels go together: neither stands alone"
        raise ValueError(msg)
    return None if labels is None else _label_tensor(labels, frames, label_count)
