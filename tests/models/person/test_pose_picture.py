import numpy as np
import pytest
from jaxtyping import Float32

from models.person.pose_history import SIZE_STEPS, PoseHistory
from models.person.pose_picture import (
    HIPS,
    JOINTS,
    MOMENTS,
    PICTURE_SIDE_PX,
    body_sizes,
    draw_poses,
)

LEFT_WRIST = 5


def standing() -> Float32[np.ndarray, "13 3"]:
    """A person who stands, 0.8 of the picture high."""
    down = [0.1, 0.25, 0.25, 0.4, 0.4, 0.5, 0.5, 0.5, 0.5, 0.7, 0.7, 0.9, 0.9]
    across = [0.5, 0.58, 0.42, 0.6, 0.4, 0.6, 0.4, 0.55, 0.45, 0.55, 0.45, 0.55, 0.45]
    return np.stack((across, down, np.ones(13)), axis=1).astype(np.float32)


def still(pose: Float32[np.ndarray, "13 3"]) -> Float32[np.ndarray, "1 8 13 3"]:
    return np.repeat(pose[None, None], len(MOMENTS), axis=1)


def drawn(
    joints: Float32[np.ndarray, "1 8 13 3"], found: list[bool] | None = None
) -> np.ndarray:
    """Draw a pose picture; return its patches."""
    there = np.array([found or [True] * len(MOMENTS)])
    size = body_sizes(joints[:, 1])
    picture = draw_poses(joints, there, size)[0]
    assert picture.shape == (PICTURE_SIDE_PX, PICTURE_SIDE_PX, 3)
    grid = picture.reshape(4, 8, 4, 8, 3).transpose(0, 2, 1, 3, 4)
    patches: np.ndarray = grid.reshape(16, 8, 8, 3)
    return patches


def test_nobody_is_black() -> None:
    nobody = np.zeros((1, len(MOMENTS), 13, 3), np.float32)
    picture = draw_poses(nobody, np.zeros((1, 8), bool), np.ones(1, np.float32))
    assert not picture.any()


def test_near_and_far_people_look_alike_in_body_sizes() -> None:
    near, far = standing(), standing()
    far[:, :2] = 0.2 + (near[:, :2] - 0.5) * 0.25
    rows = slice(0, 7)  # the others show the place in the picture
    one, other = (drawn(still(pose))[:13, rows].astype(int) for pose in (near, far))
    assert np.abs(one - other).max() <= 1


def test_a_patch_shows_where_its_joint_was_relative_to_the_hips() -> None:
    patches = drawn(still(standing()))
    size = body_sizes(standing()[None])[0]
    hip = standing()[list(HIPS), :2].mean(axis=0)
    across, down = (standing()[LEFT_WRIST, :2] - hip) / size
    red, green, blue = patches[LEFT_WRIST, 0, 0]
    assert red == round(255 * (0.5 + 0.22 * across))
    assert green == round(255 * (0.5 + 0.22 * down))
    assert blue == 255


def test_motion_shows_in_the_columns_and_stillness_does_not() -> None:
    assert np.ptp(drawn(still(standing()))[:13], axis=2).max() == 0
    falling = still(standing())
    falling[0, :, :, 1] -= np.array(MOMENTS)[:, None] * 0.02  # it was higher before
    columns = drawn(falling)[LEFT_WRIST, 5, :, 1].astype(int)
    assert np.all(np.diff(columns) <= 0)
    assert columns[0] - columns[-1] > 20


def test_a_moment_at_which_nobody_was_found_is_grey_and_unseen() -> None:
    gap = still(standing())
    gap[0, 3] = 0
    patches = drawn(gap, [moment != 3 for moment in range(8)])
    assert patches[LEFT_WRIST, 0, 3].tolist() == [128, 128, 0]


def test_somebody_lost_just_now_is_drawn_about_the_latest_place() -> None:
    lost = still(standing())
    lost[0, 0] = 0
    patches = drawn(lost, [moment > 0 for moment in range(8)])
    reference = drawn(still(standing()))
    assert patches[0, 0, 1].tolist() == reference[0, 0, 1].tolist()


def landmarks(pose: Float32[np.ndarray, "13 3"]) -> Float32[np.ndarray, "33 3"]:
    places = np.zeros((33, 3), np.float32)
    places[list(JOINTS)] = pose
    return places


def test_a_history_draws_what_was_added() -> None:
    history = PoseHistory()
    for step in range(20):
        history.add(step, landmarks(standing()))
    expected = draw_poses(
        still(standing()), np.ones((1, 8), bool), body_sizes(standing()[None])
    )
    assert np.array_equal(history.picture(19), expected[0])
    assert not history.picture(19 + SIZE_STEPS + 1).any()


def test_a_bent_body_keeps_the_size_that_it_had() -> None:
    history = PoseHistory()
    for step in range(12):
        history.add(step, landmarks(standing()))
    small = standing()
    small[:, 1] = 0.9 - (0.9 - small[:, 1]) * 0.3
    for step in range(12, 16):
        history.add(step, landmarks(small))
    red_size = history.picture(15).reshape(4, 8, 4, 8, 3)[3, 0, 3, 0, 0]
    full = body_sizes(standing()[None])[0]
    assert red_size == pytest.approx(255 * full, abs=2)
