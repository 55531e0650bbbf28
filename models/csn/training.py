"""Train class-specific noise on triplets of frames, under a bound.

    frames ─▶ batches of labels that CLIP confuses ─▶ loss ─▶ Adam ─▶ bounded offsets

See ``models.csn.noise`` for the equations and their source. The source does not say how
the noise is trained; ``NoiseSettings`` holds our choices. Triplets follow Schroff et
al. 2015, arXiv:1503.03832, and batches Hermans et al. 2017, arXiv:1703.07737.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from models.clip.encoder import MAX_LOGIT_SCALE
from models.csn.noise import (
    BATCH,
    FeatureNoise,
    FrozenTower,
    PixelNoise,
    label_tensor,
    unit_rows,
)

OnEpoch = Callable[[int, float], None]
"""Called with the number of an epoch, from one, and the mean loss of its batches."""


@dataclass(frozen=True, slots=True)
class NoiseSettings:
    """Settings of noise training; the paper gives none of these.

    Attributes:
        epsilon: Greatest length of an offset of a unit feature; 0.1 to 0.5 is sensible.
        limit: Greatest offset of a pixel, in fractions of full scale.
        margin: How much farther a negative must be than a positive.
        deviation: Standard deviation of the normal initial offsets, before the bound;
            in 512 dimensions 0.02 gives a length of 0.45.
        rate: Adam's learning rate; every step ends with a projection to the bound.
        epochs: Passes; in each, as many frames are drawn as there are.
        labels: Labels in a batch, or all if there are fewer. Each label comes with the
            label that CLIP confuses it with most.
        frames: Frames of each label in a batch, or all if there are fewer.
        choice_weight: Weight of the cross-entropy of eq. 2, added to eq. 5. In pixel
            space, where each label costs a pass of the tower, the choice is between the
            true label and the label it is confused with most.
        scale: Tau of that cross-entropy and of the search for confused labels.

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
        features: Features of training frames, of any norm. None may come from a person
            or recording that the noise is tested on.
        labels: Index of each frame's label in the text bank.
        text_bank: A text vector of any norm for each label.
        settings: Training settings.
        seed: Seed of initial values and batches.
        on_epoch: Called after every epoch.

    Raises:
        ValueError: If all frames have the same label, no label has two frames, a label
            is not in the text bank, or a vector is zero.
    """
    rows, bank = unit_rows(features), unit_rows(text_bank)
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

    The arguments are as in ``train_feature_noise``; frames have the model's own size.

    Raises:
        ValueError: As in ``train_feature_noise``.
    """
    device = tower.model.device
    pictures, bank = torch.tensor(frames), unit_rows(text_bank).to(device)
    truth = _training_labels(labels, len(frames), len(bank)).to(device)
    offsets = torch.zeros((len(bank), 3, *frames.shape[1:3]), device=device)

    def noisy(batch: Tensor, own: Tensor) -> Tensor:
        return tower.encode(pictures[batch], offsets[own])

    def project() -> None:
        offsets.clamp_(-settings.limit, settings.limit)

    with torch.no_grad():  # the offsets are still zeros
        starts = range(0, len(frames), BATCH)
        parts = [pictures[start : start + BATCH] for start in starts]
        clean = torch.cat([tower.encode(part, offsets[:1]) for part in parts])
    confused = most_confused(clean, truth, bank, settings.scale)
    others = confused[:, None]
    training = _Training(offsets, noisy, project, truth, confused, others, bank)
    _fit(training, settings, seed, on_epoch)
    return PixelNoise(offsets.numpy(force=True), text_bank, limit=settings.limit)


@dataclass(frozen=True, slots=True, eq=False)
class _Training:
    """The parts that both spaces share."""

    offsets: Float32[Tensor, "label ..."]
    noisy: Callable[[Tensor, Tensor], Tensor]
    """Encodes frames by index under the noise of labels; returns unit vectors."""
    project: Callable[[], None]
    """Projects the offsets to their bound."""
    labels: Int64[Tensor, " batch"]
    confused: Int64[Tensor, " label"]
    others: Int64[Tensor, "label other"]
    """For each label, the labels that the cross-entropy compares it with."""
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
    """Draw batches of frames in pairs of confused labels, for one epoch.

    The labels lead the pairs in turn, so that labels that are never confused also
    occur.
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
    """Compute eq. 5 for every anchor and positive, with one mined negative each.

    ::

        a ──── p ── n ·········│ n          semi-hard negatives lie behind the positive
        0     d(a,p)    d(a,p) + margin     and within the margin

    The negative is the nearest semi-hard frame of the label that the anchor's label is
    confused with most. If there is none, it is the nearest semi-hard frame, else the
    farthest frame before the positive, else there is no negative and the loss is zero.

    Features have unit norm. A negative must be ``margin`` farther than the positive.

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
    """Find the label that CLIP confuses most with each label.

    Features and texts have unit norm. The mean softmax over a label's frames decides.

    Returns:
        For each label with frames another label with frames; -1 for the others.
    """
    shares = torch.softmax(scale * features @ text_bank.T, dim=-1)
    sums = torch.zeros_like(shares[:1]).repeat(len(text_bank), 1)
    sums.index_add_(0, labels, shares)
    present = labels.bincount(minlength=len(text_bank)) > 0
    sums[:, ~present] = -1
    sums.fill_diagonal_(-1)
    return torch.where(present, sums.argmax(dim=1), -1)


def _training_labels(
    labels: Int64[np.ndarray, " batch"], frames: int, label_count: int
) -> Int64[Tensor, " batch"]:
    truth = label_tensor(labels, frames, label_count)
    counts = truth.bincount(minlength=label_count)
    if counts.gt(0).sum() < 2 or counts.max() < 2:
        msg = "expected frames of two labels or more, and two frames of one of them"
        raise ValueError(msg)
    return truth
