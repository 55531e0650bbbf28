import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.clip.averaging import average_clip
from models.few_shot.training import (
    TrainingSettings,
    check_labels,
    clip_vectors,
)
from tests.models.few_shot_clips import (
    CLIPS,
    DIM,
    FRAMES,
    UNKNOWN_LABELS,
    draw,
    plain_clip_vector,
)

SETTINGS = TrainingSettings(rate=0.1, epochs=1, batch=8)


def test_clip_vector_is_the_unit_mean_of_unit_frames() -> None:
    clips = 7 * draw(0, CLIPS, FRAMES, DIM)
    found = clip_vectors(clips).numpy()
    for row, clip in zip(found, clips.numpy(), strict=True):
        np.testing.assert_allclose(row, plain_clip_vector(clip), atol=1e-6)
        np.testing.assert_allclose(row, average_clip(clip), atol=1e-6)


@pytest.mark.parametrize(("labels", "problem"), UNKNOWN_LABELS)
def test_nothing_is_learnt_from_nothing_or_from_unknown_labels(
    labels: list[int], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        check_labels(torch.tensor(labels, dtype=torch.int64), 3)


def test_all_labels_need_not_occur() -> None:
    check_labels(torch.tensor([0, 2]), 3)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_rate_is_positive_and_finite(rate: float) -> None:
    with pytest.raises(ValueError, match=r"^rate .*, expected above 0 and finite$"):
        replace(SETTINGS, rate=rate)


def test_training_has_an_epoch_and_a_batch() -> None:
    with pytest.raises(ValueError, match=r"^0 epochs of batches of 8, expected 1"):
        replace(SETTINGS, epochs=0)
    with pytest.raises(ValueError, match=r"^1 epochs of batches of 0, expected 1"):
        replace(SETTINGS, batch=0)
