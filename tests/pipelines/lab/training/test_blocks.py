import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPModel

from models.clip.new_checkpoint import small_clip
from pipelines.lab.training.blocks import draw_blocks, encode_blocks, grid_side

SIDE = 8


@pytest.fixture(scope="module")
def model() -> CLIPModel:
    return small_clip(seed=0, image_size_px=32, patch_size_px=4, vision_layers=4)


def marks_at(across: float, down: float, seen: float = 1.0) -> torch.Tensor:
    return torch.tensor([[[across, down, 1.0, seen]]])


@settings(max_examples=60, deadline=None)
@given(
    across=st.floats(0.0, 0.99),
    down=st.floats(0.0, 0.99),
    block=st.integers(2, SIDE),
    seed=st.integers(0, 99),
)
def test_a_block_is_a_square_around_the_person(
    across: float, down: float, block: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    (patches,) = draw_blocks(marks_at(across, down), SIDE, block, rng)
    rows = {patch // SIDE for patch in patches.tolist()}
    columns = {patch % SIDE for patch in patches.tolist()}
    for line in (rows, columns):
        assert line == set(range(min(line), min(line) + block))
    assert len(set(patches.tolist())) == block**2
    own = int(down * SIDE) * SIDE + int(across * SIDE)
    if block >= 4:  # half of a smaller one is less than the rounding
        assert own in patches.tolist()


def test_nobody_in_sight_is_sought_everywhere() -> None:
    rng = np.random.default_rng(0)
    nobody = marks_at(0.1, 0.1, seen=0.0).repeat(200, 1, 1)
    corners = draw_blocks(nobody, SIDE, 4, rng)[:, 0].tolist()
    assert {corner // SIDE for corner in corners} == set(range(5))
    assert {corner % SIDE for corner in corners} == set(range(5))


def test_all_patches_give_what_the_whole_tower_does(model: CLIPModel) -> None:
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    patches = torch.arange(grid_side(model) ** 2).repeat(2, 1)
    with torch.no_grad():
        pooled, middle = encode_blocks(model, pixels, patches, middle_layer=1)
        answer = model.vision_model(pixel_values=pixels, output_hidden_states=True)
    torch.testing.assert_close(pooled, answer.pooler_output)
    torch.testing.assert_close(middle, answer.hidden_states[2][:, 1:])


def test_a_block_keeps_its_place_in_the_whole_picture(model: CLIPModel) -> None:
    pixels = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    rng = np.random.default_rng(0)
    here, there = (draw_blocks(marks_at(at, 0.5), SIDE, 4, rng) for at in (0.2, 0.8))
    with torch.no_grad():
        pooled_here, pooled_there = (
            encode_blocks(model, pixels, it, middle_layer=1)[0] for it in (here, there)
        )
    assert not torch.allclose(pooled_here, pooled_there)
