import math

import pytest
import torch
from torch.nn.functional import normalize
from transformers import CLIPModel

from models.clip.new_checkpoint import small_clip
from pipelines.lab.training.batches import Batch
from pipelines.lab.training.losses import (
    BodyHeads,
    _height_loss,
    _place_loss,
    _tokens_of,
    label_texts,
    training_losses,
)

SIDE_PX, PATCH_PX, FRAMES, LABELS, LANDMARKS = 32, 16, 2, 3, 2


@pytest.fixture(scope="module")
def model() -> CLIPModel:
    return small_clip(seed=0, image_size_px=SIDE_PX, patch_size_px=PATCH_PX)


@pytest.fixture(scope="module")
def heads(model: CLIPModel) -> BodyHeads:
    torch.manual_seed(0)
    projection = model.visual_projection
    return BodyHeads(projection.in_features, LANDMARKS, LABELS, projection.out_features)


def batch_of(labels: list[int], *, seen: bool = True) -> Batch:
    generator = torch.Generator().manual_seed(0)
    count = len(labels)
    marks = torch.rand(count, LANDMARKS, 4, generator=generator)
    marks[..., 3] = float(seen)
    pixels = torch.randn(count, 3, SIDE_PX, SIDE_PX, generator=generator)
    patches = torch.arange((SIDE_PX // PATCH_PX) ** 2).repeat(count, 1)
    return Batch(pixels, patches, torch.tensor(labels), marks)


def texts_of(model: CLIPModel) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    width = model.visual_projection.out_features
    return normalize(torch.randn(LABELS, width, generator=generator), dim=-1)


def test_the_total_is_the_weighted_sum_of_the_parts(
    model: CLIPModel, heads: BodyHeads
) -> None:
    batch = batch_of([0, 1, 2, 2])
    parts = training_losses(model, heads, batch, texts_of(model), FRAMES)
    use = parts["clip"] + parts["frame"]
    labels = parts["label"] + parts["pointed"] + 0.3 * parts["text"]
    body = 0.5 * parts["place"] + parts["height"]
    torch.testing.assert_close(parts["total"], use + labels + body)


def test_texts_that_are_all_alike_cost_the_logarithm_of_their_number(
    model: CLIPModel, heads: BodyHeads
) -> None:
    alike = texts_of(model)[:1].repeat(LABELS, 1)
    batch = batch_of([0, 1, 2, 2])
    parts = training_losses(model, heads, batch, alike, FRAMES)
    assert parts["clip"].item() == pytest.approx(math.log(LABELS), abs=1e-4)
    assert parts["frame"].item() == pytest.approx(math.log(LABELS), abs=1e-4)


def test_a_clip_s_target_is_the_share_of_each_label(
    model: CLIPModel, heads: BodyHeads
) -> None:
    texts = texts_of(model)
    mixed, first, second = (
        training_losses(model, heads, batch_of(labels), texts, FRAMES)["clip"]
        for labels in ([0, 1], [0, 0], [1, 1])
    )
    assert abs(first - second) > 0.01
    torch.testing.assert_close(mixed, (first + second) / 2)


def test_a_batch_of_empty_rooms_costs_no_landmark_and_breaks_no_weight(
    model: CLIPModel, heads: BodyHeads
) -> None:
    batch = batch_of([0, 1], seen=False)
    parts = training_losses(model, heads, batch, texts_of(model), FRAMES)
    assert parts["place"].item() == parts["height"].item() == 0
    parts["total"].backward()  # type: ignore[no-untyped-call]  # torch's own gap
    gradients = [p.grad for p in (*model.parameters(), *heads.parameters())]
    assert all(it.isfinite().all() for it in gradients if it is not None)


def test_the_place_of_a_landmark_is_the_patch_that_holds_it() -> None:
    # 3 by 3 patches; the landmark is in the right one of the middle row: number 5
    marks = torch.tensor([[[0.9, 0.5, 1.0, 1.0]]])
    token, seen = _tokens_of(marks, torch.arange(9)[None], side=3)
    losses = []
    for patch in range(9):
        scores = torch.zeros(1, 9, 1)
        scores[0, patch] = 20
        losses.append(_place_loss(scores, token, seen).item())
    assert losses[5] == pytest.approx(0, abs=1e-6)
    assert min(losses[:5] + losses[6:]) == pytest.approx(20, abs=1e-3)


def test_a_landmark_is_sought_among_the_patches_that_are_shown() -> None:
    # the lower right block of 2 by 2 of 3 by 3 patches: 4, 5, 7 and 8
    shown = torch.tensor([[4, 5, 7, 8]])
    marks = torch.tensor(
        [[[0.9, 0.5, 1.0, 1.0], [0.1, 0.1, 1.0, 1.0], [0.9, 0.9, 1.0, 0.0]]]
    )
    token, seen = _tokens_of(marks, shown, side=3)
    assert token[0, 0].item() == 1
    assert seen.tolist() == [[True, False, False]]  # the last is hidden


def test_what_is_out_of_sight_counts_neither_in_the_sum_nor_in_the_mean() -> None:
    marks = torch.tensor([[[0.1, 0.1, 1.0, 1.0], [0.5, 0.5, 9.0, 0.0]]])
    token, seen = _tokens_of(marks, torch.arange(9)[None], side=3)
    scores = torch.zeros(1, 9, 2)
    assert _place_loss(scores, token, seen).item() == pytest.approx(math.log(9))
    # 0.5 m off: linear beyond 0.2 m, less half of that
    heights = torch.tensor([[1.5, 0.0]])
    assert _height_loss(heights, marks, seen).item() == pytest.approx(0.4)


def test_each_label_speaks_in_one_of_its_own_sentences() -> None:
    choices = [("a", "b", "c"), ("x",)]
    drawn = [
        label_texts(choices, torch.Generator().manual_seed(seed)) for seed in range(20)
    ]
    assert {first for first, _ in drawn} == {"a", "b", "c"}
    assert {second for _, second in drawn} == {"x"}
