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


def searches(places: Float32[np.ndarray, "step 13 2"]) -> list[int]:
    """Return the steps at which the finder searched."""
    seen = reuse_poses(numbered(len(places)), places)
    return sorted({int(x) for x in seen.joints[:, 0, 0]})


def still(steps: int) -> Float32[np.ndarray, "step 13 2"]:
    return np.full((steps, 13, 2), 0.5, np.float32)


def test_a_still_body_is_searched_again_after_two_seconds() -> None:
    assert searches(still(40)) == [0, LONGEST + 1, 2 * LONGEST + 2]


def test_a_joint_that_moves_is_a_new_search() -> None:
    places = still(10)
    places[4:, 6, 0] += 1.5 * LEAST_MOVE
    assert searches(places) == [0, 4]


def test_slow_moves_add_up() -> None:
    places = still(12)
    places[:, 3, 1] += 0.3 * LEAST_MOVE * np.arange(12)
    assert searches(places) == [0, 4, 8]


def test_coming_and_leaving_are_new_searches() -> None:
    places = still(12)
    places[5:9] = np.nan
    assert searches(places) == [0, 5, 9]


def test_a_lost_body_stays_lost_while_nothing_moves() -> None:
    seen = numbered(8)
    seen.found[0] = False
    assert not reuse_poses(seen, still(8)).found.any()
