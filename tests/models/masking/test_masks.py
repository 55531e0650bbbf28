import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.errors import PointsError
from models.masking.masks import (
    SHAPES,
    SHARES,
    TOLERANCE,
    FeaturePoints,
    Shape,
    equal_area_control,
    everything_but,
    fill,
    measure_dispersion,
    pixel_mask,
    read_points,
    shape_mask,
    union,
)

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 60))


def drawn(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def block(height: int = 12, width: int = 20) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[2:6, 3:9] = True
    return mask


# Random masks


@example((10, 10), 29, 0)  # 0.29 * 100 is a little less than 29
@given(SIZES, st.integers(0, 100), st.integers(0, 99))
def test_single_pixels_are_as_many_as_the_share_rounded_down(
    size: tuple[int, int], percent: int, seed: int
) -> None:
    mask = pixel_mask(*size, percent / 100, drawn(seed))
    assert mask.shape == size
    assert mask.sum() == percent * size[0] * size[1] // 100


def test_single_pixels_lie_anywhere_and_follow_the_generator() -> None:
    masks = np.stack([pixel_mask(6, 8, 0.5, drawn(seed)) for seed in range(200)])
    shares = masks.mean(axis=0)  # of each place: half, and a deviation of 0.035
    assert shares.min() > 0.35
    assert shares.max() < 0.65
    np.testing.assert_array_equal(masks[3], pixel_mask(6, 8, 0.5, drawn(3)))


@settings(max_examples=40, deadline=None)
@given(
    size=SIZES,
    share=st.sampled_from([0.0, *SHARES, 0.9]),
    shapes=st.sampled_from([SHAPES, *((shape,) for shape in SHAPES)]),
    seed=st.integers(0, 99),
)
def test_shapes_cover_the_share_within_the_tolerance(
    size: tuple[int, int], share: float, shapes: tuple[Shape, ...], seed: int
) -> None:
    mask, coverage = shape_mask(*size, share, drawn(seed), shapes=shapes)
    assert mask.shape == size
    assert coverage == mask.sum() / mask.size
    assert share - 1e-9 <= coverage
    assert coverage <= share + max(TOLERANCE, 1 / mask.size) + 1e-9


def test_shapes_follow_the_generator() -> None:
    one, _ = shape_mask(40, 60, 0.3, drawn(1))
    again, _ = shape_mask(40, 60, 0.3, drawn(1))
    other, _ = shape_mask(40, 60, 0.3, drawn(2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_shapes_hang_together_and_single_pixels_do_not() -> None:
    def edges(mask: np.ndarray) -> int:
        return int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())

    shapes, _ = shape_mask(120, 160, 0.3, drawn())
    assert edges(shapes) < edges(pixel_mask(120, 160, 0.3, drawn())) / 5


@pytest.mark.parametrize(
    ("shape", "filled"), [("rectangle", 1.0), ("ellipse", math.pi / 4)]
)
def test_a_shape_fills_its_share_of_its_box(shape: Shape, filled: float) -> None:
    shares = []
    for seed in range(300):
        # one shape is enough for so small a share
        mask, _ = shape_mask(400, 400, 1e-5, drawn(seed), shapes=(shape,))
        rows, columns = mask.any(axis=1), mask.any(axis=0)
        edge = mask[[0, -1]].any() or mask[:, [0, -1]].any()
        if not edge and min(rows.sum(), columns.sum()) > 25:
            shares.append(mask.sum() / (rows.sum() * columns.sum()))
    assert len(shares) > 10
    assert min(shares) == pytest.approx(filled, abs=0.05)
    assert max(shares) == pytest.approx(filled, abs=0.05)


def test_a_triangle_has_straight_sides_and_no_hole() -> None:
    areas = []
    for seed in range(30):
        mask, _ = shape_mask(400, 400, 1e-5, drawn(seed), shapes=("triangle",))
        for line in (*mask, *mask.T):
            held = np.flatnonzero(line)
            assert len(held) == 0 or held[-1] - held[0] + 1 == len(held)
        box = mask.any(axis=1).sum() * mask.any(axis=0).sum()
        areas.append(mask.sum() / box if box > 400 else 0)
    assert 0.3 < max(areas) < 0.6  # of a box, a triangle fills half at most


def test_no_share_covers_nothing() -> None:
    assert not pixel_mask(4, 5, 0.0, drawn()).any()
    mask, coverage = shape_mask(4, 5, 0.0, drawn())
    assert not mask.any()
    assert coverage == 0


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_shares_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match=rf"^a share of {share}, expected 0 to 1\.0$"):
        pixel_mask(4, 4, share, drawn())
    with pytest.raises(ValueError, match=rf"^a share of {share}, expected 0 to 0\.9$"):
        shape_mask(4, 4, share, drawn())


def test_no_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^no shape to draw$"):
        shape_mask(4, 4, 0.1, drawn(), shapes=())


# Masks of features


def test_union_and_isolation() -> None:
    one, two = np.zeros((2, 3), bool), np.zeros((2, 3), bool)
    one[0, 0] = two[1, 2] = two[0, 0] = True
    joined = [[True, False, False], [False, False, True]]
    assert union([one, two]).tolist() == joined
    assert everything_but(two).tolist() == [[not it for it in row] for row in joined]
    assert one.sum() == 1  # what is given stays as it is


def test_masks_that_cannot_be_joined_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^no mask to join$"):
        union([])
    with pytest.raises(ValueError, match=r"^masks of 12x20 and of 20x12 pixels$"):
        union([block(20, 12), block()])


@pytest.mark.slow
@given(st.integers(0, 999))
def test_a_moved_control_is_the_same_outline_elsewhere(seed: int) -> None:
    found = equal_area_control(block(), drawn(seed))
    assert found.sum() == block().sum()
    shifts = [
        np.roll(block(), (rows, columns), axis=(0, 1))
        for rows in range(12)
        for columns in range(20)
    ]
    assert [np.array_equal(found, it) for it in shifts].index(True) > 0


def test_a_moved_control_reaches_every_place() -> None:
    spot = np.zeros((2, 3), bool)
    spot[0, 1] = True
    generator = drawn()
    places = {int(equal_area_control(spot, generator).argmax()) for _ in range(100)}
    assert places == {0, 2, 3, 4, 5}


def test_a_mask_of_one_pixel_is_its_own_control() -> None:
    assert equal_area_control(np.ones((1, 1), bool), drawn()).tolist() == [[True]]


def test_the_cover_is_black_or_the_mean_colour() -> None:
    frame = drawn().integers(0, 256, (12, 20, 3), np.uint8)
    frame.setflags(write=False)
    black, mean = fill(frame, block()), fill(frame, block(), "mean")
    assert not black[block()].any()
    colour = [round(frame[..., channel].mean()) for channel in range(3)]
    assert (mean[block()] == colour).all()
    for covered in (black, mean):
        np.testing.assert_array_equal(covered[~block()], frame[~block()])


def test_a_mask_of_another_size_is_refused() -> None:
    expected = r"^a mask of 12x20 pixels for a picture of 10x20$"
    frame = np.zeros((10, 20, 3), np.uint8)
    with pytest.raises(ValueError, match=expected):
        _unchecked(fill)(frame, block())


def _unchecked(function: Any) -> Any:
    """Without the run-time checker of the tests, which sees it before our check."""
    return function.__wrapped__


# Dispersion


@pytest.mark.parametrize(
    ("counts", "labels", "entropy", "top"),
    [
        ([0, 300, 0], 1, 0.0, 1.0),
        ([150, 150], 2, math.log(2), 0.5),
        ([0, 10, 20, 70], 3, 0.8018185525433373, 0.7),
    ],
)
def test_dispersion_of_counts(
    counts: list[int], labels: int, entropy: float, top: float
) -> None:
    found = measure_dispersion(np.array(counts))
    assert found.labels == labels
    assert found.entropy_nats == pytest.approx(entropy)
    assert str(found.entropy_nats) != "-0.0"
    assert found.top_share == pytest.approx(top)


@pytest.mark.parametrize("counts", [[], [0, 0], [3, -1]])
def test_counts_of_nothing_are_refused(counts: list[int]) -> None:
    expected = r"^expected counts of zero or more, with at least one above zero$"
    with pytest.raises(ValueError, match=expected):
        measure_dispersion(np.array(counts, np.int64))


# Points

ENTRY = {
    "frame": "cricket_0001.png",
    "feature_name": "pitch",
    "points": [[210, 388.5], [12, 40]],
    "labels": [1, 0],
}
RECORD = FeaturePoints(
    frame="cricket_0001.png",
    feature_name="pitch",
    points=((210.0, 388.5), (12.0, 40.0)),
    labels=(1, 0),
)


def write(path: Path, content: object) -> Path:
    path = path / "points.json"
    path.write_text(json.dumps(content))
    return path


def test_points_are_read_from_an_object_or_a_list(tmp_path: Path) -> None:
    assert read_points(write(tmp_path, ENTRY)) == (RECORD,)
    assert read_points(write(tmp_path, [ENTRY, ENTRY])) == (RECORD, RECORD)


def changed(**changes: object) -> dict[str, object]:
    return ENTRY | changes


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], r"holds no entry"),
        ("pitch", r"entry 1: expected an object of frame, feature_name, points, lab"),
        ([ENTRY, {}], r"entry 2: expected an object of frame, feature_name, points, "),
        (changed(extra=1), r"entry 1: expected an object of frame, feature_name, poi"),
        (changed(frame=3), r"entry 1: frame: expected a text$"),
        (changed(feature_name=" "), r"entry 1: feature_name: expected a text$"),
        (changed(points="all"), r"entry 1: points: expected a list$"),
        (changed(labels=1), r"entry 1: labels: expected a list as long as points, 2$"),
        (changed(labels=[1]), r"entry 1: labels: expected a list as long as points, 2"),
        (changed(labels=[1, 2]), r"entry 1: labels\[1\]: expected 1 or 0$"),
        (changed(labels=[True, 0]), r"entry 1: labels\[0\]: expected 1 or 0$"),
        (changed(labels=[1.0, 0]), r"entry 1: labels\[0\]: expected 1 or 0$"),
        (changed(labels=[0, 0]), r"entry 1: labels: expected at least one 1$"),
        (changed(points=[], labels=[]), r"entry 1: labels: expected at least one 1$"),
    ],
)
def test_malformed_entries_are_refused_in_one_line(
    tmp_path: Path, content: object, problem: str
) -> None:
    with pytest.raises(PointsError, match=rf"^\S+points\.json: {problem}") as caught:
        read_points(write(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "point",
    [
        5,
        [1],
        [1, 2, 3],
        [1, "2"],
        [True, 2],
        [1, -1],
        [math.nan, 2],
        [1, math.inf],
        [10**400, 2],
        None,
    ],
)
def test_what_is_no_point_is_refused(tmp_path: Path, point: object) -> None:
    path = write(tmp_path, changed(points=[[1, 2], point]))
    expected = r"entry 1: points\[1\]: expected two numbers of 0 to 1000000$"
    with pytest.raises(PointsError, match=expected):
        read_points(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "points.json"
    path.write_bytes(content)
    with pytest.raises(PointsError, match=r"points\.json: is not JSON: \S") as caught:
        read_points(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    expected = r"nowhere\.json: cannot be read: No such file or directory$"
    with pytest.raises(PointsError, match=expected):
        read_points(tmp_path / "nowhere.json")
