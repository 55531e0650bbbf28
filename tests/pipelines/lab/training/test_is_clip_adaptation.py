"""An adaptation for wearables learns from lives and stories, without a picture."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.window import Window
from pipelines.lab.simulation.footage import RecordingPlan, Stream
from pipelines.lab.simulation.worn.stories import tell_story
from pipelines.lab.training.adaptations import adapt_is_clip
from tests.tiny_checkpoint import save_tiny_checkpoint

RATE_HZ = 50.0
FRAMES = 8

pytestmark = [pytest.mark.gst, pytest.mark.slow]


def windows() -> tuple[list[Window], list[str]]:
    """Windows of stories that were not trained on, and what they end in."""
    asked, labels = [], []
    for seed in range(40):
        story = tell_story(np.random.default_rng((99, seed)), RATE_HZ, "waist")
        for end in range(300, len(story.samples), 100):
            held = story.samples[end - 281 : end]
            asked.append(Window(np.zeros((0, 0), np.float32), (), held, RATE_HZ))
            labels.append(story.labels[end - 60])
    return asked, labels


def test_walking_is_told_from_lying_by_samples_alone(tmp_path: Path) -> None:
    plain = build_recognizer(save_tiny_checkpoint(tmp_path / "tiny-clip"))
    path = tmp_path / "is-clip.safetensors"
    ends: dict[str, tuple[int, int]] = {}

    def note(stage: str, done: int, total: int, _: str) -> None:
        ends[stage] = done, total

    plans = [
        RecordingPlan(Stream.TRAINING, 1, index, 12.0, Fraction(8, 3))
        for index in range(2)
    ]
    adapt_is_clip(
        plain,
        plans,
        path,
        note,
        stories=60,
        steps=60,
        seed=1,
        frames=FRAMES,
        late_weight=1.5,
    )
    assert ends == {"simulating": (4, 4), "training": (60, 60)}
    adapted = build_recognizer(tmp_path / "tiny-clip", adaptation=path)
    asked, labels = windows()
    scores, _, rests = adapted.classify(asked)
    assert set(rests) == {"imu"}
    said = scores[:, plain.prompt_set.labels.index("walking")]
    held = np.array(labels)
    assert said[held == "walking"].mean() > 2 * said[held == "lying in bed"].mean()
