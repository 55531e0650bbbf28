"""Adapt CLIP to a few labelled clips, in four ways.

    pooled ──trained projection──▶ clip vector ──▶ cosines with any texts
    features ─▶ clip vector ─┬─▶ cosines with the texts ─────────────┐
                             └─▶ likeness to the shots, their labels ┴─▶ Tip-Adapter
    features ─▶ clip vector ──▶ logistic regression, without texts
    frames ──▶ both towers, every weight moves ──▶ cosines with any texts

``pooled`` is what the picture tower gives before its projection, ``features`` what it
gives after it, both of any norm. ``texts`` are vectors of unit norm, constants but in
fine-tuning; labels are indices into them. With K the shots' vectors and V their labels,
a one among zeros:

1. v = unit(mean over the frames of unit(frame)), the clip vector
2. logits = scale · v · textsᵀ
3. logits = scale · v · textsᵀ + alpha · exp(-beta (1 - v Kᵀ)) V
4. minimise strength · Σ cross-entropy(A v + b, label) + ½ ‖A‖²

Sources: Tip-Adapter, Zhang et al. 2022, arXiv:2207.09519; the linear probe, Radford et
al. 2021, arXiv:2103.00020, and its sweep, Zhou et al. 2022, arXiv:2109.01134; they take
single pictures, and that a video stands there as its clip vector was chosen here. For
the projection alone and for moving every weight no source states optimiser, rate,
epochs or batch: ``PROJECTION`` and ``FINE_TUNING`` were chosen here.
"""

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, UInt8
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, normalize, one_hot
from transformers import CLIPModel, PreTrainedTokenizerBase

from models.checkpoint import Colour
from models.clip import (
    CLIP_DEVIATION,
    CLIP_MEAN,
    MAX_LOGIT_SCALE,
    encode_pixels,
    normalise_pixels,
)
from models.prompt_set import PromptSet
from models.text_bank import embed_labels

OnEpoch = Callable[[int, int, float], None]
"""Told after each epoch: its number from one, how many there are, its mean loss.

The loss is NaN once a training has diverged.
"""

_POOLED_AT_ONCE = 64
"""Pictures that pass the tower at once: bounds the memory, not the result."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How AdamW moves what is trained.

    Attributes:
        rate: Learning rate, from the first step: there is no warm-up.
        epochs: Passes over the clips.
        batch: Clips a step.
        weight_decay: Of every value that moves.
        epsilon: AdamW's own; keeps tiny gradients from large steps.
        cosine: Whether the rate falls to zero along half a cosine, or stays.
        seed: Of the order of the clips, the only chance there is.

    Raises:
        ValueError: If rate, epochs or batch are not positive.
    """

    rate: float
    epochs: int
    batch: int
    weight_decay: float = 0.01
    epsilon: float = 1e-8
    cosine: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            msg = f"rate {self.rate}, expected above 0 and finite"
            raise ValueError(msg)
        if min(self.epochs, self.batch) < 1:
            msg = f"{self.epochs} epochs of batches of {self.batch}, expected 1 or more"
            raise ValueError(msg)


PROJECTION = TrainingSettings(rate=1e-4, epochs=20, batch=32)
"""For the projection alone."""

TIP_KEYS = TrainingSettings(rate=1e-3, epochs=20, batch=256, epsilon=1e-4, cosine=True)
"""For the keys of Tip-Adapter-F, as its authors train them."""

FINE_TUNING = TrainingSettings(rate=1e-3, epochs=5, batch=8)
"""For every weight, and naive: so fast, CLIP forgets the labels that are left out.

It bears 1e-6 to 1e-5; ``dataclasses.replace`` makes a sweep.
"""

TIP_ALPHAS = tuple(0.1 + place * (3.0 - 0.1) / 20 for place in range(20))
"""What the authors of Tip-Adapter try on UCF101: from 0.1 up to, but without, 3."""

TIP_BETAS = tuple(0.1 + place * (7.0 - 0.1) / 200 for place in range(200))
"""What they try for beta: from 0.1 up to, but without, 7."""

PROBE_STRENGTHS = (1e6, 1e4, 1e2, 1.0, 1e-2, 1e-4, 1e-6)
"""What a sweep of the linear probe tries first."""


def clip_vectors(
    features: Float32[Tensor, "*view clip time dim"],
) -> Float32[Tensor, "*view clip dim"]:
    """Average the frames of each clip, with gradients where they are enabled.

    Returns:
        Rows of unit norm, as ``models.temporal.average_clip`` gives one by one.
    """
    return normalize(normalize(features, dim=-1).mean(dim=-2), dim=-1)  # eq. 1


