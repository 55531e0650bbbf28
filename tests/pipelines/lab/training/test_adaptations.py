"""What the training commands write is recognised with, and learns."""

from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.recognizer import ClipRecognizer
from models.window import Window
from pipelines.errors import TrainingError
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.training.adaptations import adapt_csn, adapt_sc_clip
from tests.tiny_checkpoint import TINY_PX, save_tiny_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny-clip")


@pytest.fixture
def plain(folder: Path) -> ClipRecognizer:
    return build_recognizer(folder)


def coloured_clips(count: int, labels: int) -> ClipSet:
    """A colour for each label."""
    rng = np.random.default_rng(0)
    of = np.arange(count, dtype=np.int64) % labels
    shades = rng.integers(0, 256, (labels, 1, 1, 1, 3))
    noise = rng.integers(-30, 31, (count, 8, TINY_PX, TINY_PX, 3))
    return ClipSet(
        frames=np.clip(shades[of] + noise, 0, 255).astype(np.uint8),
        labels=of,
        groups=np.arange(count, dtype=np.int64),
    )


def silent(stage: str, done: int, total: int, note: str) -> None:
    pass


def right(recognizer: ClipRecognizer, clips: ClipSet) -> float:
    """Return the share of clips that are recognised."""
    windows = [Window(recognizer.encode(it), range(len(it))) for it in clips.frames]
    scores, _, _ = recognizer.classify(windows)
    return float((scores.argmax(axis=1) == clips.labels).mean())


def test_sc_clip_learns(folder: Path, plain: ClipRecognizer, tmp_path: Path) -> None:
    clips, path = coloured_clips(24, 3), tmp_path / "sc-clip.safetensors"
    adapt_sc_clip(plain, clips.frames, clips.labels, path, silent, seed=1, epochs=20)
    adapted = build_recognizer(folder, adaptation=path)
    assert right(adapted, clips) > right(plain, clips)


def test_noise_is_written_for_its_labels(
    folder: Path, plain: ClipRecognizer, tmp_path: Path
) -> None:
    reports: list[tuple[str, int, int]] = []
    path = tmp_path / "csn.safetensors"
    clips = coloured_clips(12, 3)
    adapt_csn(
        plain,
        clips.frames,
        clips.labels,
        path,
        lambda stage, done, total, _: reports.append((stage, done, total)),
        seed=1,
        epochs=3,
    )
    assert ("training", 3, 3) in reports
    assert build_recognizer(folder, adaptation=path).name == "tiny-clip+csn"


def test_clips_that_cannot_be_trained_on_are_refused(
    plain: ClipRecognizer, tmp_path: Path
) -> None:
    path = tmp_path / "none.safetensors"
    clips = coloured_clips(6, 1)
    given = plain, clips.frames, clips.labels, path, silent
    with pytest.raises(TrainingError, match=r"^class-specific noise: expected frames"):
        adapt_csn(*given, seed=1, epochs=1)
    assert not path.exists()
