import copy
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.clip import ClipEncoder, encode_pixels, normalise_pixels
from models.few_shot import (
    FINE_TUNING,
    PROBE_STRENGTHS,
    PROJECTION,
    TIP_ALPHAS,
    TIP_BETAS,
    TIP_KEYS,
    LinearProbe,
    TipAdapter,
    TrainingSettings,
    TunedProjection,
    clip_vectors,
    fine_tune,
    fit_keys,
    fit_probe,
    fit_projection,
    pooled_features,
    remember_shots,
    search_tip,
    sweep_probe,
)
from models.prompt_set import LabelPrompts, PromptSet
from models.temporal import average_clip
from models.text_bank import embed_labels
from tests.tiny_checkpoint import TINY_PX

SCALE = 20.0
CLIPS, FRAMES, WIDTH, DIM, LABELS = 12, 3, 6, 5, 3
TWO_LABELS = PromptSet(
    "two",
    1,
    ("a photo of a person {}",),
    tuple(LabelPrompts(word, (word,), word) for word in ("walking", "falling")),
)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit_rows(seed: int, *shape: int) -> Tensor:
    return torch.nn.functional.normalize(draw(seed, *shape), dim=-1)


def noisy_clips(seed: int, clips: int = CLIPS, width: int = DIM) -> Tensor:
    """Clips around a centre for each label; labels take turns."""
    centres = draw(99, LABELS, 1, width)[torch.arange(clips) % LABELS]
    return centres + 0.9 * draw(seed, clips, FRAMES, width)


def turns(clips: int = CLIPS) -> Tensor:
    return torch.arange(clips) % LABELS


