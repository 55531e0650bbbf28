"""A linear probe: logistic regression on clip vectors, without texts.

    features, or the tower's output before projection ─▶ clip vector ─▶ A v + b

It recognises only the labels that it was fitted on. With v a clip's vector
(``models.few_shot.training``):

1. minimise strength · Σ cross-entropy(A v + b, label) + ½ ‖A‖²

Sources: Radford et al. 2021, arXiv:2103.00020; the sweep of its strength, Zhou et al.
2022, arXiv:2109.01134. They use single pictures; using a video's clip vector is our
choice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from models.few_shot.training import check_labels, clip_vectors

PROBE_STRENGTHS = (1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6)
"""The strengths that a sweep tries first."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class LinearProbe:
    """A fitted linear probe.

    ``strength`` weighs the cross-entropy against the weights' norm; it is often called
    C.
    """

    weight: Float32[Tensor, "label width"]
    bias: Float32[Tensor, " label"]
    strength: float

    def logits(
        self, features: Float32[Tensor, "clip time width"]
    ) -> Float32[Tensor, "clip label"]:
        """Score clips by frame features of the kind that the probe was fitted on."""
        return linear(clip_vectors(features), self.weight, self.bias)


def fit_probe(
    features: Float32[Tensor, "clip time width"],
    labels: Int64[Tensor, " clip"],
    classes: int,
    strength: float,
) -> LinearProbe:
    """Fit a linear probe by L-BFGS, from zero and in float64, in at most 1000 steps.

    A large strength fits the clips closely, a small one keeps the weights small. Some
    labels may have no clip.

    Raises:
        ValueError: If there is no clip, or a label is not below ``classes``.
    """
    check_labels(labels, classes)
    rows = clip_vectors(features).cpu().double()
    truth = labels.cpu()
    decay = 1 / (strength * len(rows))

    def objective(flat: Float64[np.ndarray, " value"]) -> tuple[float, np.ndarray]:
        values = torch.tensor(flat).reshape(classes, -1).requires_grad_()
        weight, bias = values[:, :-1], values[:, -1]
        # eq. 1, divided by strength and clips: the same minimum at any strength
        loss = cross_entropy(linear(rows, weight, bias), truth)
        loss = loss + 0.5 * decay * weight.square().sum()
        (slope,) = torch.autograd.grad(loss, (values,))
        return loss.item(), slope.flatten().numpy()

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
    """Choose a probe's strength by accuracy on validation clips, never on test clips.

    ::

        1e-6 . . . 1 . . . 1e6     suppose 1 is best (the earliest of equals):
               [0.1 --- 10]        a decade to each side is fitted
                    [1 - 10]       the better end stays, the lower of equals;
                                   the other end moves half way to it, and so on

    The last end that stayed is the result. Without ``halvings`` the result is the best
    of ``strengths``. ``on_fit`` is called with the strength and accuracy of each fit.

    Raises:
        ValueError: If there is no clip on either side, or a label is not below
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
