"""A tiny random checkpoint: real files, fast; what it says is of no interest."""

from pathlib import Path

import torch

from models.clip.new_checkpoint import save_checkpoint, small_clip, small_tokenizer

TINY_PX = 32


def save_tiny_checkpoint(folder: Path) -> Path:
    """Write a checkpoint of 32-pixel pictures in float32, the same every time."""
    model = small_clip(
        seed=0,
        image_size_px=TINY_PX,
        vision_width=24,
        vision_layers=2,
        vision_heads=2,
        text_width=16,
        text_layers=2,
        text_heads=2,
        dim=12,
    )
    save_checkpoint(model, small_tokenizer(), folder, dtype=torch.float32)
    return folder
