import numpy as np
import pytest

from models.calibration import Calibration
from models.clip.averaging import average_clip
from models.clip.encoder import ClipEncoder
from models.prompts.prompt_file import bundled_prompt_set
from models.recognizer import ClipRecognizer
from models.scorers import ClipScorer
from models.window import Window

LABELS = 11


def random_clip(seed: int, frames: int, dim: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(frames, dim))
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def recognizer(tiny_clip: ClipEncoder) -> ClipRecognizer:
    return ClipRecognizer(tiny_clip, bundled_prompt_set())


def test_scores_are_the_softmax_of_scaled_cosines(recognizer: ClipRecognizer) -> None:
    features = random_clip(0, 8, recognizer.clip.dim)
    probabilities, cosines, rests = recognizer.classify([Window(features, range(8))])
    assert rests == ("video",)
    expected = recognizer.text_bank @ average_clip(features)
    np.testing.assert_allclose(cosines[0], expected, atol=1e-6)
    powers = np.exp(recognizer.clip.logit_scale * expected.astype(np.float64))
    np.testing.assert_allclose(probabilities[0], powers / powers.sum(), atol=1e-5)


def test_clips_of_different_lengths_are_scored_each_for_itself(
    recognizer: ClipRecognizer,
) -> None:
    clips = [random_clip(seed, seed + 1, recognizer.clip.dim) for seed in range(3)]
    windows = [Window(clip, range(len(clip))) for clip in clips]
    together, *_ = recognizer.classify(windows)
    assert together.shape == (3, LABELS)
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-5)
    for row, window in zip(together, windows, strict=True):
        alone, *_ = recognizer.classify([window])
        np.testing.assert_allclose(row, alone[0], atol=1e-6)


def test_no_clips_give_no_scores(recognizer: ClipRecognizer) -> None:
    probabilities, cosines, _ = recognizer.classify([])
    assert probabilities.shape == cosines.shape == (0, LABELS)


def test_single_scores_the_middle_frame_alone(tiny_clip: ClipEncoder) -> None:
    scorer = ClipScorer(tiny_clip, "single", 8)
    single = ClipRecognizer(tiny_clip, bundled_prompt_set(), scorer=scorer)
    features = random_clip(1, 4, tiny_clip.dim)
    found, *_ = single.classify([Window(features, (0, 1, 5, 7))])
    alone, *_ = single.classify([Window(features[2:3], (5,))])
    np.testing.assert_allclose(found, alone)


def test_temperature_above_one_makes_it_less_sure(
    tiny_clip: ClipEncoder, recognizer: ClipRecognizer
) -> None:
    fitted = Calibration(2.0, 0.0, 1)
    warm = ClipRecognizer(
        tiny_clip, bundled_prompt_set(), calibrations={"video": fitted}
    )
    window = Window(random_clip(2, 3, tiny_clip.dim), range(3))
    cold_scores, cold_cosines, _ = recognizer.classify([window])
    warm_scores, warm_cosines, _ = warm.classify([window])
    np.testing.assert_array_equal(cold_cosines, warm_cosines)
    roots = np.sqrt(cold_scores)
    np.testing.assert_allclose(warm_scores, roots / roots.sum(), atol=1e-5)


def test_picture_that_is_scored_is_the_one_that_was_encoded(
    recognizer: ClipRecognizer,
) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (1, 32, 32, 3), np.uint8)
    features = recognizer.encode(frames)
    _, cosines, _ = recognizer.classify([Window(features, (0,))])
    np.testing.assert_allclose(cosines, features @ recognizer.text_bank.T, atol=1e-6)


def test_clip_of_no_frames_is_refused(recognizer: ClipRecognizer) -> None:
    nothing = np.zeros((0, recognizer.clip.dim), np.float32)
    with pytest.raises(ValueError, match=r"^a clip of no frames has no average$"):
        recognizer.classify([Window(nothing, ())])


def test_frames_without_a_slot_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^3 frames in 2 slots$"):
        Window(random_clip(4, 3, 5), (0, 1))


def test_window_holds_a_frame_at_least(tiny_clip: ClipEncoder) -> None:
    with pytest.raises(ValueError, match=r"^a window of 0 frames, expected at"):
        ClipScorer(tiny_clip, "clip", 0)
