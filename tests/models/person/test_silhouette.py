"""A body cut out of a picture, from masks drawn by hand."""

import numpy as np
import pytest
from jaxtyping import UInt8

from models.person.region import Region
from models.person.silhouette import Silhouette

HEIGHT, WIDTH, SIDE = 240, 320, 64
BODY = (100, 90, 200, 130)
"""Left, top, right and bottom of a lying body, in pixels."""
TURNS = (0.0, 0.7, np.pi / 2, -2.5)
Picture = UInt8[np.ndarray, "height width 3"]


def noise() -> Picture:
    """A room without a black pixel."""
    return np.random.default_rng(0).integers(60, 200, (HEIGHT, WIDTH, 3), np.uint8)


def room(body: tuple[int, int, int, int] = BODY) -> Picture:
    """Noise, and a red body on it."""
    picture = noise()
    left, top, right, bottom = body
    picture[top:bottom, max(0, left) : right] = (250, 0, 0)
    return picture


def silhouette(
    picture: Picture,
    turn: float = 0.0,
    body: tuple[int, int, int, int] = BODY,
    centre: tuple[float, float] = (150.0, 110.0),
) -> Silhouette:
    """The mask of a body, as the network answers in a turned region."""
    region = Region(*centre, 180.0, turn)
    places = np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1) / 256
    x, y = region.to_picture(places).transpose(2, 0, 1)
    left, top, right, bottom = body
    inside = (left <= x) & (x < right) & (top <= y) & (y < bottom)
    return Silhouette(picture, region, np.where(inside, 12, -12).astype(np.float32))


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array((left, top, right, bottom), np.float32) / HEIGHT


def is_red(shown: Picture) -> np.ndarray:
    return (shown[..., 0] > 120) & (shown[..., 1] < 30)


@pytest.mark.parametrize("turn", TURNS)
def test_the_body_alone_is_shown_upright_as_in_the_room(turn: float) -> None:
    """100 by 40 pixels in a square of 115, however the region is turned."""
    shown = silhouette(room(), turn).isolate(box(*BODY), SIDE)
    rows, columns = np.nonzero(is_red(shown))
    assert np.ptp(columns) == pytest.approx(SIDE * 100 / 115, abs=2)
    assert np.ptp(rows) == pytest.approx(SIDE * 40 / 115, abs=2)
    assert (columns.mean(), rows.mean()) == pytest.approx((31.5, 31.5), abs=1)


@pytest.mark.parametrize("turn", TURNS)
def test_all_but_the_body_is_black(turn: float) -> None:
    shown = silhouette(room(), turn).isolate(box(*BODY), SIDE)
    colours = shown.reshape(-1, 3)
    black = (colours == 0).all(axis=1)
    red = is_red(shown).ravel()
    assert black.mean() == pytest.approx(1 - 100 * 40 / 115**2, abs=0.03)
    assert (black | red).mean() > 0.95  # the rest are mixed pixels of its edge


def test_what_the_landmarks_leave_out_is_shown_where_the_mask_has_it() -> None:
    """The landmarks' box holds the upper half of the body only."""
    half = box(100, 90, 150, 130)
    shown = silhouette(room()).isolate(half, SIDE)
    assert np.ptp(np.nonzero(is_red(shown))[1]) == pytest.approx(SIDE / 1.15, abs=2)


def test_single_pixels_far_away_do_not_widen_the_square() -> None:
    whole = silhouette(room())
    logits = whole.mask_logits.copy()
    logits[2, 2:10] = 12
    spotted = Silhouette(whole.picture, whole.region, logits)
    same = whole.isolate(box(*BODY), SIDE), spotted.isolate(box(*BODY), SIDE)
    assert np.abs(np.subtract(*same, dtype=int)).max() == 0


def test_a_body_at_the_edge_of_the_picture_is_cut_off_there() -> None:
    body = (-50, 90, 50, 130)
    shown = silhouette(room(body), 0.0, body, (0.0, 110.0)).isolate(box(*body), SIDE)
    columns = np.nonzero(is_red(shown))[1]
    assert columns.min() == pytest.approx(SIDE / 2, abs=1)
    assert not shown[:, : SIDE // 2 - 1].any()


def test_without_a_mask_nothing_is_shown() -> None:
    whole = silhouette(room())
    empty = Silhouette(whole.picture, whole.region, np.full((256, 256), -12.0, "f4"))
    assert not empty.isolate(box(*BODY), SIDE).any()


def test_a_large_body_is_averaged_and_not_sampled() -> None:
    """Stripes of one pixel become grey."""
    picture = noise()
    picture[:, ::2], picture[:, 1::2] = 0, 200
    shown = silhouette(picture).isolate(box(*BODY), 16)
    middle = shown[7:9, 4:12].astype(int)
    assert np.abs(middle - 100).max() <= 30


@pytest.mark.parametrize("side", [16, 64, 224])
def test_the_picture_has_the_side_of_the_checkpoint(side: int) -> None:
    assert silhouette(room()).isolate(box(*BODY), side).shape == (side, side, 3)