@torch.no_grad()
def pooled_features(
    model: CLIPModel,
    frames: UInt8[Tensor, "clip time height width 3"],
    pixel_scale: tuple[Colour, Colour] = (CLIP_MEAN, CLIP_DEVIATION),
) -> Float32[Tensor, "clip time hidden"]:
    """Run the picture tower up to its projection, once for all that follows.

    Args:
        model: In evaluation mode.
        frames: RGB pictures of the model's own size.
        pixel_scale: Mean and deviation, as ``normalise_pixels`` takes them.
    """
    parts = []
    for part in torch.split(frames.flatten(0, 1), _POOLED_AT_ONCE):
        pixels = normalise_pixels(part.to(model.device), *pixel_scale)
        answer = model.vision_model(pixel_values=pixels.to(model.dtype))
        parts.append(answer.pooler_output.float())
    return torch.cat(parts).reshape(*frames.shape[:2], -1)


@final
@dataclass(frozen=True, slots=True, eq=False)
class TunedProjection:
    """A picture projection of its own; all else is the frozen model's.

    Attributes:
        weight: In place of the weight of the model's ``visual_projection``.
        scale: What multiplies a cosine: the model's own.
    """

    weight: Float32[Tensor, "dim hidden"]
    scale: float

    def vectors(
        self, pooled: Float32[Tensor, "clip time hidden"]
    ) -> Float32[Tensor, "clip dim"]:
        """Project the frames and average each clip; the rows have unit norm."""
        return clip_vectors(linear(pooled, self.weight))

    def logits(
        self,
        pooled: Float32[Tensor, "clip time hidden"],
        texts: Float32[Tensor, "label dim"],
    ) -> Float32[Tensor, "clip label"]:
        """Score clips against any labels, also those that it was not tuned on."""
        return self.scale * self.vectors(pooled) @ texts.T  # eq. 2

    def put_into(self, model: CLIPModel) -> CLIPModel:
        """Return a copy of the model that projects as this does."""
        tuned = copy.deepcopy(model)
        with torch.no_grad():
            tuned.visual_projection.weight.copy_(self.weight)
        return tuned


def fit_projection(
    start: TunedProjection,
    pooled: Float32[Tensor, "clip time hidden"],
    labels: Int64[Tensor, " clip"],
    texts: Float32[Tensor, "label dim"],
    settings: TrainingSettings = PROJECTION,
    on_epoch: OnEpoch | None = None,
) -> TunedProjection:
    """Train the picture projection alone, by the cross-entropy of the labels in texts.

    ``start`` holds the model's projection and scale; it is left as it is.

    Raises:
        ValueError: If there is no clip, or a label that ``texts`` does not hold.
    """
    _check_labels(labels, len(texts))
    weight = start.weight.detach().clone().requires_grad_()
    moving = replace(start, weight=weight)

    def loss_of(_epoch: int, rows: Int64[Tensor, " row"]) -> Float32[Tensor, ""]:
        return cross_entropy(moving.logits(pooled[rows], texts), labels[rows])

    _train([weight], len(labels), settings, loss_of, on_epoch)
    return replace(start, weight=weight.detach())


@final
@dataclass(frozen=True, slots=True, eq=False)
class TipAdapter:
    """CLIP's scores, and beside them a memory of the shots.

    Attributes:
        keys: A vector for each shot; of unit norm until they are trained.
        values: The label of each shot, a one among zeros.
        texts: What the labels say.
        scale: What multiplies a cosine with a text.
        alpha: How much the memory counts.
        beta: How steeply likeness to a shot falls off.
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
        """Score clips by their frames."""
        return self.score(clip_vectors(features))

    def score(
        self, vectors: Float32[Tensor, "clip dim"]
    ) -> Float32[Tensor, "clip label"]:
        """Score clip vectors of unit norm."""
        cosines = vectors @ self.texts.T
        likeness = torch.exp(-self.beta * (1 - vectors @ self.keys.T))
        return self.scale * cosines + self.alpha * likeness @ self.values  # eq. 3


def remember_shots(
    features: Float32[Tensor, "*view clip time dim"],
    labels: Int64[Tensor, " clip"],
    texts: Float32[Tensor, "label dim"],
    scale: float,
) -> TipAdapter:
    """Make a Tip-Adapter without training, at the authors' first alpha and beta.

    Where the shots were augmented several times, each time is a view, and a key is
    the mean of its views' vectors, brought back to unit norm.

    Raises:
        ValueError: If there is no clip, or a label that ``texts`` does not hold.
    """
    _check_labels(labels, len(texts))
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

    The authors augment the shots anew in each epoch: here each epoch takes the next
    view, and after the last the first again. They keep the epoch that is best on the
    test clips; here it is the last. ``start`` is left as it is.

    Raises:
        ValueError: If there is no clip, or a label that the adapter does not know.
    """
    _check_labels(labels, len(start.texts))
    views = _view_vectors(features)
    keys = start.keys.detach().clone().requires_grad_()
    moving = replace(start, keys=keys)

    def loss_of(epoch: int, rows: Int64[Tensor, " row"]) -> Float32[Tensor, ""]:
        scores = moving.score(views[epoch % len(views)][rows])
        return cross_entropy(scores, labels[rows])

    _train([keys], len(labels), settings, loss_of, on_epoch)
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
    """Choose alpha and beta by the accuracy on validation clips, never the test's.

    The adapter's own are not tried. Of pairs that are as good the earliest beta wins,
    then the earliest alpha.

    Raises:
        ValueError: If there is no clip, or a label that the adapter does not know.
    """
    _check_labels(labels, len(adapter.texts))
    vectors = clip_vectors(features)
    zero_shot = adapter.scale * vectors @ adapter.texts.T
    distances = 1 - vectors @ adapter.keys.T
    best, most = adapter, -1
    for beta in betas:
        memory = torch.exp(-beta * distances) @ adapter.values
        for alpha in alphas:
            logits = zero_shot + alpha * memory  # eq. 3, each half computed once
            right = int((logits.argmax(dim=1) == labels).sum())
            if right > most:
                best, most = replace(adapter, alpha=alpha, beta=beta), right
    return best


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
    _check_labels(labels, classes)
    rows = clip_vectors(features).numpy(force=True).astype(np.float64)
    truth = np.eye(classes)[labels.numpy(force=True)]
    decay = 1 / (strength * len(rows))

    def objective(
        flat: Float64[np.ndarray, " value"],
    ) -> tuple[float, Float64[np.ndarray, " value"]]:
        values = flat.reshape(classes, -1)
        weight, bias = values[:, :-1], values[:, -1]
        logits = rows @ weight.T + bias
        # eq. 4, divided by strength and clips: the same minimum at any strength
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
    _check_labels(validation_labels, classes)
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


