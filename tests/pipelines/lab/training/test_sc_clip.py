"""Training SC-CLIP follows its seed, moves what it may, and tells clips apart."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn.functional import normalize

from models.clip.encoder import ClipEncoder, normalise_pixels
from models.clip.new_checkpoint import small_clip, small_tokenizer
from models.sc_clip.model import ScClip
from models.sc_clip.settings import ScSettings
from pipelines.errors import TrainingError
from pipelines.lab.training.sc_clip import (
    ScTraining,
    encode_trunk,
    score_clips,
    train_sc_clip,
)

PX, DIM = 32, 12
FAST = ScTraining(epochs=4, clips_a_step=4, frames=2, peak_rate=1e-3)
TEXT = normalize(torch.randn(3, DIM, generator=torch.Generator().manual_seed(1)), dim=1)
LABELS = torch.arange(10) % 3


@pytest.fixture(scope="module")
def clip() -> ClipEncoder:
    tower = small_clip(
        seed=0,
        image_size_px=PX,
        vision_width=24,
        vision_layers=3,
        vision_heads=2,
        text_width=16,
        text_layers=1,
        text_heads=2,
        dim=DIM,
    )
    # another scale than CLIP's own, so that one that is forgotten shows
    scale = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    return ClipEncoder("tiny", tower.train(mode=False), small_tokenizer(), *scale)


def pictures() -> UInt8[np.ndarray, "clip frame height width 3"]:
    """Ten clips of three frames, a shade for each label, in noise."""
    rng = np.random.default_rng(0)
    shades = rng.integers(0, 256, (3, 1, 1, 1, 3))[LABELS.numpy()]
    noise = rng.integers(-30, 31, (10, 3, PX, PX, 3))
    shown: np.ndarray = np.clip(shades + noise, 0, 255).astype(np.uint8)
    return shown


def silent(*_: object) -> None:
    pass


def made(clip: ClipEncoder, **changed: object) -> ScClip:
    settings = replace(ScSettings(delta=0.9, scale=20.0), **changed)  # type: ignore[arg-type] # fields by name
    return ScClip(clip.model, settings)


def trained(
    clip: ClipEncoder, training: ScTraining = FAST, *, seed: int = 1
) -> tuple[ScClip, list[float]]:
    model = made(clip)
    trunk = encode_trunk(model, clip, pictures(), silent)
    losses = train_sc_clip(
        model, trunk, LABELS, TEXT, training, seed=seed, on_progress=silent
    )
    return model, losses


def weights(model: ScClip) -> Tensor:
    return torch.cat([it.detach().flatten() for it in model.trainable_parameters()])


def test_scores_of_kept_trunks_are_those_of_the_whole_model(clip: ClipEncoder) -> None:
    model, _ = trained(clip)
    trunk = encode_trunk(model, clip, pictures(), silent)
    answer = score_clips(model, trunk, TEXT, silent)
    for row, frames in enumerate(pictures()):
        pixels = normalise_pixels(torch.tensor(frames), *clip.pixel_scale)
        with torch.no_grad():
            whole = model(pixels[None], TEXT)
        torch.testing.assert_close(answer.video[row], whole.video[0])
        assert answer.query is not None
        torch.testing.assert_close(answer.query[row], whole.query[0])


def test_training_lowers_the_loss_and_finds_the_labels(clip: ClipEncoder) -> None:
    model, losses = trained(clip, replace(FAST, epochs=25, peak_rate=3e-3))
    trunk = encode_trunk(model, clip, pictures(), silent)
    said = score_clips(model, trunk, TEXT, silent).video.argmax(dim=1)
    assert losses[-1] < losses[0] / 2
    assert torch.equal(said, LABELS)
    assert not model.training


def test_equal_seeds_train_equal_weights_and_others_do_not(clip: ClipEncoder) -> None:
    first, losses = trained(clip)
    torch.rand(1)  # the global random state is not asked
    again, same = trained(clip)
    other, _ = trained(clip, seed=2)
    assert losses == same
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_what_is_frozen_stays_as_it_was(clip: ClipEncoder) -> None:
    before = clip.hash
    model, _ = trained(clip)
    after = ClipEncoder("again", clip.model, clip.tokenizer).hash
    assert after == before
    for name in ("student.", "auxiliary_adapter.", "query_adapter."):
        fresh = dict(made(clip).named_parameters())
        moved = [
            not torch.equal(value, fresh[key])
            for key, value in model.named_parameters()
            if key.startswith(name)
        ]
        assert any(moved), name


def test_weights_decay_but_for_norms_and_biases(clip: ClipEncoder) -> None:
    # a gradient of nearly nothing: what moves a weight then is its decay alone
    training = replace(
        FAST, epochs=0.1, warmup_epochs=0, most_gradient=1e-30, weight_decay=100.0
    )
    assert training.steps(10) == 1
    model, _ = trained(clip, training)
    fresh = dict(made(clip).named_parameters())
    for name, value in model.named_parameters():
        if not value.requires_grad:
            continue
        expected = fresh[name] * (1 - 1e-3 * 100 if value.ndim > 1 else 1)
        torch.testing.assert_close(value, expected, rtol=0, atol=1e-6, msg=name)


def test_a_head_of_no_weight_is_not_trained(clip: ClipEncoder) -> None:
    model = made(clip, alpha=0.0)
    before = [it.clone() for it in model.auxiliary_adapter.parameters()]
    trunk = encode_trunk(model, clip, pictures(), silent)
    train_sc_clip(model, trunk, LABELS, TEXT, FAST, seed=1, on_progress=silent)
    after = list(model.auxiliary_adapter.parameters())
    assert all(map(torch.equal, before, after))


def test_without_queries_there_are_scores_of_frames_alone(clip: ClipEncoder) -> None:
    model = made(clip, semantic_queries=False)
    trunk = encode_trunk(model, clip, pictures(), silent)
    answer = score_clips(model, trunk, TEXT, silent)
    features = clip.encode_frames(pictures().reshape(-1, PX, PX, 3))
    frames = 20.0 * torch.tensor(features) @ TEXT.T
    assert answer.query is None
    torch.testing.assert_close(answer.video, frames.reshape(10, 3, 3).mean(dim=1))


def test_the_rate_rises_evenly_and_falls_by_a_cosine() -> None:
    training = ScTraining(epochs=6, warmup_epochs=2, clips_a_step=5)
    # 10 clips: 2 steps an epoch, 4 of warm-up and 8 after it
    shares = [training.rate_share(step, 10) for step in range(training.steps(10))]
    falling = [(1 + math.cos(math.pi * i / 8)) / 2 for i in range(8)]
    assert shares == pytest.approx([0.25, 0.5, 0.75, 1.0, *falling])


def test_fewer_epochs_than_the_warm_up_still_train() -> None:
    training = ScTraining(epochs=0.1, warmup_epochs=2)
    shares = [training.rate_share(step, 40) for step in range(training.steps(40))]
    assert shares == [1.0]


@pytest.mark.parametrize("field", ["epochs", "clips_a_step", "frames"])
def test_an_epoch_step_or_clip_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=r"expected more than 0 of each$"):
        replace(ScTraining(), **{field: 0})


def test_no_clip_is_refused(clip: ClipEncoder) -> None:
    model = made(clip)
    trunk = encode_trunk(model, clip, pictures(), silent)
    with pytest.raises(
        ValueError, match=r"^no clip to train on, expected at least one"
    ):
        train_sc_clip(
            model, trunk[:0], LABELS[:0], TEXT, FAST, seed=1, on_progress=silent
        )


def test_a_loss_that_is_no_number_ends_the_training(clip: ClipEncoder) -> None:
    wild = replace(FAST, peak_rate=1e30, warmup_epochs=0)
    with pytest.raises(TrainingError, match=r"^step [2-9]: the loss is not finite$"):
        trained(clip, wild)


def test_progress_is_told_of_every_step(clip: ClipEncoder) -> None:
    reports: list[tuple[str, int, int]] = []
    model = made(clip)

    def tell(stage: str, done: int, total: int, _note: str) -> None:
        reports.append((stage, done, total))

    trunk = encode_trunk(model, clip, pictures(), tell)
    train_sc_clip(model, trunk, LABELS, TEXT, FAST, seed=1, on_progress=tell)
    score_clips(model, trunk, TEXT, tell)
    assert reports[:2] == [("trunk", 8, 10), ("trunk", 10, 10)]
    assert reports[2:-2] == [("training", step, 12) for step in range(1, 13)]
    assert reports[-2:] == [("scoring", 8, 10), ("scoring", 10, 10)]
