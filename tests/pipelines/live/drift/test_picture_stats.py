import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pipelines.clock import NS_PER_S
from pipelines.live.drift.picture_stats import PictureMeter, small_luma
from pipelines.records import Frame, PictureStats

SIDE = 128
_TIMES = itertools.count(step=60)


def room(seed: int = 0, *, across_px: int = 0) -> np.ndarray:
    """A room as a camera sees it: patches of light, wider than the picture."""
    rng = np.random.default_rng(seed)
    wide = np.full((SIDE, 3 * SIDE, 3), 90.0)
    for _ in range(60):
        y, x = rng.integers(0, SIDE - 8), rng.integers(0, 3 * SIDE - 8)
        h, w = rng.integers(6, 40, 2)
        wide[y : y + h, x : x + w] = rng.uniform(20, 220, 3)
    seen = wide[:, SIDE + across_px : 2 * SIDE + across_px]
    return (seen + rng.normal(0, 2, seen.shape)).clip(0, 255).astype(np.uint8)


def meter_used_to(pixels: np.ndarray) -> PictureMeter:
    meter = PictureMeter(every_s=5.0)
    measure(meter, pixels)
    meter.settle()
    return meter


def measure(meter: PictureMeter, pixels: np.ndarray) -> PictureStats:
    at_ns = next(_TIMES) * NS_PER_S
    stats = meter.measure(Frame("bed-4", at_ns, 0, pixels.copy()))
    assert stats is not None
    return stats


def test_at_most_one_picture_in_five_seconds_is_measured() -> None:
    meter = PictureMeter(every_s=5.0)
    measured = [
        meter.measure(Frame("bed-4", int(at * NS_PER_S), 0, room())) is not None
        for at in (0.0, 0.4, 4.9, 5.0, 9.0, 11.0)
    ]
    assert measured == [True, False, False, True, False, True]


def test_small_luma_is_the_mean_of_squares() -> None:
    pixels = np.zeros((128, 96, 3), np.uint8)
    pixels[:2, :2] = 255
    luma = small_luma(pixels)
    assert luma.shape == (64, 48)
    assert luma[0, 0] == pytest.approx(255, abs=0.1)
    assert luma[1:].max() == 0


def test_the_view_is_learnt_before_a_shift_is_told() -> None:
    meter = PictureMeter()
    assert measure(meter, room()).shift_px is None
    meter.settle()
    assert measure(meter, room()).shift_px == pytest.approx(0, abs=1)


@pytest.mark.parametrize("moved_px", [6, 20])
def test_a_turned_camera_is_measured_in_pixels_of_the_small_picture(
    moved_px: int,
) -> None:
    meter = meter_used_to(room())
    shift = measure(meter, room(across_px=moved_px)).shift_px
    assert shift == pytest.approx(moved_px / 2, abs=1)


def test_another_view_altogether_is_half_a_picture_away() -> None:
    assert measure(meter_used_to(room(0)), room(1)).shift_px == 32


def test_bars_that_framing_adds_do_not_hold_the_view_still() -> None:
    def framed(pixels: np.ndarray) -> np.ndarray:
        pixels[:16] = pixels[-16:] = 0
        return pixels

    meter = meter_used_to(framed(room()))
    shift = measure(meter, framed(room(across_px=12))).shift_px
    assert shift == pytest.approx(6, abs=1)
    # nor does a bar count as covered, or as dark
    plain = measure(meter_used_to(room()), room())
    stats = measure(meter, framed(room()))
    assert stats.luma == pytest.approx(plain.luma, rel=0.1)


def test_darkness_blur_and_cloth_move_their_own_signal() -> None:
    meter = meter_used_to(room())
    usual = measure(meter, room())
    dark = measure(meter, (room() * 0.1).astype(np.uint8))
    assert dark.luma == pytest.approx(usual.luma / 10, rel=0.1)
    blurred = gaussian_filter(room().astype(np.float32), (3, 3, 0)).astype(np.uint8)
    assert measure(meter, blurred).sharpness < 0.8 * usual.sharpness
    cloth = room()
    cloth[:, :64] = 70
    assert measure(meter, cloth).covered_ratio > usual.covered_ratio + 0.2
    assert measure(meter, np.full_like(cloth, 70)).covered_ratio == 1.0


def test_what_hides_a_part_of_the_view_is_black_and_what_dims_it_is_not() -> None:
    meter = meter_used_to(room())
    usual = measure(meter, room())
    dim = measure(meter, (room() * 0.1).astype(np.uint8))
    assert dim.black_ratio == pytest.approx(usual.black_ratio, abs=0.02)
    hidden = room()
    hidden[:, :64] = 0
    assert measure(meter, hidden).black_ratio > usual.black_ratio + 0.4


def test_a_person_who_passes_does_not_move_the_view() -> None:
    meter = meter_used_to(room())
    passing = room()
    passing[40:110, 50:75] = (30, 60, 150)
    assert measure(meter, passing).shift_px == pytest.approx(0, abs=1)


def test_a_meter_goes_on_from_what_another_has_learnt() -> None:
    first = meter_used_to(room())
    second = PictureMeter()
    second.restore(first.view, first.box, settled=True)
    moved = room(across_px=20)
    assert measure(second, moved).shift_px == measure(first, moved).shift_px