def fine_tune(
    model: CLIPModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt_set: PromptSet,
    frames: UInt8[Tensor, "clip time height width 3"],
    labels: Int64[Tensor, " clip"],
    settings: TrainingSettings = FINE_TUNING,
    on_epoch: OnEpoch | None = None,
    pixel_scale: tuple[Colour, Colour] = (CLIP_MEAN, CLIP_DEVIATION),
) -> CLIPModel:
    """Move every weight of a copy of the model, the texts' tower and scale included.

    The prompt set holds the labels that are tuned and no others; the frames are RGB
    pictures of the model's own size, and ``pixel_scale`` is as in ``pooled_features``.

    Returns:
        The copy, in float32 and evaluation mode.

    Raises:
        ValueError: If there is no clip, or a label that the prompt set does not hold.
    """
    _check_labels(labels, len(prompt_set.labels))
    tuned = copy.deepcopy(model).requires_grad_()
    torch.nn.Module.to(tuned, torch.float32)  # half precision loses such small steps
    tuned.train(mode=False)  # CLIP has no dropout to switch on

    def loss_of(_epoch: int, rows: Int64[Tensor, " row"]) -> Float32[Tensor, ""]:
        texts = embed_labels(tuned, tokenizer, prompt_set)
        pictures = frames[rows].flatten(0, 1).to(tuned.device)
        encoded = encode_pixels(tuned, normalise_pixels(pictures, *pixel_scale))
        clips = encoded.reshape(len(rows), -1, encoded.shape[1])
        scale = tuned.logit_scale.exp().clamp(max=MAX_LOGIT_SCALE)
        logits = scale * clip_vectors(clips) @ texts.T  # eq. 2
        return cross_entropy(logits, labels[rows].to(tuned.device))

    _train(tuned.parameters(), len(labels), settings, loss_of, on_epoch)
    return tuned


def _train(
    moving: Iterable[Tensor],
    clips: int,
    settings: TrainingSettings,
    loss_of: Callable[[int, Tensor], Tensor],
    on_epoch: OnEpoch | None,
) -> None:
    """Run AdamW; ``loss_of`` takes an epoch from zero and the clips of a batch."""
    optimiser = torch.optim.AdamW(
        moving, settings.rate, eps=settings.epsilon, weight_decay=settings.weight_decay
    )
    order = torch.Generator().manual_seed(settings.seed)
    steps, step = settings.epochs * math.ceil(clips / settings.batch), 0
    for epoch in range(settings.epochs):
        total = 0.0
        shuffled = torch.randperm(clips, generator=order)
        for rows in torch.split(shuffled, settings.batch):
            if settings.cosine:
                share = (1 + math.cos(math.pi * step / steps)) / 2
                optimiser.param_groups[0]["lr"] = settings.rate * share
            loss = loss_of(epoch, rows)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own gap
            optimiser.step()
            total += loss.item() * len(rows)
            step += 1
        if on_epoch is not None:
            on_epoch(epoch + 1, settings.epochs, total / clips)


def _check_labels(labels: Int64[Tensor, " clip"], classes: int) -> None:
    if len(labels) == 0:
        msg = "no labelled clip to learn from"
        raise ValueError(msg)
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= classes:
        msg = f"labels {lowest} to {highest}, expected 0 to {classes - 1}"
        raise ValueError(msg)
