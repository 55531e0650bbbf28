"""What the training commands write is recognised with, and learns."""

from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.recognizer import ClipRecognizer
from models.window import Window
from pipelines.errors import TrainingError
from pipelines.studies.clip_set import ClipSet
from pipelines.training.adaptations import adapt_csn, adapt_is_clip, adapt_sc_clip
from tests.tiny_checkpoint import TINY_PX, save_tiny_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny-clip")


@pytest.fixture
def plain(folder: Path) -> ClipRecognizer:
    return build_recognizer(folder)


def coloured_clips(count: int, labels: int) -> ClipSet:
    """A colour and a kind of movement for each label."""
    rng = np.random.default_rng(0)
    of = np.arange(count, dtype=np.int64) % labels
    shades = rng.integers(0, 256, (labels, 1, 1, 1, 3))
    noise = rng.integers(-30, 31, (count, 8, TINY_PX, TINY_PX, 3))
    waves = np.sin(np.arange(150)[:, None] * np.arange(1, 7) * 0.1)
    return ClipSet(
        frames=np.clip(shades[of] + noise, 0, 255).astype(np.uint8),
        labels=of,
        groups=np.arange(count, dtype=np.int64),
        imu=(waves * (1 + 4 * of[:, None, None])).astype(np.float32),
    )


def silent(stage: str, done: int, total: int, note: str) -> None:
    pass


def right(recognizer: ClipRecognizer, clips: ClipSet, rests: str) -> float:
    """Return the share of clips that are recognised from frames, samples or both."""
    windows = []
    assert clips.imu is not None
    for frames, imu in zip(clips.frames, clips.imu, strict=True):
        features = np.zeros((0, 0), np.float32)
        if rests != "imu":
            features = recognizer.encode(frames)
        worn = None if rests == "video" else imu[18:149]
        rate_hz = None if worn is None else 50.0
        windows.append(Window(features, range(len(features)), worn, rate_hz))
    scores, _, told = recognizer.classify(windows)
    assert set(told) == {rests}
    return float((scores.argmax(axis=1) == clips.labels).mean())


def test_is_clip_learns_from_frames_and_from_samples_alone(
    folder: Path, plain: ClipRecognizer, tmp_path: Path
) -> None:
    clips, path = coloured_clips(24, 3), tmp_path / "is-clip.safetensors"
    adapt_is_clip(plain, clips, path, silent, seed=1, steps=150, window_s=3.0)
    adapted = build_recognizer(folder, adaptation=path)
    assert right(adapted, clips, "imu") > 0.9
    assert right(adapted, clips, "fused") > 0.6 > right(plain, clips, "video")


def test_sc_clip_learns(folder: Path, plain: ClipRecognizer, tmp_path: Path) -> None:
    clips, path = coloured_clips(24, 3), tmp_path / "sc-clip.safetensors"
    adapt_sc_clip(plain, clips, path, silent, seed=1, epochs=20)
    adapted = build_recognizer(folder, adaptation=path)
    assert right(adapted, clips, "video") > right(plain, clips, "video")


def test_noise_is_written_for_its_labels(
    folder: Path, plain: ClipRecognizer, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    path = tmp_path / "csn.safetensors"
    adapt_csn(
        plain,
        coloured_clips(12, 3),
        path,
        lambda stage, done, total, _: told.append((stage, done, total)),
        seed=1,
        epochs=3,
    )
    assert ("training", 3, 3) in told
    assert build_recognizer(folder, adaptation=path).name == "tiny-clip+csn"


def test_clips_that_cannot_be_trained_on_are_refused(
    plain: ClipRecognizer, tmp_path: Path
) -> None:
    path = tmp_path / "none.safetensors"
    clips = coloured_clips(6, 1)
    with pytest.raises(TrainingError, match=r"^class-specific noise: expected frames"):
        adapt_csn(plain, clips, path, silent, seed=1, epochs=1)
    seen = ClipSet(clips.frames, clips.labels, clips.groups)
    with pytest.raises(TrainingError, match=r"^IS-CLIP: the clips come without samp"):
        adapt_is_clip(plain, seen, path, silent, seed=1, steps=1, window_s=3.0)
    assert not path.exists()
