from pathlib import Path

import pytest

from tests.camera_rig import write_numbered
from tests.pipelines.lab.data.public.rig import PICTURES


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of numbered pictures."""
    return write_numbered(tmp_path_factory.mktemp("film") / "film.mp4", PICTURES)
