"""A laboratory whose answers are known: clips made of the texts' own vectors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.recognizer import ClipRecognizer
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.models.laboratory import Laboratory
from tests.tiny_checkpoint import TINY_PX, save_tiny_checkpoint


@pytest.fixture(scope="session")
def tiny_recognizer(tmp_path_factory: pytest.TempPathFactory) -> ClipRecognizer:
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny-clip")
    return build_recognizer(str(folder), None)


def random_clips(count: int, labels: int, seed: int = 0) -> ClipSet:
    """Noise with a colour for each label, in ten groups, with a wearable."""
    rng = np.random.default_rng(seed)
    of = np.arange(count, dtype=np.int64) % labels
    shades = rng.integers(0, 256, (labels, 1, 1, 1, 3))
    noise = rng.integers(-30, 31, (count, 8, TINY_PX, TINY_PX, 3))
    parts = np.zeros((count, TINY_PX, TINY_PX), np.uint8)
    parts[:, 8:24, 8:24] = 1
    return ClipSet(
        frames=np.clip(shades[of] + noise, 0, 255).astype(np.uint8),
        labels=of,
        groups=np.arange(count, dtype=np.int64) // labels % 10,
        imu=(rng.normal(size=(count, 150, 6)) + of[:, None, None]).astype(np.float32),
        parts=parts,
    )


@pytest.fixture
def laboratory(tiny_recognizer: ClipRecognizer) -> Callable[[int], Laboratory]:
    """Make a laboratory of so many clips."""

    def make(clips: int) -> Laboratory:
        labels = len(tiny_recognizer.prompt_set.labels)
        return Laboratory(
            tiny_recognizer,
            random_clips(clips, labels),
            "Measured on noise.",
            lambda *_: None,
        )

    return make


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path
