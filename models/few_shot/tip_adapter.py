"""Tip-Adapter: CLIP's scores plus a memory of a few labelled clips.

    features ─▶ clip vector ─┬─▶ cosines with the texts ─────────────┐
                             └─▶ likeness to the shots, their labels ┴─▶ scores

``features`` are the picture tower's outputs after its projection, of any norm.
``texts`` are vectors of unit norm; labels are indices into them. With v a clip's vector
(``models.few_shot.training``), K the shots' vectors and V their labels, one-hot:

1. logits = scale · v · textsᵀ + alpha · exp(-beta (1 - v Kᵀ)) V

Source: Zhang et al. 2022, arXiv:2207.09519, for single pictures; using a video's clip
vector is our choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, one_hot

from models.few_shot.training import (
    OnEpoch,
    TrainingSettings,
    check_labels,
    clip_vectors,
    train,
)

TIP_KEYS = TrainingSettings(rate=1e-3, epochs=20, batch=256, epsilon=1e-4, cosine=True)
"""Settings for the keys of Tip-Adapter-F, as its authors train them."""

TIP_ALPHAS = tuple(0.1 + place * (3.0 - 0.1) / 20 for place in range(20))
"""The authors' values of alpha on UCF101: 20 steps from 0.1, below 3."""

TIP_BETAS = tuple(0.1 + place * (7.0 - 0.1) / 200 for place in range(200))
"""The authors' values of beta: 200 steps from 0.1, below 7."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class TipAdapter:
    """CLIP's scores plus a memory of the shots.

    Attributes:
        keys: A vector for each shot; of unit norm until trained.
        values: The one-hot label of each shot.
        texts: Text vectors of the labels.
        scale: Factor of a cosine with a text.
        alpha: Weight of the memory.
        beta: How steeply the weight of a shot falls with its distance.
    """

    keys: Float32[Tensor, "shot dim"]
    values: Float32[Tensor, "shot label"]
    texts: Float32[Tensor, "label dim"]
    scale: float
    alpha: float = 3.0
    beta: float = 1.0

    def logits(
        self, features: Float32[Tensor, "clip time dim"]
    ) -> Float32[Tensor, "clip label"]:
        """Score clips by their frames' features."""
        return self.score(clip_vectors(features))

    def score(
        self, vectors: Float32[Tensor, "clip dim"]
    ) -> Float32[Tensor, "clip label"]:
        """Score clip vectors of unit norm."""
        cosines = vectors @ self.texts.T
        likeness = torch.exp(-self.beta * (1 - vectors @ self.keys.T))
        return self.scale * cosines + self.alpha * likeness @ self.values  # eq. 1


def remember_shots(
    features: Float32[Tensor, "*view clip time dim"],
    labels: Int64[Tensor, " clip"],
    texts: Float32[Tensor, "label dim"],
    scale: float,
) -> TipAdapter:
    """Build a Tip-Adapter without training, with the authors' initial alpha and beta.

    If the shots were augmented several times, each time is a view, and a key is the
    mean of its views' vectors, scaled to unit norm.

    Raises:
        ValueError: If there is no clip, or a label is not in ``texts``.
    """
    check_labels(labels, len(texts))
    keys = normalize(_view_vectors(features).mean(dim=0), dim=-1)
    return TipAdapter(keys, one_hot(labels, len(texts)).float(), texts, scale)


def fit_keys(
    start: TipAdapter,
    features: Float32[Tensor, "*view clip time dim"],
    labels: Int64[Tensor, " clip"],
    settings: TrainingSettings = TIP_KEYS,
    on_epoch: OnEpoch | None = None,
) -> TipAdapter:
    """Train the keys on the shots: Tip-Adapter-F.

    The authors augment the shots again in each epoch. Here each epoch uses the next
    view, and after the last the first again. They keep the epoch with the best test
    accuracy; here the last epoch is kept. ``start`` is not changed.

    Raises:
        ValueError: If there is no clip, or a label is unknown to the adapter.
    """
    check_labels(labels, len(start.texts))
    views = _view_vectors(features)
    keys = start.keys.detach().clone().requires_grad_()
    moving = replace(start, keys=keys)

    def loss_of(epoch: int, rows: Int64[Tensor, " row"]) -> Float32[Tensor, ""]:
        scores = moving.score(views[epoch % len(views)][rows])
        return cross_entropy(scores, labels[rows])

    train([keys], len(labels), settings, loss_of, on_epoch)
    return replace(start, keys=keys.detach())


def _view_vectors(
    features: Float32[Tensor, "*view clip time dim"],
) -> Float32[Tensor, "views clip dim"]:
    vectors = clip_vectors(features)
    return vectors.reshape(-1, *vectors.shape[-2:])


@torch.no_grad()
def search_tip(
    adapter: TipAdapter,
    features: Float32[Tensor, "clip time dim"],
    labels: Int64[Tensor, " clip"],
    alphas: Sequence[float] = TIP_ALPHAS,
    betas: Sequence[float] = TIP_BETAS,
) -> TipAdapter:
    """Choose alpha and beta by accuracy on validation clips, never on test clips.

    The adapter's current values are not tried. Of equal pairs the earliest beta wins,
    then the earliest alpha.

    Raises:
        ValueError: If there is no clip, or a label is unknown to the adapter.
    """
    check_labels(labels, len(adapter.texts))
    vectors = clip_vectors(features)
    zero_shot = adapter.scale * vectors @ adapter.texts.T
    distances = 1 - vectors @ adapter.keys.T
    best, most = adapter, -1
    for beta in betas:
        memory = torch.exp(-beta * distances) @ adapter.values
        for alpha in alphas:
            logits = zero_shot + alpha * memory  # eq. 1, each half computed once
            right = int((logits.argmax(dim=1) == labels).sum())
            if right > most:
                best, most = replace(adapter, alpha=alpha, beta=beta), right
    return best
