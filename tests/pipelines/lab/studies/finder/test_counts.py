"""What is counted in one view, on errors that are known."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.lab.poses.finder_errors import SWAPPED, SeenBody
from pipelines.lab.studies.finder.counts import (
    BIN,
    GROUPS,
    QUANTITIES,
    count_errors,
    run_lengths,
)
from tests.pipelines.lab.studies.finder.hand_made import (
    POSE,
    SIZE,
    STEPS,
    life,
    seen,
    total,
)


def test_a_faultless_finder_has_no_error() -> None:
    true = life()
    counts = count_errors(true, seen(true.places))
    expected = {"there": STEPS, "in_view": STEPS, "found": STEPS, "triples": STEPS - 2}
    assert {name: total(counts, name) for name in QUANTITIES} == {
        **dict.fromkeys(QUANTITIES, 0),
        **expected,
    }
    assert counts.errors[:, 0].sum() == counts.errors.sum() == 13 * STEPS


def test_losses_count_only_while_somebody_is_there() -> None:
    # step      0    5    10   15   20 .. 40
    # there     #####################....#####   30 of 40
    # found     ###..###########..###########
    true = life()
    true.places[21:31] = np.nan
    true.inside[3:5, :7] = False  # less than half of the body is in the picture
    body = seen(life().places)
    body.found[3:5] = body.found[16:18] = body.found[21:29] = False
    counts = count_errors(true, body)
    assert total(counts, "there") == 30
    assert total(counts, "lost") == 4
    assert (total(counts, "lost_runs"), total(counts, "lost_run_steps")) == (2, 4)
    assert (total(counts, "in_view"), total(counts, "lost_in_view")) == (28, 2)
    assert total(counts, "found") == 26


def test_left_and_right_exchanged_is_no_error_of_the_joints() -> None:
    true = life()
    places = true.places.copy()
    places[4:7] = places[4:7][:, SWAPPED]
    counts = count_errors(true, seen(places))
    assert total(counts, "exchanged") == total(counts, "exchanged_run_steps") == 3
    assert total(counts, "exchanged_runs") == 1
    assert total(counts, "gross") == 0
    assert counts.errors[:, 0].sum() == 13 * STEPS


def test_a_body_far_from_its_place_is_a_gross_error_and_no_usual_one() -> None:
    true = life()
    places = true.places.copy()
    places[10:14, :, 1] += 0.31 * SIZE
    places[20:24, :, 1] += 0.29 * SIZE
    places[30:34, :6, 1] += 2.0  # six joints of 13 are not most of them
    counts = count_errors(true, seen(places.astype(np.float32)))
    assert (total(counts, "gross"), total(counts, "gross_runs")) == (4, 1)
    assert total(counts, "exchanged") == 0
    assert counts.errors.sum() == 13 * (STEPS - 4)
    assert counts.errors[:, -1].sum() == 6 * 4


def test_errors_are_in_body_sizes() -> None:
    true = life()
    across = (true.places + np.array([0.1 * SIZE + 1e-4, 0.0])).astype(np.float32)
    counts = count_errors(true, seen(across))
    assert counts.errors[:, round(0.1 / BIN)].sum() == 13 * STEPS


def test_errors_of_a_foreshortened_body_are_relative_to_its_usual_size() -> None:
    true = life()
    centre = POSE.mean(axis=0)
    true.places[:4] = centre + 0.1 * (POSE - centre)
    across = (true.places + np.array([0.1 * SIZE, 0.0])).astype(np.float32)
    counts = count_errors(true, seen(across))
    small = counts.errors[:, round(0.1 / 0.6 / BIN) - 1 : round(0.1 / 0.6 / BIN) + 1]
    assert small.sum() == 13 * 4


def test_products_are_of_what_changes() -> None:
    """An error that changes its sign at each step, beside one that never changes."""
    true = life()
    sign = (-1.0) ** np.arange(STEPS)
    places = true.places + SIZE * (0.1 + 0.05 * sign[:, None, None] * [1.0, 0.0])
    body = seen(places.astype(np.float32))
    body.found[20:22] = False
    counts = count_errors(true, body)
    for lag, product, missing in ((1, -1, 3), (8, 1, 4)):
        pairs = 13 * (STEPS - lag - missing) * 0.05**2
        square = total(counts, f"square_{lag}")
        assert square == pytest.approx(pairs, rel=1e-3)
        assert total(counts, f"earlier_square_{lag}") == pytest.approx(square, rel=1e-3)
        found = total(counts, f"product_{lag}")
        assert found == pytest.approx(product * square, rel=1e-3)


def test_tremor_is_the_second_difference_of_three_pictures_in_a_row() -> None:
    true = life()
    places = true.places.copy()
    places[::2, :, 1] += 0.01 * SIZE  # second differences of 0.02
    body = seen(places)
    body.found[20] = False  # in three triples
    counts = count_errors(true, body)
    assert total(counts, "triples") == STEPS - 2 - 3
    mean = total(counts, "tremor") / total(counts, "triples")
    assert mean == pytest.approx(0.02, rel=1e-3)


def test_pictures_belong_to_the_group_of_their_activity() -> None:
    labels = ("walking", "sitting", "getting dressed", "falling", "fallen")
    true = replace(life(steps=5), labels=labels)
    body = seen(true.places)
    body.found[3:] = False
    counts = count_errors(true, body)
    assert [total(counts, "there", group) for group in GROUPS] == [1, 1, 1, 1, 1]
    assert [total(counts, "lost", group) for group in GROUPS] == [0, 0, 0, 1, 1]
    assert total(counts, "lost_run_steps", "falling") == 2


def test_an_empty_room_counts_nothing() -> None:
    true = life()
    true.places[:] = np.nan
    nobody = SeenBody(np.zeros((STEPS, 13, 3), np.float32), np.zeros(STEPS, bool))
    counts = count_errors(true, nobody)
    assert not counts.sums.any()
    assert not counts.errors.any()


def test_a_run_is_counted_where_it_begins() -> None:
    text = "##...###.#"
    lengths = run_lengths(np.array([mark == "#" for mark in text]))
    assert lengths.tolist() == [2, 0, 0, 0, 0, 3, 0, 0, 0, 1]
