"""The parts that all methods of learning from a few labelled clips share.

    frames' features ──eq. 1──▶ a vector for each clip ──▶ one of the methods
    settings, loss of a batch ──AdamW, epoch by epoch──▶ trained parameters

The methods: ``models.few_shot.fine_tuning`` trains the model itself,
``models.few_shot.tip_adapter`` adds a memory of the clips,
``models.few_shot.linear_probe`` uses no texts.

1. v = unit(mean over the frames of unit(frame)), the clip vector
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import normalize

OnEpoch = Callable[[int, int, float], None]
"""Called after each epoch with its number from one, the total, and its mean loss.

The loss is NaN once a training has diverged.
"""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Settings of an AdamW training.

    Attributes:
        rate: Learning rate, without warm-up.
        epochs: Passes over the clips.
        batch: Clips in a step.
        weight_decay: Weight decay of every trained value.
        epsilon: AdamW's epsilon, which keeps tiny gradients from large steps.
        cosine: Whether the rate falls to zero along half a cosine; else it is constant.
        seed: Seed of the order of the clips, the only random choice.

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


def clip_vectors(
    features: Float32[Tensor, "*view clip time dim"],
) -> Float32[Tensor, "*view clip dim"]:
    """Average the frames of each clip, with gradients where they are enabled.

    Returns:
        Rows of unit norm, as ``models.clip.averaging.average_clip`` returns for one
        clip.
    """
    return normalize(normalize(features, dim=-1).mean(dim=-2), dim=-1)  # eq. 1


def train(
    moving: Iterable[Tensor],
    clips: int,
    settings: TrainingSettings,
    loss_of: Callable[[int, Int64[Tensor, " row"]], Float32[Tensor, ""]],
    on_epoch: OnEpoch | None,
) -> None:
    """Run AdamW over shuffled batches of clips.

    ``loss_of`` gets an epoch, counted from zero, and clip indices. The last batch of an
    epoch may be smaller.
    """
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


def check_labels(labels: Int64[Tensor, " clip"], classes: int) -> None:
    """Refuse an empty set of labels, or unknown ones.

    Raises:
        ValueError: If there is no clip, or a label is not within 0 to ``classes`` - 1.
    """
    if len(labels) == 0:
        msg = "no labelled clip to learn from"
        raise ValueError(msg)
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= classes:
        msg = f"labels {lowest} to {highest}, expected 0 to {classes - 1}"
        raise ValueError(msg)
