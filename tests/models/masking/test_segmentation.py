from typing import Any

import numpy as np
import pytest

from models.masking.segmentation import Candidates, Prompt, best_masks, check_inside

HEIGHT, WIDTH = 40, 50


SMALL = np.zeros((4, 6, 3), np.uint8)


def test_mask_of_the_highest_score_is_kept_the_earlier_of_two() -> None:
    masks = np.zeros((3, 4, 6), np.bool_)
    masks[1, 0], masks[2, 1] = True, True
    scores = {1.0: [0.2, 0.9, 0.9], 2.0: [0.1, 0.2, 0.3]}

    def decode(prompt: Prompt) -> Candidates:
        return masks, np.array(scores[prompt.points[0][0]], np.float32)

    prompts = [Prompt(((x, 1.0),), (1,)) for x in scores]
    found = best_masks(SMALL, prompts, decode)
    np.testing.assert_array_equal(found.masks, masks[1:])
    np.testing.assert_array_equal(found.scores, np.array([0.9, 0.3], np.float32))


def test_no_prompts_give_no_masks() -> None:
    found = best_masks(SMALL, [], lambda _: (np.zeros((1, 4, 6), bool), np.ones(1)))
    assert found.masks.shape == (0, 4, 6)


# --- prompts


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({}, r"^a prompt needs a box, or a point on the object$"),
        ({"points": ((1.0, 1.0),), "labels": (0,)}, r"^a prompt needs a box, or"),
        ({"points": ((1.0, 1.0),)}, r"^1 points with 0 labels$"),
        ({"points": ((1.0, 1.0),), "labels": (2,)}, r"^labels of points \(2,\), "),
        ({"box": (3.0, 1.0, 2.0, 4.0)}, r"^box \(3\.0, .*expected left, top, right"),
        ({"box": (1.0, 5.0, 2.0, 4.0)}, r"^box \(1\.0, .*expected left, top, right"),
    ],
)
def test_prompt_that_means_nothing_is_refused(
    parts: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Prompt(**parts)


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        (Prompt(((50.0, 1.0),), (1,)), r"\(50, 1\)"),
        (Prompt(((1.0, 39.5),), (1,)), r"\(1, 39\.5\)"),
        (Prompt(((-0.5, 1.0),), (1,)), r"\(-0\.5, 1\)"),
        (Prompt(((float("nan"), 1.0),), (1,)), r"\(nan, 1\)"),
        (Prompt(box=(1.0, 2.0, 3.0, 40.0)), r"\(3, 40\)"),
        (Prompt(box=(1.0, -2.0, 3.0, 4.0)), r"\(1, -2\)"),
    ],
)
def test_prompt_that_reaches_out_of_the_picture_is_refused(
    prompt: Prompt, place: str
) -> None:
    whole = Prompt(box=(0.0, 0.0, 49.0, 39.0))
    with pytest.raises(ValueError, match=rf"^{place} is not in a picture of 40x50"):
        check_inside(np.zeros((HEIGHT, WIDTH, 3), np.uint8), [whole, prompt])
