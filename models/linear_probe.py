"""A linear probe: logistic regression on clip vectors, without texts.

    features, or what stands before the projection ─▶ clip vector ─▶ A v + b

It knows its own labels alone. With v a clip's vector (``models.few_shot_training``):

1. minimise strength · Σ cross-entropy(A v + b, label) + ½ ‖A‖²

Sources: Radford et al. 2021, arXiv:2103.00020; the sweep of its strength, Zhou et al.
2022, arXiv:2109.01134. They take single pictures; that a video stands there as its clip
vector was chosen here.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from torch import Tensor
from torch.nn.functional import linear

from models.few_shot_training import check_labels, clip_vectors

PROBE_STRENGTHS = (1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6)
"""What a sweep of the linear probe tries first."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class LinearProbe:
    """Logistic regression on clip vectors; it knows its own labels alone.

    Attributes:
        weight: A row for each label.
        bias: Of each label.
        strength: Of the cross-entropy against the weights' norm, often called C.
    """

    weight: Float32[Tensor, "label width"]
    bias: Float32[Tensor, " label"]
    strength: float

    def logits(
        self, features: Float32[Tensor, "clip time width"]
    ) -> Float32[Tensor, "clip label"]:
        """Score clips by frames of the kind that it was fitted on."""
        return linear(clip_vectors(features), self.weight, self.bias)


def fit_probe(
    features: Float32[Tensor, "clip time width"],
    labels: Int64[Tensor, " clip"],
    classes: int,
    strength: float,
) -> LinearProbe:
    """Fit a linear probe by L-BFGS, from zero and in float64, in 1000 steps at most.

    Features may be pooled or projected, and some of the ``classes`` may have no clip.
    A large ``strength`` trusts the clips, a small one keeps the weights small.

    Raises:
        ValueError: If there is no clip, or a label at or above ``classes``.
    """
    check_labels(labels, classes)
    rows = clip_vectors(features).numpy(force=True).astype(np.float64)
    truth = np.eye(classes)[labels.numpy(force=True)]
    decay = 1 / (strength * len(rows))

    def objective(
        flat: Float64[np.ndarray, " value"],
    ) -> tuple[float, Float64[np.ndarray, " value"]]:
        values = flat.reshape(classes, -1)
        weight, bias = values[:, :-1], values[:, -1]
        logits = rows @ weight.T + bias
        # eq. 1, divided by strength and clips: the same minimum at any strength
        loss = -(truth * log_softmax(logits, axis=1)).sum() / len(rows)
        loss += 0.5 * decay * (weight**2).sum()
        slope = (softmax(logits, axis=1) - truth).T / len(rows)
        gradient = np.column_stack((slope @ rows + decay * weight, slope.sum(axis=1)))
        return float(loss), gradient.ravel()

    fitted = minimize(
        objective,
        np.zeros(classes * (rows.shape[1] + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-8},
    )
    values = torch.tensor(fitted.x, dtype=torch.float32, device=features.device)
    values = values.reshape(classes, -1)
    return LinearProbe(values[:, :-1], values[:, -1], strength)


def sweep_probe(
    features: Float32[Tensor, "clip time width"],
    labels: Int64[Tensor, " clip"],
    validation: Float32[Tensor, "other time width"],
    validation_labels: Int64[Tensor, " other"],
    classes: int,
    strengths: Sequence[float] = PROBE_STRENGTHS,
    halvings: int = 8,
    on_fit: Callable[[float, float], None] | None = None,
) -> LinearProbe:
    """Choose a probe's strength by the accuracy on validation clips, never the test's.

    ::

        1e-6 . . . 1 . . . 1e6     say that 1 is best, the earliest where some are as
               [0.1 --- 10]        good: a decade to each side is fitted
                    [1 - 10]       the better end stays, the lower where both are as
                                   good; the other moves half way to it, and so on

    The last end that stayed is the answer. ``on_fit`` is told of each fit its strength
    and its accuracy; without ``halvings`` the best of ``strengths`` is the answer.

    Raises:
        ValueError: If there is no clip on either side, or a label at or above
            ``classes``.
    """
    check_labels(validation_labels, classes)
    fitted: dict[float, tuple[float, LinearProbe]] = {}

    def accuracy(strength: float) -> float:
        if strength not in fitted:
            probe = fit_probe(features, labels, classes, strength)
            hits = probe.logits(validation).argmax(dim=1) == validation_labels
            fitted[strength] = float(hits.double().mean()), probe
            if on_fit is not None:
                on_fit(strength, fitted[strength][0])
        return fitted[strength][0]

    chosen = max(strengths, key=accuracy)
    low, high = chosen / 10, chosen * 10
    for _ in range(halvings):
        middle = math.sqrt(low * high)
        if accuracy(low) < accuracy(high):
            chosen, low = high, middle
        else:
            chosen, high = low, middle
    return fitted[chosen][1]
