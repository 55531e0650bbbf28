import math

import numpy as np
import pytest
import torch
from torch import Tensor

from models.is_clip.fusion import Sgam, Sirm, SirmMode, distillation

DIM, HEADS, FRAMES = 12, 3, 4


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def shake(part: torch.nn.Module) -> None:
    """Move all that is trained: the last layers start as zeros."""
    with torch.no_grad():
        for seed, value in enumerate(part.parameters()):
            value.copy_(0.5 * draw(*value.shape, seed=seed))


def plain(value: Tensor) -> np.ndarray:
    return value.detach().double().numpy()


def unit(vector: np.ndarray) -> np.ndarray:
    length = math.sqrt(sum(part**2 for part in vector))
    return np.array([part / length for part in vector])


def soft(scores: np.ndarray) -> np.ndarray:
    powers = [math.exp(score - max(scores)) for score in scores]
    return np.array([power / sum(powers) for power in powers])


def literal_sirm(sirm: Sirm, frames: np.ndarray, imu: np.ndarray) -> np.ndarray:
    """Message to the frames of one window, head by head: equations 6 to 8."""
    query, key, value, out = (
        plain(layer.weight) for layer in (sirm.query, sirm.key, sirm.value, sirm.out)
    )
    part = DIM // HEADS
    joined: list[float] = []
    for head in range(HEADS):
        rows = slice(head * part, (head + 1) * part)
        asked = query[rows] @ imu
        scores = [asked @ (key[rows] @ frame) / math.sqrt(part) for frame in frames]
        total = np.zeros(part)
        for share, frame in zip(soft(np.array(scores)), frames, strict=True):
            total += share * (value[rows] @ frame)
        joined.extend(total)
    message: np.ndarray = out @ np.array(joined)
    return message


def literal_sgam(sgam: Sgam, imu: np.ndarray, slots: list[int]) -> np.ndarray:
    hidden = np.maximum(plain(sgam.hidden.weight) @ imu + plain(sgam.hidden.bias), 0)
    scores = plain(sgam.places.weight) @ hidden + plain(sgam.places.bias)
    return soft(scores[slots])


@pytest.mark.parametrize("mode", ["broadcast", "gate", "residual"])
@pytest.mark.parametrize("there", [[0, 1, 2, 3], [1, 3], [2]])
def test_sirm_is_the_literal_one_over_the_frames_that_are_there(
    mode: SirmMode, there: list[int]
) -> None:
    sirm = Sirm(DIM, HEADS, mode)
    shake(sirm)
    frames, imu = draw(2, FRAMES, DIM, seed=7), draw(2, DIM, seed=8)
    present = torch.zeros(2, FRAMES, dtype=torch.bool)
    present[:, there] = True
    with torch.no_grad():
        found = sirm(frames, imu, present)
    for row, window, worn in zip(found, plain(frames), plain(imu), strict=True):
        message = literal_sirm(sirm, window[there], worn)
        if sirm.say is not None:
            message += plain(sirm.say.weight) @ worn
        assert np.abs(message).max() > 0.1  # or the comparison would say little
        for at in there:
            expected = window[at] + message
            if mode == "gate":
                expected = window[at] * (1 + 1 / (1 + np.exp(-message)))
            np.testing.assert_allclose(row[at], expected, atol=1e-4)


@pytest.mark.parametrize("mode", ["broadcast", "residual"])
def test_untrained_sirm_adds_nothing(mode: SirmMode) -> None:
    frames = draw(1, FRAMES, DIM)
    present = torch.ones(1, FRAMES, dtype=torch.bool)
    with torch.no_grad():
        found = Sirm(DIM, HEADS, mode)(frames, draw(1, DIM), present)
    torch.testing.assert_close(found, frames)


@pytest.mark.parametrize("slots", [[0, 1, 2, 3], [3, 1], [2]])
def test_sgam_is_the_literal_one_in_the_order_of_the_slots(slots: list[int]) -> None:
    sgam = Sgam(DIM, FRAMES)
    shake(sgam)
    imu = draw(2, DIM, seed=8)
    with torch.no_grad():
        found = sgam(imu, torch.tensor([slots, slots]))
    for row, worn in zip(found, plain(imu), strict=True):
        np.testing.assert_allclose(row, literal_sgam(sgam, worn, slots), atol=1e-5)


def test_slot_without_a_frame_weighs_nothing_and_the_others_share() -> None:
    sgam = Sgam(DIM, FRAMES)
    shake(sgam)
    with torch.no_grad():
        (found,) = sgam(draw(1, DIM, seed=8), torch.tensor([[3, -1, 0]]))
        (kept,) = sgam(draw(1, DIM, seed=8), torch.tensor([[3, 0]]))
    assert found[1] == 0
    torch.testing.assert_close(found[[0, 2]], kept)


def test_untrained_sgam_weighs_all_frames_alike() -> None:
    with torch.no_grad():
        (found,) = Sgam(DIM, FRAMES)(draw(1, DIM), torch.arange(FRAMES)[None])
    torch.testing.assert_close(found, torch.full((FRAMES,), 1 / FRAMES))


def test_distillation_is_one_less_the_mean_cosine_of_frames_that_are_there() -> None:
    student, teacher = draw(2, 2, 3, 12)
    present = torch.tensor([[True, True, True], [False, True, False]])
    found = distillation(student, teacher, present).item()
    windows = []
    for ours, theirs, there in zip(student, teacher, present, strict=True):
        cosines = [
            float(unit(ours[frame].numpy()) @ unit(theirs[frame].numpy()))
            for frame in range(3)
            if there[frame]
        ]
        windows.append(1 - sum(cosines) / len(cosines))
    assert found == pytest.approx(sum(windows) / 2, abs=1e-6)
