"""A small IS-CLIP of random weights, and random inputs for it."""

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPModel

from models.clip.new_checkpoint import small_clip
from models.is_clip.model import IsClip, IsClipSettings

FRAMES = 4
SMALL = IsClipSettings(heads=3, imu_width=64)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def deep_clip() -> CLIPModel:
    """Three blocks: one in the trunk, two that are trained."""
    return small_clip(
        seed=0,
        image_size_px=32,
        vision_width=24,
        vision_layers=3,
        vision_heads=2,
        text_width=16,
        text_layers=1,
        text_heads=2,
        dim=12,
    )


def make(settings: IsClipSettings = SMALL, *, shaken: bool = True) -> IsClip:
    """With the layers that start as zeros moved, if ``shaken``."""
    model = IsClip(deep_clip(), settings, frames=FRAMES)
    if shaken:
        with torch.no_grad():
            for seed, value in enumerate(model.trained().values()):
                value.add_(0.1 * draw(*value.shape, seed=seed))
    return model


def felt(model: IsClip, clips: int, seed: int = 5) -> Tensor:
    with torch.no_grad():
        pictures = draw(2, clips, 3, 64, 64, seed=seed)
        return model.encode_imu(pictures[0], pictures[1])


def texts(labels: int = 3) -> Tensor:
    return torch.nn.functional.normalize(draw(labels, 12, seed=9), dim=-1)


def unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return np.array([part / length for part in vector])
