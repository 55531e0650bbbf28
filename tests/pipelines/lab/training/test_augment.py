import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import affine_grid, grid_sample

from models.clip.encoder import CLIP_DEVIATION, CLIP_MEAN
from pipelines.lab.training.augment import (
    disturb,
    draw_views,
    move_landmarks,
    view_blocks,
)

SIDE, PATCH_PX = 8, 4
SIZE = SIDE * PATCH_PX


def pictures(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, SIZE, SIZE, generator=generator)


def test_a_block_of_a_view_is_that_part_of_the_whole_view() -> None:
    seen, views = pictures(5), draw_views(5, np.random.default_rng(0))
    grid = affine_grid(views, list(seen.shape), align_corners=False)
    whole = grid_sample(seen, grid, align_corners=False)
    first = torch.tensor([0, 3, 17, 35, 36])  # of blocks of 4 by 4 patches
    blocks = view_blocks(seen, views, first, SIDE, block=4)
    for picture, patch, block in zip(whole, first.tolist(), blocks, strict=True):
        top, left = patch // SIDE * PATCH_PX, patch % SIDE * PATCH_PX
        expected = picture[:, top : top + 4 * PATCH_PX, left : left + 4 * PATCH_PX]
        torch.testing.assert_close(block, expected, atol=1e-4, rtol=0)


@settings(max_examples=25, deadline=None)
@given(
    across=st.floats(0.35, 0.65), down=st.floats(0.35, 0.65), seed=st.integers(0, 999)
)
def test_landmarks_move_with_the_picture(across: float, down: float, seed: int) -> None:
    size = 64
    picture = torch.zeros(1, 3, size, size)
    row, column = int(down * size), int(across * size)
    picture[..., row - 2 : row + 3, column - 2 : column + 3] = 1
    views = draw_views(1, np.random.default_rng(seed))
    marks = torch.tensor([[[(column + 0.5) / size, (row + 0.5) / size, 1.3, 1.0]]])
    ((u, v, height_m, seen),) = move_landmarks(marks, views)[0].tolist()
    (whole,) = view_blocks(
        picture, views, torch.zeros(1, dtype=torch.int64), SIDE, SIDE
    )
    rows, columns = torch.nonzero(whole[0] > 0.5, as_tuple=True)
    assert (seen, height_m) == (1.0, pytest.approx(1.3))
    assert columns.float().mean().item() + 0.5 == pytest.approx(u * size, abs=0.7)
    assert rows.float().mean().item() + 0.5 == pytest.approx(v * size, abs=0.7)


def test_what_leaves_the_view_is_not_seen() -> None:
    views = torch.tensor([[[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]])  # the lower right
    marks = torch.tensor([[[0.1, 0.1, 1.0, 1.0], [0.9, 0.9, 1.0, 1.0]]])
    assert move_landmarks(marks, views)[0, :, 3].tolist() == [0, 1]


def test_views_differ_and_half_are_mirrored() -> None:
    views = draw_views(400, np.random.default_rng(0))
    mirrored = (views[:, 0, 0] < 0).float().mean().item()
    assert 0.4 < mirrored < 0.6
    assert len({round(it, 4) for it in views[:, 1, 1].tolist()}) > 300


def test_what_is_disturbed_stays_what_a_camera_can_deliver() -> None:
    disturbed = disturb(pictures(40), np.random.default_rng(0))
    low = (0 - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_DEVIATION)
    high = (1 - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_DEVIATION)
    assert (disturbed.amin(dim=(0, 2, 3)) >= low - 1e-5).all()
    assert (disturbed.amax(dim=(0, 2, 3)) <= high + 1e-5).all()


def test_equal_generators_disturb_alike_and_no_picture_twice_the_same() -> None:
    alike = pictures(1).repeat(6, 1, 1, 1)
    first, second = (disturb(alike, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert len({round(it.sum().item(), 2) for it in first}) == 6


def test_pieces_of_other_pictures_lie_in_some() -> None:
    # black pictures and white ones: a piece of the other kind shows
    black_and_white = torch.cat(
        (torch.zeros(60, 3, SIZE, SIZE), torch.ones(60, 3, SIZE, SIZE))
    )
    seen = disturb(black_and_white, np.random.default_rng(0))
    span = seen.amax(dim=(1, 2, 3)) - seen.amin(dim=(1, 2, 3))
    assert 0.1 < (span > 2).float().mean().item() < 0.45
