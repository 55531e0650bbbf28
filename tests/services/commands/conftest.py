from pathlib import Path

import pytest

from models.new_checkpoint import save_checkpoint, small_clip, small_tokenizer


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model: what it says is of no interest here."""
    folder = tmp_path_factory.mktemp("model") / "tiny-clip"
    model = small_clip(
        seed=0,
        image_size_px=32,
        vision_width=24,
        vision_layers=1,
        vision_heads=2,
        text_width=16,
        text_layers=1,
        text_heads=2,
        dim=16,
    )
    save_checkpoint(model, small_tokenizer(), folder)
    return folder
