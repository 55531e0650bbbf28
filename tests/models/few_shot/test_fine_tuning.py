import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.clip.encoder import ClipEncoder, encode_pixels, normalise_pixels
from models.clip.text_bank import embed_labels
from models.few_shot.fine_tuning import (
    FINE_TUNING,
    PROJECTION,
    TunedProjection,
    fine_tune,
    fit_projection,
    pooled_features,
)
from models.few_shot.training import clip_vectors
from models.prompts.prompt_set import LabelPrompts, PromptSet
from tests.models.few_shot_clips import (
    CLIPS,
    DIM,
    FRAMES,
    LABELS,
    SCALE,
    UNKNOWN_LABELS,
    WIDTH,
    draw,
    noisy_clips,
    plain_adamw,
    plain_clip_vector,
    slope_by_autograd,
    turns,
    unit_rows,
)
from tests.tiny_checkpoint import TINY_PX

TWO_LABELS = PromptSet(
    "two",
    1,
    ("a photo of a person {}",),
    tuple(LabelPrompts(word, (word,), word) for word in ("walking", "falling")),
)


def random_frames(seed: int, clips: int, frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (clips, frames, TINY_PX, TINY_PX, 3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


# --- pooled features


def test_pooled_features_are_one_projection_away_from_the_models_own(
    tiny_clip: ClipEncoder,
) -> None:
    frames = random_frames(1, 9, 8)  # 72 pictures: more than pass the tower at once
    pooled = pooled_features(tiny_clip.model, frames)
    projected = tiny_clip.model.visual_projection(pooled).flatten(0, 1)
    expected = encode_pixels(tiny_clip.model, normalise_pixels(frames.flatten(0, 1)))
    torch.testing.assert_close(torch.nn.functional.normalize(projected), expected)
    assert pooled.shape[:2] == (9, 8)
    assert not pooled.requires_grad
    assert not pooled.is_inference()  # or nothing could be trained on them


def test_pooled_features_heed_the_pixel_scale(tiny_clip: ClipEncoder) -> None:
    frames = random_frames(2, 1, 2)
    scale = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    pooled = pooled_features(tiny_clip.model, frames, scale)
    pixels = normalise_pixels(frames[0], *scale)
    expected = tiny_clip.model.vision_model(pixel_values=pixels).pooler_output
    torch.testing.assert_close(pooled[0], expected)


# --- the projection alone


def first_projection() -> TunedProjection:
    return TunedProjection(draw(3, DIM, WIDTH), SCALE)


def test_projection_scores_any_labels_by_scaled_cosines() -> None:
    projection, pooled, texts = (
        first_projection(),
        draw(4, 2, FRAMES, WIDTH),
        unit_rows(5, 7, DIM),
    )
    found = projection.logits(pooled, texts)
    assert found.shape == (2, 7)
    for clip, row in zip(pooled.numpy(), found, strict=True):
        vector = plain_clip_vector(clip @ projection.weight.numpy().T)
        for text, score in zip(texts.numpy(), row, strict=True):
            assert score.item() == pytest.approx(SCALE * float(vector @ text), abs=1e-4)


def test_projection_moves_as_adamw_moves_it() -> None:
    start, pooled, texts = (
        first_projection(),
        noisy_clips(6, width=WIDTH),
        unit_rows(7, LABELS, DIM),
    )
    settings = replace(PROJECTION, rate=0.01, epochs=3, batch=CLIPS, weight_decay=0.3)

    def loss_of(weight: Tensor) -> Tensor:
        frames = pooled @ weight.T
        frames = frames / frames.norm(dim=2, keepdim=True)
        vectors = frames.mean(dim=1) / frames.mean(dim=1).norm(dim=1, keepdim=True)
        powers = (SCALE * vectors @ texts.T).exp()
        shares = powers / powers.sum(dim=1, keepdim=True)
        return -torch.log(shares[torch.arange(CLIPS), turns()]).mean()

    expected = plain_adamw(
        start.weight, slope_by_autograd(loss_of), 3 * [0.01], settings
    )
    tuned = fit_projection(start, pooled, turns(), texts, settings)
    torch.testing.assert_close(tuned.weight, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(start.weight, first_projection().weight)
    assert tuned.scale == SCALE
    assert not tuned.weight.requires_grad


def test_tuning_tells_the_tuned_labels_apart_and_reports_each_epoch() -> None:
    texts = unit_rows(8, LABELS, DIM)
    heard: list[tuple[int, int, float]] = []
    settings = replace(PROJECTION, rate=0.02, epochs=15, batch=5)
    tuned = fit_projection(
        first_projection(),
        noisy_clips(9, width=WIDTH),
        turns(),
        texts,
        settings,
        lambda *report: heard.append(report),
    )
    assert [report[:2] for report in heard] == [(epoch, 15) for epoch in range(1, 16)]
    assert heard[-1][2] < 0.2 * heard[0][2]
    others = noisy_clips(10, width=WIDTH)
    assert (tuned.logits(others, texts).argmax(dim=1) == turns()).double().mean() > 0.8


def test_reported_loss_is_the_mean_over_clips_not_over_batches() -> None:
    start, pooled, texts = (
        first_projection(),
        noisy_clips(9, width=WIDTH),
        unit_rows(8, LABELS, DIM),
    )
    heard: list[float] = []
    settings = replace(PROJECTION, rate=1e-12, epochs=1, batch=5)  # 5, 5 and 2 clips
    fit_projection(
        start, pooled, turns(), texts, settings, lambda *report: heard.append(report[2])
    )
    expected = cross_entropy(start.logits(pooled, texts), turns()).item()
    assert heard == [pytest.approx(expected, rel=1e-5)]


def test_seed_alone_decides_the_order_of_the_clips() -> None:
    arguments = noisy_clips(11, width=WIDTH), turns(), unit_rows(12, LABELS, DIM)
    state = torch.get_rng_state()
    settings = replace(PROJECTION, rate=0.01, batch=4)
    first, again, other = (
        fit_projection(first_projection(), *arguments, replace(settings, seed=seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)
    assert torch.equal(torch.get_rng_state(), state)


def test_tuned_projection_replaces_the_projection_of_the_model(
    tiny_clip: ClipEncoder,
) -> None:
    own = tiny_clip.model.visual_projection.weight.detach()
    tuned = TunedProjection(own + 0.1 * draw(13, *own.shape), SCALE)
    frames = random_frames(14, 1, 4)
    pooled = pooled_features(tiny_clip.model, frames)
    model = copy.deepcopy(tiny_clip.model)
    with torch.no_grad():
        model.visual_projection.weight.copy_(tuned.weight)
        features = encode_pixels(model, normalise_pixels(frames[0]))
    torch.testing.assert_close(clip_vectors(features[None]), tuned.vectors(pooled))


@pytest.mark.parametrize(("labels", "problem"), UNKNOWN_LABELS)
def test_projection_is_not_tuned_on_nothing_or_on_unknown_labels(
    labels: list[int], problem: str
) -> None:
    pooled, texts = draw(34, len(labels), FRAMES, WIDTH), unit_rows(33, LABELS, DIM)
    given = torch.tensor(labels, dtype=torch.int64)
    with pytest.raises(ValueError, match=problem):
        fit_projection(first_projection(), pooled, given, texts)


# --- every weight


def test_fine_tuning_takes_the_step_of_the_reference_model(
    tiny_clip: ClipEncoder,
) -> None:
    # transformers' own logits of one picture a clip, and torch's own optimiser
    frames, labels = random_frames(30, 6, 1), torch.arange(6) % 2
    reference = copy.deepcopy(tiny_clip.model)
    optimiser = torch.optim.AdamW(reference.parameters(), 1e-3, weight_decay=0.01)
    sentences = [f"a photo of a person {word}" for word in TWO_LABELS.labels]
    tokens = tiny_clip.tokenizer(sentences, padding=True, return_tensors="pt")
    answer = reference(**tokens, pixel_values=normalise_pixels(frames[:, 0]))
    expected_loss = cross_entropy(answer.logits_per_image, labels)
    expected_loss.backward()  # type: ignore[no-untyped-call]  # torch's own gap
    optimiser.step()
    heard: list[float] = []
    tuned = fine_tune(
        tiny_clip.model,
        tiny_clip.tokenizer,
        TWO_LABELS,
        frames,
        labels,
        replace(FINE_TUNING, epochs=1),
        lambda *report: heard.append(report[2]),
    )
    assert heard == [pytest.approx(expected_loss.item(), rel=1e-5)]
    before = dict(tiny_clip.model.named_parameters())
    for name, value in reference.named_parameters():
        moved = dict(tuned.named_parameters())[name]
        assert value.grad is not None
        # a first step is as long as the rate however small the slope: where that is
        # rounding alone, as of the keys' biases, its sign is chance
        sure = value.grad.abs() > 1e-5
        torch.testing.assert_close(moved[sure], value[sure], atol=2e-5, rtol=0)
        assert not torch.equal(moved, before[name]), name


def test_fine_tuning_starts_at_the_zero_shot_loss_of_whole_clips(
    tiny_clip: ClipEncoder,
) -> None:
    scale = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    frames, labels = random_frames(36, 4, 3), torch.arange(4) % 2
    frames[:, 0] //= 4  # a clip's frames differ
    model = tiny_clip.model
    heard: list[float] = []
    fine_tune(
        model,
        tiny_clip.tokenizer,
        TWO_LABELS,
        frames,
        labels,
        replace(FINE_TUNING, rate=1e-12, epochs=1),
        lambda *report: heard.append(report[2]),
        scale,
    )
    with torch.no_grad():
        zero_shot = TunedProjection(
            model.visual_projection.weight.detach(), tiny_clip.logit_scale
        ).logits(
            pooled_features(model, frames, scale),
            embed_labels(model, tiny_clip.tokenizer, TWO_LABELS),
        )
    expected = cross_entropy(zero_shot, labels).item()
    assert heard == [pytest.approx(expected, rel=1e-5)]


def test_fine_tuning_fits_a_copy_and_leaves_the_model_as_it_is(
    tiny_clip: ClipEncoder,
) -> None:
    weights = copy.deepcopy(tiny_clip.model.state_dict())
    frozen = copy.deepcopy(tiny_clip.model).requires_grad_(requires_grad=False)
    torch.nn.Module.to(frozen, torch.float16)
    frames, labels = random_frames(31, 4, 2), torch.arange(4) % 2
    frames[labels == 1] //= 4  # dark clips fall
    heard: list[float] = []
    tuned = fine_tune(
        frozen,
        tiny_clip.tokenizer,
        TWO_LABELS,
        frames,
        labels,
        replace(FINE_TUNING, epochs=8, batch=2),
        lambda *report: heard.append(report[2]),
    )
    assert heard[-1] < 0.5 * heard[0]
    assert not tuned.training
    assert {value.dtype for value in tuned.parameters()} == {torch.float32}
    assert not any(value.requires_grad for value in frozen.parameters())
    for name, value in tiny_clip.model.state_dict().items():
        assert torch.equal(value, weights[name])


def test_fine_tuning_holds_the_scale_at_a_hundred(tiny_clip: ClipEncoder) -> None:
    loud = copy.deepcopy(tiny_clip.model)
    frames, labels = random_frames(32, 4, 1), torch.arange(4) % 2
    heard: list[float] = []
    for scale in (100.0, 1000.0):
        torch.nn.init.constant_(loud.logit_scale, math.log(scale))
        fine_tune(
            loud,
            tiny_clip.tokenizer,
            TWO_LABELS,
            frames,
            labels,
            replace(FINE_TUNING, epochs=1),
            lambda *report: heard.append(report[2]),
        )
    assert heard[0] == pytest.approx(heard[1], rel=1e-4)


def test_fine_tuning_refuses_labels_that_have_no_prompt(tiny_clip: ClipEncoder) -> None:
    with pytest.raises(ValueError, match=r"^labels 0 to 2, expected 0 to 1$"):
        fine_tune(
            tiny_clip.model,
            tiny_clip.tokenizer,
            TWO_LABELS,
            random_frames(35, 2, 1),
            torch.tensor([0, 2]),
        )
