"""A small SC-CLIP of random weights, and random inputs for it."""

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel

from models.clip.new_checkpoint import small_clip
from models.sc_clip.model import ScAnswer, ScClip
from models.sc_clip.settings import ScSettings

LAYERS, FRAMES, LABELS = 3, 6, 4
SPLIT = ScSettings(delta=0.97)  # a random tower's patches are much alike


def tiny_clip(layers: int = LAYERS) -> CLIPModel:
    return small_clip(
        seed=5,
        image_size_px=32,
        patch_size_px=8,
        vision_width=24,
        vision_layers=layers,
        vision_heads=2,
        text_width=16,
        text_layers=1,
        text_heads=2,
        dim=12,
    )


def disturb(model: ScClip, loudness: float = 0.1) -> ScClip:
    """Move what is trained away from where it starts, as training would."""
    draw = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for value in model.trainable_parameters():
            value.add_(loudness * torch.randn(value.shape, generator=draw))
    return model


def trained(settings: ScSettings = SPLIT) -> ScClip:
    return disturb(ScClip(tiny_clip(), settings))


def pictures(clips: int = 2, frames: int = FRAMES, seed: int = 0) -> Tensor:
    """Clips of coarse patterns, so that patches differ."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.randn(clips * frames, 3, 4, 4, generator=draw)
    fine = coarse.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    return fine.reshape(clips, frames, 3, 32, 32)


def texts(dim: int = 12) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return normalize(torch.randn(LABELS, dim, generator=draw), dim=-1)


@torch.no_grad()
def answer(model: ScClip, pixels: Tensor) -> ScAnswer:
    found = model(pixels, texts())
    assert isinstance(found, ScAnswer)
    return found


def assert_same(found: ScAnswer, expected: ScAnswer) -> None:
    for name in ("logits", "video", "query", "auxiliary"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=0, atol=1e-5
        )
