import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.person.region import Region, boxes_overlap, share_inside

HEIGHT, WIDTH = 120, 160


def test_up_is_up_for_a_standing_body() -> None:
    region = Region.of_body(np.array([80.0, 60.0]), np.array([80.0, 20.0]))
    assert region.turn_rad == pytest.approx(0)
    assert region.side_px == pytest.approx(2 * 40 * 1.25)


def test_a_lying_body_is_turned_upright() -> None:
    """The head is to the right: the region's up points there."""
    region = Region.of_body(np.array([80.0, 60.0]), np.array([120.0, 60.0]))
    head = region.to_picture(np.array([[0.5, 0.1]]))[0]
    assert head == pytest.approx([80 + 0.4 * 100, 60])


@pytest.mark.slow
@given(
    st.floats(-3.1, 3.1),
    st.floats(40, 120),
    st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
)
def test_a_spot_is_cut_where_its_place_says(
    turn: float, side: float, place: tuple[float, float]
) -> None:
    region = Region(80.0, 60.0, side, turn)
    column, row = region.to_picture(np.array([place]))[0]
    if not (6 < column < WIDTH - 6 and 6 < row < HEIGHT - 6):
        return
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    spot = np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / (side / 40) ** 2)
    picture = (255 * spot[..., None].repeat(3, axis=2)).astype(np.uint8)
    cut = region.cut(picture, 256, repeat=True)[..., 0].astype(float)
    down, across = np.indices(cut.shape)
    centre = np.array([(across * cut).sum(), (down * cut).sum()]) / cut.sum()
    assert centre / 256 == pytest.approx(place, abs=0.02)


def test_outside_the_picture_it_is_black_or_the_edge_goes_on() -> None:
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    region = Region(0.0, 0.0, 100.0, 0.0)  # a quarter of it is in the picture
    assert region.cut(white, 64, repeat=False)[0, 0, 0] == 0
    assert region.cut(white, 64, repeat=True).min() == 255


def test_a_region_far_outside_needs_no_huge_picture() -> None:
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    cut = Region(1e6, 1e6, 1e6, 0.3).cut(white, 64, repeat=True)
    assert cut.shape == (64, 64, 3)


@given(
    st.floats(-3.1, 3.1), st.floats(1, 900), st.floats(-500, 900), st.floats(-500, 900)
)
def test_a_region_is_made_again_from_its_body(
    turn: float, side: float, x: float, y: float
) -> None:
    again = Region.of_body(*Region(x, y, side, turn).body())
    assert (again.x_px, again.y_px) == pytest.approx((x, y))
    assert (again.side_px, again.turn_rad) == pytest.approx((side, turn))


@given(
    st.floats(-3.1, 3.1), st.floats(-3.1, 3.1), st.floats(10, 300), st.floats(-90, 90)
)
def test_a_region_within_another_holds_the_same_places(
    turn: float, other_turn: float, side: float, away: float
) -> None:
    region, other = Region(80 + away, 60, side, turn), Region(70, 50, 90, other_turn)
    places = np.array([[0.0, 0.0], [1.0, 0.3], [0.4, 0.9]])
    in_cut = region.within(other, 256).to_picture(places)
    assert other.to_picture(in_cut / 256) == pytest.approx(region.to_picture(places))


def test_a_mask_of_one_colour_is_cut_as_a_picture_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    region = Region(60.0, 50.0, 90.0, 0.4)
    mask = region.cut(picture[..., 1:2].copy(), 64, repeat=False)
    assert mask.shape == (64, 64, 1)
    assert (mask[..., 0] == region.cut(picture, 64, repeat=False)[..., 1]).all()


@pytest.mark.parametrize(
    "region",
    [
        Region(80.0, 60.0, 60.0, 0.4),  # inside
        Region(10.0, 110.0, 90.0, 0.4),  # over two edges
        Region(80.0, 60.0, 260.0, -0.4),  # over all edges
    ],
)
def test_a_cut_shows_what_the_picture_with_longer_edges_shows(region: Region) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    longer = np.pad(picture, ((400, 400), (400, 400), (0, 0)), mode="edge")
    moved = Region(
        region.x_px + 400, region.y_px + 400, region.side_px, region.turn_rad
    )
    expected = moved.cut(longer, 96, repeat=False).astype(int)
    cut = region.cut(picture, 96, repeat=True).astype(int)
    assert np.abs(cut - expected).max() <= 1  # rounding


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        ((0, 0, 2, 2), 1.0),
        ((1, 0, 3, 2), 1 / 3),
        ((2, 0, 4, 2), 0.0),
        ((5, 5, 6, 6), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(
    other: tuple[float, ...], overlap: float
) -> None:
    one = np.array((0, 0, 2, 2), np.float32)
    assert boxes_overlap(one, np.array(other, np.float32)) == pytest.approx(overlap)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ((0, 0, 2, 2), 1.0),
        ((0.5, 0.5, 1, 1), 1.0),  # a small box inside
        ((-2, -2, 4, 4), 1.0),  # a large box around
        ((1, 0, 3, 2), 0.5),
        ((2, 0, 4, 2), 0.0),
        ((1, 1, 1, 1), 0.0),  # a box without area
    ],
)
def test_the_share_inside_is_of_the_smaller_box(
    other: tuple[float, ...], share: float
) -> None:
    one = np.array((0, 0, 2, 2), np.float32)
    assert share_inside(one, np.array(other, np.float32)) == pytest.approx(share)
    assert share_inside(np.array(other, np.float32), one) == pytest.approx(share)


@pytest.mark.parametrize(
    ("shown_px", "count"),
    [
        ((0, 0, 640, 360), 3),
        ((0, 80, 640, 560), 6),  # 4 to 3, between bars
        ((0, 0, 640, 640), 9),
        ((140, 0, 500, 640), 3),
    ],
)
def test_tiles_cover_what_is_shown_and_overlap(
    shown_px: tuple[float, float, float, float], count: int
) -> None:
    """Somebody a third of the picture high is whole in one of them at least."""
    tiles = Region.tiles(*shown_px)
    assert len(tiles) == count
    left, top, right, bottom = shown_px
    third = max(right - left, bottom - top) / 3
    for x, y in np.random.default_rng(1).random((500, 2)):
        first = np.array([left + x * max(right - left - third, 0), 0])
        first[1] = top + y * max(bottom - top - third, 0)
        last = np.minimum(first + third, (right, bottom))
        assert any(
            (first >= np.array([tile.x_px, tile.y_px]) - tile.side_px / 2).all()
            and (last <= np.array([tile.x_px, tile.y_px]) + tile.side_px / 2).all()
            for tile in tiles
        )
