"""When a pose is the one of the last search."""

import numpy as np
from jaxtyping import Float32

from pipelines.lab.poses.finder_errors import SeenBody
from pipelines.lab.poses.still_pictures import LEAST_MOVE, reuse_poses

LONGEST = 16  # steps of 1/8 s in the chain's 2 s


def numbered(steps: int) -> SeenBody:
    """Return a body whose x is the number of the step."""
    joints = np.zeros((steps, 13, 3), np.float32)
    joints[..., 0] = np.arange(steps)[:, None]
    return SeenBody(joints, np.ones(steps, bool))


def seen_as(
    places: Float32[np.ndarray, "step 13 2"], seen: SeenBody | None = None
) -> SeenBody:
    sizes = np.full(len(places), 0.5, np.float32)
    rng = np.random.default_rng(3)
    return reuse_poses(rng, seen or numbered(len(places)), places, sizes)


def changes(places: Float32[np.ndarray, "step 13 2"]) -> list[int]:
    """Return the steps whose answer differs from the one before."""
    x = seen_as(places).joints[:, 0, 0]
    return [0, *(np.flatnonzero(np.diff(x)) + 1).tolist()]


def answers(places: Float32[np.ndarray, "step 13 2"]) -> list[int]:
    """Return the steps whose answer is held later on, without its tremor."""
    return sorted({round(float(x)) for x in seen_as(places).joints[:, 0, 0]})


def still(steps: int) -> Float32[np.ndarray, "step 13 2"]:
    return np.full((steps, 13, 2), 0.5, np.float32)


def test_a_still_body_is_searched_again_after_two_seconds() -> None:
    assert changes(still(40)) == [0, LONGEST + 1, 2 * LONGEST + 2]


def test_a_search_of_the_same_picture_trembles_about_the_same_answer() -> None:
    assert answers(still(200)) == [0]
    x = seen_as(still(2000)).joints[:, 0, 0] / 0.5
    assert 0.002 < x.std() < 0.015
    assert abs(x.mean()) < 0.005


def test_a_joint_that_moves_is_a_new_answer() -> None:
    places = still(10)
    places[4:, 6, 0] += 1.5 * LEAST_MOVE
    assert answers(places) == [0, 4]


def test_slow_moves_add_up() -> None:
    places = still(12)
    places[:, 3, 1] += 0.3 * LEAST_MOVE * np.arange(12)
    assert answers(places) == [0, 4, 8]


def test_coming_and_leaving_are_new_answers() -> None:
    places = still(12)
    places[5:9] = np.nan
    assert answers(places) == [0, 5, 9]


def test_a_lost_body_stays_lost_while_nothing_moves() -> None:
    seen = numbered(40)
    seen.found[0] = False
    assert not seen_as(still(40), seen).found.any()
