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
from pipelines.lab.training.felt_windows import (
    FORM,
    FeltWindows,
    Lying,
    WindowForm,
    felt_shares,
    fit_felt_scale,
    require_labels,
    shares,
    simulate_windows,
    train_on_windows,
)
from pipelines.progress import Progress
from tests.tiny_checkpoint import save_tiny_checkpoint

WARD = bundled_prompt_set()
SCALE = SpectrogramScale(FORM.rate_hz, 0.0, 1.0, 0.0, 1.0, upright_s=5.0)
WINDOWS = WindowForm(samples=100, history=150, scale=SCALE)


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


def simulated(seed: int, note: Progress = lambda *_: None) -> FeltWindows:
    """Windows of one life and two stories."""
    plans = [RecordingPlan(Stream.TRAINING, 1, 14, 7.0, Fraction(8, 3))]
    return simulate_windows(plans, 2, seed, WARD, WINDOWS, note)


@pytest.mark.gst
@pytest.mark.slow
def test_windows_are_of_a_life_at_waist_and_wrist_and_of_stories_of_a_seed() -> None:
    done: list[tuple[str, int, int]] = []
    windows = simulated(1, lambda *facts: done.append(facts[:3]))
    assert done == [("simulating", 1, 2), ("simulating", 2, 2)]
    # every 3.5 s: two in each of the life's two wearables, six in each story
    assert len(windows.targets) == 2 * 2 + 2 * 6
    assert windows.acc.shape == windows.gyro.shape == (16, 3, 64, 64)
    assert np.isfinite(windows.acc).all()
    np.testing.assert_allclose(windows.targets.sum(axis=1), 1, atol=1e-5)
    assert not np.array_equal(windows.acc[4:10], windows.acc[10:])
    same = simulated(1)
    np.testing.assert_array_equal(windows.acc, same.acc)
    np.testing.assert_array_equal(windows.targets, same.targets)


def test_the_scale_is_of_windows_with_their_history() -> None:
    form = fit_felt_scale(100, 1, WARD, stories=3)
    assert form.history == 150
    assert form.scale.upright_s == pytest.approx(5.0)
    assert form.scale.levels


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ({"waving": "waving", "resting": "resting"}, "have none"),
        ({"sitting": "sitting", "resting": "resting"}, "have sitting"),
        ({"sitting": "fall", "walking": "fall"}, "have sitting, walking"),
    ],
)
def test_prompt_sets_with_too_few_labels_are_refused(
    tmp_path: Path, events: dict[str, str], problem: str
) -> None:
    own = prompt_set(tmp_path / "own.yaml", **events)
    with pytest.raises(TrainingError, match=rf"{problem}: too few to train on$"):
        require_labels(own)


#  walking walking falling fallen fallen fallen
#                  [     the window     ]          fallen
#                         [   the window   ]       floor or bed
def test_a_wearable_knows_the_floor_only_while_the_window_holds_the_fall() -> None:
    walking, falling, fallen, in_bed = (
        WARD.place(name) for name in ("walking", "falling", "fallen", "lying in bed")
    )
    lying = Lying.of(WARD)
    held = np.array([walking, falling, fallen, fallen])
    after = felt_shares(held, 2, WARD, lying)
    assert after[fallen] == pytest.approx(1)
    later = felt_shares(np.full(4, fallen), 2, WARD, lying)
    assert later[fallen] == pytest.approx(0.4)
    assert later[in_bed] == pytest.approx(0.6)


def test_a_wearable_knows_the_bed_only_while_the_window_holds_the_lying_down() -> None:
    down, fallen, in_bed = (
        WARD.place(name) for name in ("lying down", "fallen", "lying in bed")
    )
    lying = Lying.of(WARD)
    known = felt_shares(np.array([down, down, in_bed, in_bed]), 2, WARD, lying)
    assert known[in_bed] == pytest.approx(1)
    unknown = felt_shares(np.full(4, in_bed), 2, WARD, lying)
    assert unknown[fallen] == pytest.approx(0.4)
    assert unknown[in_bed] == pytest.approx(0.6)


def test_a_prompt_set_without_these_labels_has_plain_shares(tmp_path: Path) -> None:
    own = prompt_set(tmp_path / "own.yaml", up="up", about="about")
    labels = np.array([0, 1, 1, 1])
    found = felt_shares(labels, 4, own, Lying.of(own))
    np.testing.assert_allclose(found, [0.25, 0.75])


def felt() -> FeltWindows:
    """Windows of two labels, each with a level of its own."""
    rng = np.random.default_rng(0)
    levels = np.arange(40) % 2
    pictures = rng.normal(size=(40, 3, 64, 64)) + levels[:, None, None, None]
    targets = np.eye(len(WARD.labels), dtype=np.float32)[levels]
    half = pictures.astype(np.float16)
    return FeltWindows(half, half, targets)


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
    train_on_windows(model, felt(), texts, lambda *_: None, steps=2, seed=seed)
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
