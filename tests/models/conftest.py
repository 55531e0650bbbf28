"""A tiny random checkpoint: real files, fast."""

from pathlib import Path

import pytest
import torch

from models.clip import ClipEncoder, load_clip
from models.new_checkpoint import save_checkpoint, small_clip, small_tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 32-pixel pictures in float32; not to be changed."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny-clip"
    model = small_clip(
        seed=0,
        image_size_px=32,
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


@pytest.fixture(scope="session")
def tiny_clip(tiny_folder: Path) -> ClipEncoder:
    return load_clip(tiny_folder)
