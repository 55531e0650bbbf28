"""What is learnt of lives that no camera saw, and who is refused."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.clip.encoder import ClipEncoder, load_clip
from models.is_clip.model import IsClip, IsClipSettings
from models.is_clip.spectrogram import SpectrogramScale
from models.prompts.prompt_file import bundled_prompt_set, load_prompt_set
from models.prompts.prompt_set import PromptSet
from pipelines.errors import TrainingError
from pipelines.lab.simulation.footage import RecordingPlan, Stream
from pipelines.lab.training.lives import (
    Life,
    recent_shares,
    shares,
    simulate_lives,
    train_on_lives,
)
from tests.tiny_checkpoint import save_tiny_checkpoint

WARD = bundled_prompt_set()
SCALE = SpectrogramScale(50.0, 0.0, 1.0, 0.0, 1.0)
SAMPLES = 100


def prompt_set(path: Path, **events: str) -> PromptSet:
    """Labels, named as in ``_`` for a space, and their events."""
    labels = ", ".join(
        f"{name.replace('_', ' ')}: {{texts: a person, event: {event}}}"
        for name, event in events.items()
    )
    path.write_text(
        f"{{version: 1, name: own, templates: '{{}}', labels: {{{labels}}}}}"
    )
    return load_prompt_set(path)


def test_a_person_who_does_what_no_label_names_has_not_fallen() -> None:
    found = shares(np.array([-1, 0, -1, 0]), WARD)
    by_label = dict(zip(WARD.labels, found.tolist(), strict=True))
    assert by_label["falling"] == by_label["fallen"] == 0
    even = 0.5 / (len(WARD.labels) - 2)
    assert by_label["standing"] == pytest.approx(even)
    assert by_label[WARD.labels[0]] == pytest.approx(0.5 + even)


def test_a_fall_by_another_name_is_one(tmp_path: Path) -> None:
    own = prompt_set(tmp_path / "own.yaml", on_the_floor="fall", up="up", about="about")
    found = shares(np.array([-1, -1, 0, 1]), own)
    np.testing.assert_allclose(found, [0.25, 0.5, 0.25])


@pytest.mark.gst
@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ({"waving": "waving", "resting": "resting"}, "have none"),
        ({"sitting": "sitting", "resting": "resting"}, "have sitting"),
        ({"sitting": "fall", "walking": "fall"}, "have sitting, walking"),
    ],
)
def test_lives_that_have_too_few_labels_are_refused(
    tmp_path: Path, events: dict[str, str], problem: str
) -> None:
    plans = [RecordingPlan(Stream.TRAINING, 1, 14, 6.0, Fraction(8, 3))]
    own = prompt_set(tmp_path / "own.yaml", **events)
    with pytest.raises(TrainingError, match=rf"{problem}: too few to train on$"):
        simulate_lives(plans, own, lambda _: None)


def lives() -> list[Life]:
    """Two, each of another level of the accelerometer and another label."""
    made = []
    for label in (0, 1):
        felt = np.random.default_rng(label).normal(size=(2, 300, 6)).astype(np.float32)
        felt[..., label] += 9.8
        made.append(Life((felt[0], felt[1]), np.full(300, label)))
    return made


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    return load_clip(save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny"))


def trained(
    clip: ClipEncoder, seed: int, texts: Tensor | None = None
) -> dict[str, Tensor]:
    settings = IsClipSettings(heads=4, imu_width=64)
    model = IsClip(clip.model, settings, frames=8, seed=1)
    if texts is None:
        texts = torch.eye(len(WARD.labels), clip.dim)
    train_on_lives(
        model,
        lives(),
        SCALE,
        texts,
        WARD,
        lambda *_: None,
        samples=SAMPLES,
        steps=2,
        seed=seed,
    )
    assert not model.training
    return {name: value.detach() for name, value in model.trained().items()}


def test_the_seed_draws_the_windows(clip: ClipEncoder) -> None:
    first, same, other = (trained(clip, seed) for seed in (1, 1, 2))
    torch.testing.assert_close(first, same)
    assert not torch.equal(first["joint.weight"], other["joint.weight"])


def test_a_loss_that_is_not_finite_is_told(clip: ClipEncoder) -> None:
    nothing = torch.full((len(WARD.labels), clip.dim), float("nan"))
    with pytest.raises(TrainingError, match=r"^step 1: the loss is not finite$"):
        trained(clip, 1, nothing)


def test_recent_moments_of_a_window_weigh_more() -> None:
    prompts = bundled_prompt_set()
    walking, fallen = prompts.place("walking"), prompts.place("fallen")
    row = recent_shares(np.array([walking, fallen]), prompts, 0.5)
    assert row[walking] == pytest.approx(1 / 3)
    assert row[fallen] == pytest.approx(2 / 3)


def test_without_recency_shares_are_plain() -> None:
    prompts = bundled_prompt_set()
    labels = np.array([0, 1, 1, -1, 2])
    plain = shares(labels, prompts)
    assert recent_shares(labels, prompts, 1.0) == pytest.approx(plain, abs=1e-6)
