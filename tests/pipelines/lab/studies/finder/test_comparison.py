"""Figures from counts that are known."""

import numpy as np
import pytest
from jaxtyping import Shaped
from numpy.typing import ArrayLike

from pipelines.lab.studies.finder.comparison import ALL, WORST_VIEWS, Compared, compare
from pipelines.lab.studies.finder.counts import BIN, BINS, GROUPS, QUANTITIES, Counts


def counted(lives: int, group: str = "upright", **values: ArrayLike) -> Counts:
    """Return counts of lives; each value is one number, or one for each life."""
    sums = np.zeros((lives, len(GROUPS), len(QUANTITIES)))
    for name, value in values.items():
        sums[:, GROUPS.index(group), QUANTITIES.index(name)] = np.asarray(value)
    return Counts(sums, np.zeros((lives, len(GROUPS), BINS)))


def times(*counts: Counts) -> Counts:
    return Counts(
        np.stack([each.sums for each in counts]),
        np.stack([each.errors for each in counts]),
    )


def compared(pictures: Counts, *drawn: Counts) -> dict[str, Compared]:
    return compare(pictures, times(*drawn), 1)[ALL]


def test_shares_are_of_all_lives_and_of_all_times_that_errors_were_drawn() -> None:
    pictures = counted(4, there=100, lost=[0, 0, 10, 10])
    first, second = counted(4, there=100, lost=10), counted(4, there=100, lost=30)
    lost = compared(pictures, first, second)["lost"]
    assert lost.pictures.value == 0.05
    assert lost.pictures.counts == {"lives": 4, "there": 400}
    assert lost.pictures.interval == pytest.approx((0.0, 0.1), abs=0.02)
    assert lost.drawn.value == 0.2
    assert lost.drawn.counts == {"lives": 4, "there": 800}
    assert lost.difference.value == pytest.approx(0.15)


def test_the_difference_is_of_the_same_lives() -> None:
    """Lives differ by far; what was drawn is 0.1 higher in each of them."""
    lost = np.array([0, 5, 10, 20, 40, 60])
    pictures = counted(6, there=100, lost=lost)
    higher = counted(6, there=100, lost=lost + 10 + np.array([0, 1, -1, 1, -1, 0]))
    difference = compared(pictures, higher)["lost"].difference
    assert difference.value == pytest.approx(0.1)
    assert difference.interval == pytest.approx((0.1, 0.1), abs=0.01)


def test_no_hit_in_any_life_is_no_proof_of_nought() -> None:
    """Wilson 1927 for 0 of 10: up to 0.278."""
    some = counted(10, found=50, gross=range(10))
    figure = compared(counted(10, found=50), some)["gross"]
    assert figure.pictures.value == 0.0
    assert figure.pictures.interval == pytest.approx((0.0, 0.278), abs=1e-3)
    assert figure.difference.interval is None


def test_what_no_life_has_is_no_figure() -> None:
    figure = compared(counted(3, there=10), counted(3, there=10))["gross"]
    assert figure.pictures.value is None
    assert figure.pictures.interval is None
    assert figure.difference.value is None


def test_one_life_has_no_interval() -> None:
    figure = compared(counted(1, found=10, gross=5), counted(1, found=10, gross=5))
    assert figure["gross"].pictures.value == 0.5
    assert figure["gross"].pictures.interval is None


def test_groups_are_apart_and_together() -> None:
    sitting = counted(2, "sitting", there=10, lost=4)
    lying = counted(2, "lying", there=30, lost=4)
    pictures = Counts(sitting.sums + lying.sums, sitting.errors)
    groups = compare(pictures, times(pictures), 1)
    assert list(groups) == [ALL, *GROUPS]
    values = {name: group["lost"].pictures.value for name, group in groups.items()}
    assert values["sitting"] == 0.4
    assert values["lying"] == pytest.approx(4 / 30)
    assert values[ALL] == 0.2
    assert values["upright"] is None


def test_lengths_and_correlations_follow_their_formulas() -> None:
    pictures = counted(
        2,
        gross_runs=2,
        gross_run_steps=12,
        product_8=[1, 2],
        square_8=[2, 4],
        earlier_square_8=[2, 4],
        tremor=[0.2, 0.4],
        triples=10,
    )
    figures = compared(pictures, pictures)
    assert figures["gross_s"].pictures.value == 6 / 8
    assert figures["alike_second"].pictures.value == 0.5
    assert figures["tremor"].pictures.value == pytest.approx(0.03)


def test_quantiles_come_from_the_joints_of_all_lives() -> None:
    pictures = counted(2, found=1)
    pictures.errors[0, 0, 10] = 60  # of 100 joints, 60 between 10 and 11 bins
    pictures.errors[1, 1, 50] = 40
    figures = compared(pictures, pictures)
    assert figures["error_p50"].pictures.value == pytest.approx((10 + 50 / 60) * BIN)
    assert figures["error_p95"].pictures.value == pytest.approx((50 + 35 / 40) * BIN)


@pytest.mark.parametrize(
    ("gross", "share"),
    [
        (np.eye(20)[3] * 50, 1.0),
        (np.full(20, 50), 0.1),
        (np.r_[np.full(10, 30), np.zeros(10)], 0.2),
        (np.r_[np.full(1, 80), np.full(19, 1)], 81 / 99),
    ],
)
def test_the_worst_tenth_of_the_views_has_a_share_of_the_gross_errors(
    gross: Shaped[np.ndarray, " life"], share: float
) -> None:
    even = counted(20, found=100, gross=10)
    worst = compared(counted(20, found=100, gross=gross), even, even)[WORST_VIEWS]
    assert worst.pictures.value == pytest.approx(share)
    assert worst.drawn.value == pytest.approx(0.1)


def test_views_drawn_without_a_gross_error_do_not_count_among_the_worst() -> None:
    one, none = counted(5, gross=[9, 0, 0, 0, 0]), counted(5, gross=0)
    worst = compared(one, one, none)[WORST_VIEWS]
    assert worst.drawn.value == pytest.approx(0.5)  # half of the worst view of five
    assert compared(none, none)[WORST_VIEWS].pictures.value is None
