"""Every kind of recognition: kept features score as the whole computation does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from models.adaptation import read_adaptation
from models.build import build_recognizer
from models.clip.encoder import ClipEncoder, load_clip, normalise_pixels
from models.csn.file import csn_of
from models.is_clip.file import is_clip_of
from models.is_clip.spectrogram import ImuFormat, spectrograms
from models.prompts.prompt_file import bundled_prompt_set
from models.recognizer import ClipRecognizer
from models.sc_clip.file import sc_clip_of
from models.window import Window
from tests.models.adapted_rig import KINDS, SCALE, save_kind

FRAMES = 8
RATE_HZ = 50.0


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 256, (FRAMES + 3, 32, 32, 3), np.uint8)
    pictures.setflags(write=False)
    return pictures


@pytest.fixture(scope="module")
def files(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapted")
    for kind in KINDS:
        save_kind(kind, load_clip(tiny_folder), folder / f"{kind}.safetensors")
    return folder


def recognizer_of(kind: str, tiny_folder: Path, files: Path) -> ClipRecognizer:
    return build_recognizer(tiny_folder, adaptation=files / f"{kind}.safetensors")


def samples(seconds: float, seed: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(round(seconds * RATE_HZ), 6)).astype(np.float32)


def window(features: np.ndarray, slots: Sequence[int], seconds: float = 0.0) -> Window:
    imu = samples(seconds) if seconds else None
    return Window(features, slots, imu, RATE_HZ if seconds else None)


#  frame   0 1 2 3 4 5 6 7 8 9 10      each encoded once
#  window  [---------------)
#                [---------------)
@pytest.mark.parametrize("kind", KINDS)
def test_kept_features_score_as_each_window_encoded_anew(
    kind: str, tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    recognizer = recognizer_of(kind, tiny_folder, files)
    kept = recognizer.encode(frames)
    starts = (0, 3)
    spans = [slice(start, start + FRAMES) for start in starts]
    together = [window(kept[span], range(FRAMES), 2.6) for span in spans]
    found, cosines, rests = recognizer.classify(together)
    assert rests == (("fused",) * 2 if kind == "is-clip" else ("video",) * 2)
    for row, raw, span in zip(found, cosines, spans, strict=True):
        anew = window(recognizer.encode(frames[span]), range(FRAMES), 2.6)
        scores, expected, _ = recognizer.classify([anew])
        np.testing.assert_allclose(raw, expected[0], atol=1e-5)
        np.testing.assert_allclose(row, scores[0], atol=1e-4)
    assert np.abs(cosines[0] - cosines[1]).max() > 1e-4


def pixels_of(clip: ClipEncoder, frames: np.ndarray) -> torch.Tensor:
    return normalise_pixels(torch.tensor(frames), *clip.pixel_scale)


def test_noise_scores_each_frame_under_every_label_and_averages(
    tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    recognizer = recognizer_of("csn", tiny_folder, files)
    clip, bank = recognizer.clip, recognizer.text_bank
    kept = read_adaptation(files / "csn.safetensors", clip)
    offsets = csn_of(kept, bundled_prompt_set().labels, bank).offsets
    features = clip.encode_frames(frames[:2])
    _, found, _ = recognizer.classify([window(features, (0, 1))])
    for label, text in enumerate(bank):
        shifted = [feature + offsets[label] for feature in features]
        each = [it @ text / np.linalg.norm(it) for it in shifted]
        np.testing.assert_allclose(found[0, label], np.mean(each), atol=1e-5)


def test_sc_clip_scores_as_its_own_forward_pass(
    tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    recognizer = recognizer_of("sc-clip", tiny_folder, files)
    clip = recognizer.clip
    model = sc_clip_of(read_adaptation(files / "sc-clip.safetensors", clip), clip)
    with torch.no_grad():
        pixels = pixels_of(clip, frames[:FRAMES])[None]
        expected = model(pixels, torch.tensor(recognizer.text_bank)).logits
    kept = recognizer.encode(frames[:FRAMES])
    found, *_ = recognizer.classify([window(kept, range(FRAMES))])
    np.testing.assert_allclose(found[0], expected.softmax(dim=1)[0], atol=1e-5)


def test_is_clip_fuses_frames_and_samples_as_the_model_does(
    tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    recognizer = recognizer_of("is-clip", tiny_folder, files)
    clip = recognizer.clip
    path = files / "is-clip.safetensors"
    model = is_clip_of(read_adaptation(path, clip), clip).model
    form = ImuFormat(RATE_HZ, "mps2", "radps")
    slots, bank = (0, 1, 3, 4, 7), recognizer.text_bank
    with torch.no_grad():
        features = model.encode_frames(pixels_of(clip, frames[:5]))
        acc, gyro = spectrograms(samples(2.6), form, SCALE)
        imu = model.encode_imu(acc[None], gyro[None])
        vectors = model.fuse(features[None], imu, torch.tensor([slots]))
    kept = recognizer.encode(frames[:5])
    _, found, rests = recognizer.classify([window(kept, slots, 2.6)])
    assert rests == ("fused",)
    np.testing.assert_allclose(found, vectors.numpy() @ bank.T, atol=1e-5)


def test_silent_wearable_leaves_the_frames_and_says_so(
    tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    recognizer = recognizer_of("is-clip", tiny_folder, files)
    kept = recognizer.encode(frames[:4])
    plain = window(kept, range(4))
    short = window(kept, range(4), 0.5)  # no spectrogram fits
    foreign = Window(kept, range(4), samples(2.6), 25.0)
    worn = window(kept, range(4), 2.6)
    _, cosines, rests = recognizer.classify([plain, worn, short, foreign])
    assert rests == ("video", "fused", "video", "video")
    np.testing.assert_allclose(cosines[2], cosines[0], atol=1e-6)
    np.testing.assert_allclose(cosines[3], cosines[0], atol=1e-6)
    assert np.abs(cosines[1] - cosines[0]).max() > 1e-3


@pytest.mark.slow
def test_frames_alone_are_scored_as_by_the_checkpoint_itself(
    tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    worn = recognizer_of("is-clip", tiny_folder, files)
    plain = build_recognizer(tiny_folder)
    _, found, _ = worn.classify([window(worn.encode(frames[:4]), range(4))])
    _, expected, _ = plain.classify([window(plain.encode(frames[:4]), range(4))])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_samples_alone_are_recognised(
    tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    recognizer = recognizer_of("is-clip", tiny_folder, files)
    worn = window(np.zeros((0, 0), np.float32), (), 2.6)
    seen = window(recognizer.encode(frames[:2]), (0, 1))
    _, cosines, rests = recognizer.classify([seen, worn])
    assert rests == ("video", "imu")
    _, alone, _ = recognizer.classify([worn])
    np.testing.assert_allclose(cosines[1], alone[0], atol=1e-6)
    assert not recognizer.scorer.needs_frames


@pytest.mark.parametrize("kind", KINDS)
def test_window_of_nothing_is_refused(
    kind: str, tiny_folder: Path, files: Path, frames: np.ndarray
) -> None:
    recognizer = recognizer_of(kind, tiny_folder, files)
    with pytest.raises(ValueError, match=r"^a clip of no frames"):
        recognizer.classify([window(recognizer.encode(frames[:1])[:0], ())])


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_names_checkpoint_and_kind(
    kind: str, tiny_folder: Path, files: Path
) -> None:
    recognizer = recognizer_of(kind, tiny_folder, files)
    plain = build_recognizer(tiny_folder)
    assert recognizer.name == f"tiny-clip+{kind}"
    assert recognizer.weights.startswith(f"{plain.weights}+")
    assert recognizer.identity != plain.identity


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_another_size_are_refused(
    kind: str, tiny_folder: Path, files: Path
) -> None:
    recognizer = recognizer_of(kind, tiny_folder, files)
    with pytest.raises(ValueError, match=r"^pictures of 16x16 pixels, expected 32x32$"):
        recognizer.encode(np.zeros((1, 16, 16, 3), np.uint8))
