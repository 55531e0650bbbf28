"""Adaptations of the tiny checkpoint, one of each kind, whose weights are shaken."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.clip.encoder import ClipEncoder
from models.clip.text_bank import build_text_bank
from models.csn.file import save_csn
from models.csn.noise import FeatureNoise
from models.is_clip.file import TrainedIsClip, save_is_clip
from models.is_clip.model import IsClip, IsClipSettings
from models.is_clip.spectrogram import SpectrogramScale
from models.prompts.prompt_file import bundled_prompt_set
from models.sc_clip.file import save_sc_clip
from models.sc_clip.model import ScClip
from models.sc_clip.settings import ScSettings

KINDS = ("csn", "is-clip", "sc-clip")
SCALE = SpectrogramScale(50.0, 0.25, 1.5, 0.5, 2.0, levels=True)
SC_SETTINGS = ScSettings(delta=0.8, head="average", trained_layers=(1,), scale=9.0)


def shake(values: list[nn.Parameter], seed: int = 1) -> None:
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in values:
            value.add_(0.1 * torch.randn(value.shape, generator=draw))


def make_noise(clip: ClipEncoder) -> FeatureNoise:
    bank = build_text_bank(clip, bundled_prompt_set())
    offsets = np.random.default_rng(1).normal(size=bank.shape).astype(np.float32)
    offsets *= 0.3 / np.linalg.norm(offsets, axis=1, keepdims=True)
    return FeatureNoise(offsets, bank, epsilon=0.31)


def make_is_clip(clip: ClipEncoder) -> TrainedIsClip:
    settings = IsClipSettings(heads=4, imu_width=64, mode="residual", video_weight=0.5)
    model = IsClip(clip.model, settings, frames=8, seed=8)
    shake(list(model.trained().values()))
    return TrainedIsClip(model, SCALE, 0.375)


def make_sc_clip(clip: ClipEncoder) -> ScClip:
    model = ScClip(clip.model, SC_SETTINGS)
    shake(model.trainable_parameters())
    return model


def save_kind(kind: str, clip: ClipEncoder, path: Path) -> Path:
    """Write an adaptation of one kind."""
    if kind == "csn":
        save_csn(path, make_noise(clip), clip, bundled_prompt_set().labels)
    elif kind == "is-clip":
        save_is_clip(path, make_is_clip(clip), clip)
    else:
        save_sc_clip(path, make_sc_clip(clip), clip)
    return path
