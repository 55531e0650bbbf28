import numpy as np
import pytest

from models.person.region import Region
from models.person.steady_region import SteadyRegion

STEP_NS = 125_000_000
AT_REST = Region(320.0, 240.0, 300.0, 0.2)


def sides(regions: list[Region]) -> list[float]:
    return [region.side_px for region in regions]


def smoothed(regions: list[Region]) -> list[Region]:
    steady = SteadyRegion(regions[0], 0)
    rest = enumerate(regions[1:], start=1)
    return [regions[0], *(steady.update(each, i * STEP_NS) for i, each in rest)]


def test_the_region_of_a_resting_body_trembles_less() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 2, (80, 3))
    guesses = [
        Region(320 + x, 240 + y, 300 + side, 0.2) for x, y, side in noise.tolist()
    ]
    steady = smoothed(guesses)[8:]
    before = np.abs(np.diff([each.x_px for each in guesses[8:]])).mean()
    after = np.abs(np.diff([each.x_px for each in steady])).mean()
    assert after < 0.4 * before
    assert np.mean([each.x_px for each in steady]) == pytest.approx(320, abs=1)


def test_the_region_of_a_falling_body_follows_at_once() -> None:
    """The body moves down by half a region in half a second, and turns."""
    fall = [
        Region(320.0, 200.0 + 37.5 * i, 300.0, 0.0 + 0.3 * i)  # i: step of 1/8 s
        for i in range(5)
    ]
    last = smoothed([AT_REST, *[fall[0]] * 16, *fall])[-1]
    assert last.y_px == pytest.approx(fall[-1].y_px, abs=0.1 * 300)
    assert last.turn_rad == pytest.approx(fall[-1].turn_rad, abs=0.2)


def test_a_region_that_does_not_change_stays() -> None:
    for region in smoothed([AT_REST] * 5):
        assert region.x_px == pytest.approx(AT_REST.x_px)
        assert region.y_px == pytest.approx(AT_REST.y_px)
        assert region.side_px == pytest.approx(AT_REST.side_px)
        assert region.turn_rad == pytest.approx(AT_REST.turn_rad)


def test_a_turn_past_half_a_circle_is_no_jump() -> None:
    turns = [3.0, 3.1, -3.08, -2.98]  # the last two are 3.2 and 3.3
    regions = [Region(320.0, 240.0, 300.0, turn) for turn in turns]
    assert min(sides(smoothed(regions))) > 290


def test_smoothing_starts_again_when_time_goes_back() -> None:
    steady = SteadyRegion(AT_REST, 9 * STEP_NS)
    elsewhere = Region(100.0, 90.0, 80.0, 0.0)
    assert steady.update(elsewhere, 0) == elsewhere
    assert steady.update(elsewhere, STEP_NS).x_px == pytest.approx(100)
