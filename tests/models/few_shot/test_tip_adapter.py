import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.few_shot.tip_adapter import (
    TIP_ALPHAS,
    TIP_BETAS,
    TIP_KEYS,
    TipAdapter,
    fit_keys,
    remember_shots,
    search_tip,
)
from models.few_shot.training import clip_vectors
from tests.models.few_shot_clips import (
    CLIPS,
    DIM,
    FRAMES,
    LABELS,
    SCALE,
    UNKNOWN_LABELS,
    draw,
    noisy_clips,
    plain_adamw,
    plain_clip_vector,
    slope_by_autograd,
    turns,
    unit_rows,
)


def shot_memory() -> TipAdapter:
    texts = unit_rows(15, LABELS, DIM)
    return remember_shots(noisy_clips(16), turns(), texts, SCALE)


def plain_tip_logits(adapter: TipAdapter, clip: np.ndarray) -> list[float]:
    """Both halves of equation 1, one number after the other."""
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


@pytest.mark.parametrize(("labels", "problem"), UNKNOWN_LABELS)
def test_nothing_is_learnt_from_nothing_or_from_unknown_labels(
    labels: list[int], problem: str
) -> None:
    adapter, texts = shot_memory(), unit_rows(33, LABELS, DIM)
    clips = draw(34, len(labels), FRAMES, DIM)
    given = torch.tensor(labels, dtype=torch.int64)
    with pytest.raises(ValueError, match=problem):
        remember_shots(clips, given, texts, SCALE)
    with pytest.raises(ValueError, match=problem):
        fit_keys(adapter, clips, given)
    with pytest.raises(ValueError, match=problem):
        search_tip(adapter, clips, given)
