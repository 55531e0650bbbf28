from typing import Any

import numpy as np
import pytest

from models.segmentation import KnownSegmenter, Prompt, Segmenter

HEIGHT, WIDTH = 40, 50


# --- what is known


THINGS = np.array(
    [
        # 0  1  2  3  4  5
        [0, 0, 0, 0, 0, 0],
        [0, 7, 7, 0, 3, 3],
        [0, 7, 7, 0, 3, 3],
        [0, 7, 7, 0, 0, 9],
    ]
)
SMALL = np.zeros((4, 6, 3), np.uint8)


def known(
    prompt: Prompt, backdrop: int | None = None
) -> tuple[set[int], float, np.ndarray]:
    """Return what the mask shows, its score, and the mask."""
    found = KnownSegmenter(THINGS, backdrop).segment(SMALL, [prompt])
    return set(THINGS[found.masks[0]].tolist()), found.scores[0], found.masks[0]


def test_point_means_all_of_the_thing_under_it() -> None:
    shown, score, mask = known(Prompt(((1.0, 3.0),), (1,)))
    assert shown == {7}
    assert mask.sum() == 6
    assert score == 1


def test_points_on_two_things_mean_both_and_points_beside_take_away() -> None:
    points = ((1.0, 1.0), (5.0, 1.0), (5.0, 3.0))
    assert known(Prompt(points, (1, 1, 1)))[0] == {3, 7, 9}
    assert known(Prompt(points, (1, 1, 0)))[0] == {3, 7}
    assert known(Prompt(points, (0, 1, 1)))[0] == {3, 9}


def test_point_belongs_to_the_nearest_pixel() -> None:
    assert known(Prompt(((3.4, 1.0),), (1,)))[0] == {0}
    assert known(Prompt(((3.6, 1.4),), (1,)))[0] == {3}


def test_box_means_what_fills_most_of_it_edges_included() -> None:
    assert known(Prompt(box=(1.0, 1.0, 3.0, 3.0)))[0] == {7}
    assert known(Prompt(box=(4.0, 1.0, 5.0, 3.0)))[0] == {3}
    assert known(Prompt(box=(5.0, 3.0, 5.0, 3.0)))[0] == {9}
    assert known(Prompt(box=(0.0, 0.0, 2.0, 1.0)))[0] == {0}


def test_box_means_the_lower_number_of_two_as_large() -> None:
    assert known(Prompt(box=(4.0, 2.0, 5.0, 3.0)))[0] == {3}
    assert known(Prompt(box=(3.0, 1.0, 4.0, 2.0)))[0] == {0}


def test_box_means_the_backdrop_only_where_there_is_nothing_else() -> None:
    whole = Prompt(box=(0.0, 0.0, 5.0, 3.0))
    assert known(whole)[0] == {0}
    assert known(whole, backdrop=0)[0] == {7}
    assert known(Prompt(box=(0.0, 0.0, 3.0, 0.0)), backdrop=0)[0] == {0}


def test_box_and_points_work_together() -> None:
    box = (1.0, 1.0, 2.0, 3.0)
    assert known(Prompt(((4.0, 1.0),), (1,), box))[0] == {3, 7}
    shown, score, mask = known(Prompt(((1.0, 1.0),), (0,), box))
    assert shown == set()
    assert not mask.any()
    assert score == 0


def test_picture_of_another_size_than_the_map_is_refused() -> None:
    segmenter: Segmenter = KnownSegmenter(THINGS)
    with pytest.raises(ValueError, match=r"^a picture of height and width \(6, 4\), "):
        segmenter.segment(np.zeros((6, 4, 3), np.uint8), [])


# --- prompts


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({}, r"^a prompt needs a box, or a point on the thing$"),
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
    segmenter = KnownSegmenter(np.zeros((HEIGHT, WIDTH), np.int64))
    whole = Prompt(box=(0.0, 0.0, 49.0, 39.0))
    with pytest.raises(ValueError, match=rf"^{place} is not in a picture of 40x50"):
        segmenter.segment(np.zeros((HEIGHT, WIDTH, 3), np.uint8), [whole, prompt])
