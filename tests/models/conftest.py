from pathlib import Path

import pytest

from models.clip.encoder import ClipEncoder, load_clip
from tests.tiny_checkpoint import save_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    return save_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint") / "tiny-clip")


@pytest.fixture(scope="session")
def tiny_clip(tiny_folder: Path) -> ClipEncoder:
    return load_clip(tiny_folder)
