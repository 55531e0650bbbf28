from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.lab.training.batches import WindowSampler
from pipelines.lab.training.pictures import PictureRun

SIDE_PX = 64
FRAMES = 4
PATCH_PX, SIDE, BLOCK = 8, 8, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def run_with_spot(folder: Path, across: float, down: float) -> PictureRun:
    """A dark run of pictures with a bright spot, which is its one landmark."""
    pixels = np.zeros((FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)
    row, column = int(down * SIDE_PX), int(across * SIDE_PX)
    pixels[:, row - 2 : row + 3, column - 2 : column + 3] = 255
    mark = np.array([[across, down, 1.0, 1.0]], np.float32)
    path = folder / f"{across}-{down}.npy"
    np.save(path, pixels)
    return PictureRun(path, ("walking",) * FRAMES, np.stack([mark] * FRAMES))


def sampler_of(runs: list[PictureRun], labels: list[int]) -> WindowSampler:
    return WindowSampler(
        runs,
        [np.full(FRAMES, label) for label in labels],
        frames=FRAMES,
        drawn=FRAMES,
        side=SIDE,
    )


def test_a_block_is_shown_around_the_person(folder: Path) -> None:
    sampler = sampler_of([run_with_spot(folder, 0.35, 0.6)], [0])
    batch = sampler.draw(20, BLOCK, np.random.default_rng(0))
    assert batch.pixels.shape[2:] == (BLOCK * PATCH_PX, BLOCK * PATCH_PX)
    cells = (batch.landmarks[:, 0, :2] * SIDE).long()
    patch = cells[:, 1] * SIDE + cells[:, 0]
    shown = (batch.patches == patch[:, None]).any(dim=1)
    assert shown[batch.landmarks[:, 0, 3] > 0].all()


def test_a_window_is_changed_alike_in_all_its_pictures(folder: Path) -> None:
    sampler = sampler_of([run_with_spot(folder, 0.5, 0.5)], [0])
    batch = sampler.draw(2, SIDE, np.random.default_rng(4))
    marks = batch.landmarks.reshape(2, FRAMES, 4)
    assert torch.equal(marks[0, 0], marks[0, -1])
    assert not torch.equal(marks[0, 0], marks[1, 0])


def test_a_window_with_a_picture_without_a_label_is_never_drawn(folder: Path) -> None:
    runs = [run_with_spot(folder, 0.5, 0.5), run_with_spot(folder, 0.2, 0.2)]
    sampler = sampler_of(runs, [0, 1])
    labels = [np.zeros(FRAMES, np.int64), np.ones(FRAMES, np.int64)]
    labels[1][2] = -1
    sampler = WindowSampler(runs, labels, frames=FRAMES, drawn=FRAMES, side=SIDE)
    batch = sampler.draw(40, BLOCK, np.random.default_rng(0))
    assert set(batch.frame_labels.tolist()) == {0}


def test_rare_labels_are_drawn_more_often_than_they_occur(folder: Path) -> None:
    runs = [run_with_spot(folder, 0.5, 0.5) for _ in range(10)]
    sampler = sampler_of(runs, [0] * 9 + [1])
    batch = sampler.draw(400, 2, np.random.default_rng(0))
    share = (batch.frame_labels == 1).float().mean().item()
    # in proportion to sqrt: 1 / (1 + 3) against a tenth of the windows
    assert share == pytest.approx(0.25, abs=0.06)


def test_equal_generators_draw_equal_batches(folder: Path) -> None:
    sampler = sampler_of([run_with_spot(folder, 0.4, 0.6)], [0])
    first, second = (sampler.draw(3, BLOCK, np.random.default_rng(9)) for _ in range(2))
    assert torch.equal(first.pixels, second.pixels)