def random_frames(seed: int, clips: int, frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (clips, frames, TINY_PX, TINY_PX, 3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def plain_clip_vector(frames: np.ndarray) -> np.ndarray:
    total = np.zeros(frames.shape[1])
    for frame in frames:
        total += frame / math.sqrt(sum(value**2 for value in frame))
    mean = total / len(frames)
    return mean / math.sqrt(sum(value**2 for value in mean))


def plain_adamw(
    start: Tensor,
    slope_of: Callable[[Tensor], Tensor],
    rates: list[float],
    settings: TrainingSettings,
) -> Tensor:
    """Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2, as it stands there."""
    value, first, second = start.clone(), 0.0 * start, 0.0 * start
    for step, rate in enumerate(rates, start=1):
        slope = slope_of(value)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        move = (first / (1 - 0.9**step)) / (
            (second / (1 - 0.999**step)).sqrt() + settings.epsilon
        )
        value = value - rate * (move + settings.weight_decay * value)
    return value


def slope_by_autograd(loss_of: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def slope(value: Tensor) -> Tensor:
        moving = value.clone().requires_grad_()
        return torch.autograd.grad(loss_of(moving), moving)[0]

    return slope


# --- clip vectors and pooled features


def test_clip_vector_is_the_unit_mean_of_unit_frames() -> None:
    clips = 7 * draw(0, CLIPS, FRAMES, DIM)
    found = clip_vectors(clips).numpy()
    for row, clip in zip(found, clips.numpy(), strict=True):
        np.testing.assert_allclose(row, plain_clip_vector(clip), atol=1e-6)
        np.testing.assert_allclose(row, average_clip(clip), atol=1e-6)


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
        lambda *told: heard.append(told),
    )
    assert [told[:2] for told in heard] == [(epoch, 15) for epoch in range(1, 16)]
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
        start, pooled, turns(), texts, settings, lambda *told: heard.append(told[2])
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


def test_tuned_projection_goes_into_a_copy_of_the_model(tiny_clip: ClipEncoder) -> None:
    own = tiny_clip.model.visual_projection.weight.detach()
    tuned = TunedProjection(own + 0.1 * draw(13, *own.shape), SCALE)
    frames = random_frames(14, 1, 4)
    pooled = pooled_features(tiny_clip.model, frames)
    model = tuned.put_into(tiny_clip.model)
    with torch.no_grad():
        features = encode_pixels(model, normalise_pixels(frames[0]))
    torch.testing.assert_close(clip_vectors(features[None]), tuned.vectors(pooled))
    assert not torch.equal(model.visual_projection.weight, own)
    assert torch.equal(tiny_clip.model.visual_projection.weight, own)


# --- Tip-Adapter


def shot_memory() -> TipAdapter:
    texts = unit_rows(15, LABELS, DIM)
    return remember_shots(noisy_clips(16), turns(), texts, SCALE)


def plain_tip_logits(adapter: TipAdapter, clip: np.ndarray) -> list[float]:
    """Both halves of equation 3, one number after the other."""
    vector = plain_clip_vector(clip)
    scores = []
    for label, text in enumerate(adapter.texts.numpy()):
        score = adapter.scale * float(vector @ text)
        for key, value in zip(adapter.keys.numpy(), adapter.values, strict=True):
            likeness = math.exp(-adapter.beta * (1 - float(vector @ key)))
            score += adapter.alpha * likeness * value[label].item()
        scores.append(score)
    return scores


def test_memory_holds_the_shots_vectors_and_labels() -> None:
    adapter = shot_memory()
    torch.testing.assert_close(adapter.keys, clip_vectors(noisy_clips(16)))
    for label, value in zip(turns(), adapter.values, strict=True):
        assert value.tolist() == [float(label == place) for place in range(LABELS)]
    assert (adapter.alpha, adapter.beta) == (3.0, 1.0)


def test_tip_logits_are_scaled_cosines_and_the_labels_of_like_shots() -> None:
    adapter = replace(shot_memory(), alpha=1.7, beta=2.3)
    others = noisy_clips(17, clips=4)
    found = adapter.logits(others)
    for row, clip in zip(found, others.numpy(), strict=True):
        assert row.tolist() == pytest.approx(plain_tip_logits(adapter, clip), abs=1e-4)


def test_key_of_an_augmented_shot_is_the_unit_mean_of_its_views() -> None:
    views = torch.stack([noisy_clips(18), noisy_clips(19)])
    adapter = remember_shots(views, turns(), unit_rows(15, LABELS, DIM), SCALE)
    for shot, key in enumerate(adapter.keys.numpy()):
        both = sum(plain_clip_vector(view[shot].numpy()) for view in views)
        np.testing.assert_allclose(key, both / np.linalg.norm(both), atol=1e-6)


def test_keys_move_as_adamw_on_half_a_cosine_moves_them() -> None:
    start = shot_memory()
    views = torch.stack([noisy_clips(20), noisy_clips(21)])
    settings = replace(TIP_KEYS, rate=0.05, epochs=3, batch=CLIPS)
    vectors = [clip_vectors(view) for view in (views[0], views[1], views[0])]
    steps = iter(vectors)  # epochs take the views in turn

    def loss_of(keys: Tensor) -> Tensor:
        batch = next(steps)
        likeness = (-start.beta * (1 - batch @ keys.T)).exp()
        logits = SCALE * batch @ start.texts.T + start.alpha * likeness @ start.values
        return -logits.log_softmax(dim=1)[torch.arange(CLIPS), turns()].mean()

    rates = [0.05 * (1 + math.cos(math.pi * step / 3)) / 2 for step in range(3)]
    expected = plain_adamw(start.keys, slope_by_autograd(loss_of), rates, settings)
    trained = fit_keys(start, views, turns(), settings)
    torch.testing.assert_close(trained.keys, expected, atol=1e-6, rtol=1e-5)
    assert torch.equal(start.keys, shot_memory().keys)
    assert not trained.keys.requires_grad


def test_trained_keys_fit_the_shots_better() -> None:
    start, shots = shot_memory(), noisy_clips(16)
    trained = fit_keys(start, shots, turns())
    before, after = (
        cross_entropy(adapter.logits(shots), turns()) for adapter in (start, trained)
    )
    assert after < before


def test_search_finds_the_earliest_pair_of_the_best() -> None:
    adapter = shot_memory()
    others, labels = noisy_clips(22, clips=30), turns(30)
    alphas, betas = (0.5, 40.0, 1.0), (6.0, 0.1, 2.0)
    best, most = (0.0, 0.0), -1
    for beta in betas:
        for alpha in alphas:
            tried = replace(adapter, alpha=alpha, beta=beta)
            right = sum(
                int(np.argmax(plain_tip_logits(tried, clip))) == label
                for clip, label in zip(others.numpy(), labels.tolist(), strict=True)
            )
            if right > most:
                best, most = (alpha, beta), right
    found = search_tip(adapter, others, labels, alphas, betas)
    assert (found.alpha, found.beta) == best
    assert (found.logits(others).argmax(dim=1) == labels).sum() == most


def test_search_takes_the_first_pair_where_none_is_right() -> None:
    wrong = search_tip(
        replace(shot_memory(), scale=1e6, texts=torch.eye(LABELS, DIM)),
        torch.eye(LABELS, DIM)[:1, None],
        torch.tensor([1]),
    )
    assert (wrong.alpha, wrong.beta) == (TIP_ALPHAS[0], TIP_BETAS[0])


def test_grid_is_that_of_the_authors() -> None:
    assert (len(TIP_ALPHAS), len(TIP_BETAS)) == (20, 200)
    assert TIP_ALPHAS[:2] == pytest.approx((0.1, 0.245))
    assert TIP_BETAS[:2] == pytest.approx((0.1, 0.1345))
    assert (TIP_ALPHAS[-1], TIP_BETAS[-1]) == pytest.approx((2.855, 6.9655))


# --- the linear probe


def plain_probe_loss(
    values: np.ndarray, rows: np.ndarray, labels: np.ndarray, strength: float
) -> float:
    """Equation 4, one clip after the other; the last column is the bias."""
    loss = 0.5 * float((values[:, :-1] ** 2).sum())
    for row, label in zip(rows, labels, strict=True):
        scores = [float(row @ line[:-1] + line[-1]) for line in values]
        powers = [math.exp(score) for score in scores]
        loss -= strength * math.log(powers[label] / sum(powers))
    return loss


@pytest.mark.parametrize("strength", [0.3, 30.0])
def test_probe_stands_where_its_loss_is_flat(strength: float) -> None:
    shots = noisy_clips(23)
    probe = fit_probe(shots, turns(), LABELS, strength)
    rows = np.array([plain_clip_vector(clip) for clip in shots.numpy()])
    values = torch.cat([probe.weight, probe.bias[:, None]], dim=1).double().numpy()
    assert probe.strength == strength
    for place in np.ndindex(*values.shape):
        step = np.zeros_like(values)
        step[place] = 1e-4
        ahead, behind = (
            plain_probe_loss(values + way * step, rows, turns().numpy(), strength)
            for way in (1, -1)
        )
        assert abs(ahead - behind) / 2e-4 < 1e-3 * max(1.0, strength) * 0.1


def test_probe_scores_clip_vectors_by_a_line_for_each_label() -> None:
    probe = LinearProbe(draw(24, LABELS, WIDTH), draw(25, LABELS), 1.0)
    shots = draw(26, 2, FRAMES, WIDTH)
    for clip, row in zip(shots.numpy(), probe.logits(shots), strict=True):
        expected = probe.weight.numpy() @ plain_clip_vector(clip) + probe.bias.numpy()
        np.testing.assert_allclose(row.numpy(), expected, atol=1e-5)


def test_label_without_a_shot_is_the_least_likely() -> None:
    probe = fit_probe(noisy_clips(23), turns(), LABELS + 1, 10.0)
    assert set(probe.logits(noisy_clips(27)).argmin(dim=1).tolist()) == {LABELS}


@pytest.mark.parametrize("noise", [0.0, 1.0])  # at none all strengths are as good
def test_sweep_goes_to_the_better_end_by_halves(noise: float) -> None:
    shots, labels = noisy_clips(28), turns(60)
    others = noise * noisy_clips(29, clips=60) + (1 - noise) * shots.repeat(5, 1, 1)
    tried: dict[float, float] = {}

    def accuracy(strength: float) -> float:
        if strength not in tried:
            probe = fit_probe(shots, turns(), LABELS, strength)
            hits = probe.logits(others).argmax(dim=1) == labels
            tried[strength] = hits.double().mean().item()
        return tried[strength]

    best = max(accuracy(strength) for strength in PROBE_STRENGTHS)
    expected = next(each for each in PROBE_STRENGTHS if tried[each] == best)
    ends = [math.log10(expected) - 1, math.log10(expected) + 1]
    for _ in range(3):
        low, high = (accuracy(10**end) for end in ends)
        expected = 10 ** (ends[1] if low < high else ends[0])
        ends[0 if low < high else 1] = sum(ends) / 2
    heard: dict[float, float] = {}
    chosen = sweep_probe(
        shots, turns(), others, labels, LABELS, halvings=3, on_fit=heard.__setitem__
    )
    assert chosen.strength == pytest.approx(expected)
    assert list(heard) == pytest.approx(list(tried))
    assert list(heard.values()) == pytest.approx(list(tried.values()))


def test_sweep_without_halvings_keeps_the_best_it_was_given() -> None:
    shots, others = noisy_clips(28), noisy_clips(29)
    labels = turns()
    chosen = sweep_probe(
        shots, labels, others, labels, LABELS, strengths=(3.0, 5.0, 7.0), halvings=0
    )
    assert chosen.strength in (3.0, 5.0, 7.0)


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
        lambda *told: heard.append(told[2]),
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
        lambda *told: heard.append(told[2]),
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
        lambda *told: heard.append(told[2]),
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
            lambda *told: heard.append(told[2]),
        )
    assert heard[0] == pytest.approx(heard[1], rel=1e-4)


# --- what is refused


def fits_on(labels: Tensor) -> list[Callable[[], object]]:
    count = len(labels)
    texts = unit_rows(33, LABELS, DIM)
    clips, pooled = draw(34, count, FRAMES, DIM), draw(34, count, FRAMES, WIDTH)
    adapter = shot_memory()
    return [
        lambda: fit_projection(first_projection(), pooled, labels, texts),
        lambda: remember_shots(clips, labels, texts, SCALE),
        lambda: fit_keys(adapter, clips, labels),
        lambda: search_tip(adapter, clips, labels),
        lambda: fit_probe(clips, labels, LABELS, 1.0),
        lambda: sweep_probe(noisy_clips(0), turns(), clips, labels, LABELS),
        lambda: sweep_probe(clips, labels, noisy_clips(0), turns(), LABELS),
    ]


@pytest.mark.parametrize("way", range(7))
def test_nothing_is_learnt_from_nothing_or_from_unknown_labels(way: int) -> None:
    with pytest.raises(ValueError, match=r"^no labelled clip to learn from$"):
        fits_on(torch.zeros(0, dtype=torch.int64))[way]()
    with pytest.raises(ValueError, match=r"^labels 0 to 3, expected 0 to 2$"):
        fits_on(torch.tensor([0, 3]))[way]()
    with pytest.raises(ValueError, match=r"^labels -1 to 1, expected 0 to 2$"):
        fits_on(torch.tensor([1, -1]))[way]()


def test_fine_tuning_refuses_labels_that_have_no_prompt(tiny_clip: ClipEncoder) -> None:
    with pytest.raises(ValueError, match=r"^labels 0 to 2, expected 0 to 1$"):
        fine_tune(
            tiny_clip.model,
            tiny_clip.tokenizer,
            TWO_LABELS,
            random_frames(35, 2, 1),
            torch.tensor([0, 2]),
        )


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_rate_is_positive_and_finite(rate: float) -> None:
    with pytest.raises(ValueError, match=r"^rate .*, expected above 0 and finite$"):
        replace(PROJECTION, rate=rate)


def test_training_has_an_epoch_and_a_batch() -> None:
    with pytest.raises(ValueError, match=r"^0 epochs of batches of 8, expected 1"):
        replace(FINE_TUNING, epochs=0)
    with pytest.raises(ValueError, match=r"^5 epochs of batches of 0, expected 1"):
        replace(FINE_TUNING, batch=0)
