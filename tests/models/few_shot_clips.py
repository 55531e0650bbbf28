"""Random clips with labels, and what they are learnt from by hand."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from models.few_shot.training import TrainingSettings

SCALE = 20.0
CLIPS, FRAMES, WIDTH, DIM, LABELS = 12, 3, 6, 5, 3
UNKNOWN_LABELS: tuple[tuple[list[int], str], ...] = (
    ([], r"^no labelled clip to learn from$"),
    ([0, 3], r"^labels 0 to 3, expected 0 to 2$"),
    ([1, -1], r"^labels -1 to 1, expected 0 to 2$"),
)
"""What nothing is learnt from, and what is said of it."""


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit_rows(seed: int, *shape: int) -> Tensor:
    return torch.nn.functional.normalize(draw(seed, *shape), dim=-1)


def noisy_clips(seed: int, clips: int = CLIPS, width: int = DIM) -> Tensor:
    """Clips around a centre for each label; labels take turns."""
    centres = draw(99, LABELS, 1, width)[torch.arange(clips) % LABELS]
    return centres + 0.9 * draw(seed, clips, FRAMES, width)


def turns(clips: int = CLIPS) -> Tensor:
    return torch.arange(clips) % LABELS


def plain_clip_vector(frames: np.ndarray) -> np.ndarray:
    total = np.zeros(frames.shape[1])
    for frame in frames:
        total += frame / math.sqrt(sum(value**2 for value in frame))
    mean = total / len(frames)
    return mean / math.sqrt(sum(value**2 for value in mean))


def plain_adamw(
    start: Tensor,
    slope_of: Callable[[Tensor], Tensor],
    rates: list[float],
    settings: TrainingSettings,
) -> Tensor:
    """Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, line by line."""
    value, first, second = start.clone(), 0.0 * start, 0.0 * start
    for step, rate in enumerate(rates, start=1):
        slope = slope_of(value)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        move = (first / (1 - 0.9**step)) / (
            (second / (1 - 0.999**step)).sqrt() + settings.epsilon
        )
        value = value - rate * (move + settings.weight_decay * value)
    return value


def slope_by_autograd(loss_of: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def slope(value: Tensor) -> Tensor:
        moving = value.clone().requires_grad_()
        return torch.autograd.grad(loss_of(moving), moving)[0]

    return slope
