from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.clip.averaging import average_clip, middle_frame

DIM = 4
NUMBERS = st.floats(-100, 100, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)


def recordings() -> st.SearchStrategy[np.ndarray]:
    """Features of up to 40 frames."""
    shapes = st.tuples(st.integers(0, 40), st.just(DIM))
    return arrays.arrays(np.float32, shapes, elements=NUMBERS)


def naive(features: np.ndarray) -> np.ndarray:
    """Average a window by hand, a number at a time."""
    total = [0.0] * DIM
    for frame in features.tolist():
        length = sum(part**2 for part in frame) ** 0.5 or 1.0
        total = [old + part / length for old, part in zip(total, frame, strict=True)]
    mean = [part / len(features) for part in total]
    length = sum(part**2 for part in mean) ** 0.5
    return np.array([part / length if length > 1e-12 else 0 for part in mean])


def has_direction(features: np.ndarray) -> bool:
    """Tell whether there are frames, and they do not cancel out but for rounding."""
    if len(features) == 0:
        return False
    norms = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    mean = (features / np.maximum(norms, 1e-30)).mean(axis=0)
    return bool(np.linalg.norm(mean) > 1e-6)


@pytest.mark.slow
@given(recordings())
def test_average_is_the_unit_mean_of_unit_frames(features: np.ndarray) -> None:
    assume(has_direction(features))
    np.testing.assert_allclose(average_clip(features), naive(features), atol=1e-5)


@pytest.mark.slow
@given(recordings())
def test_average_has_unit_norm_and_the_frames_norms_do_not_count(
    features: np.ndarray,
) -> None:
    assume(has_direction(features))
    average = average_clip(features)
    assert np.linalg.norm(average) == pytest.approx(1, abs=1e-5)
    louder = features * np.linspace(1, 9, len(features), dtype=np.float32)[:, None]
    np.testing.assert_allclose(average_clip(louder), average, atol=1e-4)


def test_frames_that_cancel_out_have_no_direction() -> None:
    features = np.array([[1, 0], [-2, 0]], np.float32)
    assert average_clip(features).tolist() == [0, 0]


def test_clip_of_no_frames_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a clip of no frames has no average$"):
        average_clip(np.zeros((0, DIM), np.float32))


@pytest.mark.parametrize(
    ("slots", "frames", "middle_slot"),
    [
        (range(8), 8, 4),
        (range(5), 5, 2),
        ([0], 1, 0),
        ([0, 1, 2, 6, 7], 8, 2),  # 2 and 6 are as near: the earlier
        ([0, 1, 5, 7], 8, 5),
        ([6, 7], 8, 6),
        ([0, 1], 8, 1),
    ],
)
def test_middle_is_the_frame_nearest_to_it(
    slots: Sequence[int], frames: int, middle_slot: int
) -> None:
    assert slots[middle_frame(slots, frames)] == middle_slot


def test_clip_of_no_frames_has_no_middle() -> None:
    with pytest.raises(ValueError, match=r"^a clip of no frames has no middle$"):
        middle_frame([], 8)


def test_a_recent_frame_weighs_more_also_across_a_gap() -> None:
    """Frames at positions 0 and 2, each half as heavy as the next: 1/4 and 1."""
    features = np.array([[1, 0, 0, 0], [0, 1, 0, 0]], np.float32)
    vector = average_clip(features, slots=(0, 2), recency=0.5)
    assert vector[1] / vector[0] == pytest.approx(4)


def test_with_equal_weights_positions_do_not_matter() -> None:
    features = np.array([[1, 0, 0, 0], [0, 1, 0, 0]], np.float32)
    one, other = (average_clip(features, slots=it) for it in ((0, 1), (0, 7)))
    assert one == pytest.approx(other)
