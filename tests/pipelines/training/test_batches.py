from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.clip import CLIP_DEVIATION, CLIP_MEAN
from pipelines.training.batches import WindowSampler
from pipelines.training.pictures import PictureRun

SIDE_PX = 64
FRAMES = 4


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
        runs, [np.full(FRAMES, label) for label in labels], FRAMES, FRAMES
    )


@settings(max_examples=25, deadline=None)
@given(
    across=st.floats(0.35, 0.65), down=st.floats(0.35, 0.65), seed=st.integers(0, 999)
)
def test_landmarks_move_with_the_picture(
    folder: Path, across: float, down: float, seed: int
) -> None:
    sampler = sampler_of([run_with_spot(folder, across, down)], [0])
    batch = sampler.draw(1, np.random.default_rng(seed))
    brightness = batch.pixels[0].sum(dim=0)
    brightest = brightness > brightness.max() - 0.3 * (
        brightness.max() - brightness.min()
    )
    rows, columns = torch.nonzero(brightest, as_tuple=True)
    u, v, height_m, seen = batch.landmarks[0, 0].tolist()
    assert seen == 1
    assert height_m == 1.0
    assert columns.float().mean().item() == pytest.approx(u * SIDE_PX, abs=2.5)
    assert rows.float().mean().item() == pytest.approx(v * SIDE_PX, abs=2.5)


def test_a_window_is_changed_alike_in_all_its_pictures(folder: Path) -> None:
    sampler = sampler_of([run_with_spot(folder, 0.5, 0.5)], [0])
    batch = sampler.draw(2, np.random.default_rng(4))
    marks = batch.landmarks.reshape(2, FRAMES, 4)
    assert torch.equal(marks[0, 0], marks[0, -1])
    assert not torch.equal(marks[0, 0], marks[1, 0])


def test_rare_labels_are_drawn_more_often_than_they_occur(folder: Path) -> None:
    runs = [run_with_spot(folder, 0.5, 0.5) for _ in range(10)]
    sampler = sampler_of(runs, [0] * 9 + [1])
    batch = sampler.draw(400, np.random.default_rng(0))
    share = (batch.frame_labels == 1).float().mean().item()
    # in proportion to sqrt: 1 / (1 + 3) against a tenth of the windows
    assert share == pytest.approx(0.25, abs=0.06)


def test_equal_generators_draw_equal_batches(folder: Path) -> None:
    sampler = sampler_of([run_with_spot(folder, 0.4, 0.6)], [0])
    first, second = (sampler.draw(3, np.random.default_rng(9)) for _ in range(2))
    assert torch.equal(first.pixels, second.pixels)


def test_pictures_stay_within_what_a_camera_can_deliver(folder: Path) -> None:
    sampler = sampler_of([run_with_spot(folder, 0.4, 0.6)], [0])
    pixels = sampler.draw(4, np.random.default_rng(2)).pixels
    low = (0 - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_DEVIATION)
    high = (1 - torch.tensor(CLIP_MEAN)) / torch.tensor(CLIP_DEVIATION)
    assert (pixels.amin(dim=(0, 2, 3)) >= low - 1e-5).all()
    assert (pixels.amax(dim=(0, 2, 3)) <= high + 1e-5).all()
