import pytest

from pipelines.lab.studies.figures import proportion, quantile, rate


def test_a_proportion_carries_its_counts_by_name() -> None:
    figure = proportion(("found", 3), ("falls", 4))

    assert figure.value == pytest.approx(0.75)
    assert figure.counts == {"found": 3, "falls": 4}
    assert figure.interval == pytest.approx((0.3006, 0.9544), abs=1e-4)


def test_a_rate_is_events_by_exposure() -> None:
    figure = rate(("false", 1), ("hours", 2.0))

    assert figure.value == pytest.approx(0.5)
    assert figure.interval == pytest.approx((0.0253 / 2, 5.572 / 2), abs=1e-3)


def test_a_quantile_counts_its_values() -> None:
    figure = quantile("found", [1.0, 2.0, 3.0], 0.5, seed=1)

    assert figure.value == pytest.approx(2.0)
    assert figure.counts == {"found": 3}


def test_nothing_counted_is_unknown_and_not_nought() -> None:
    for figure in (
        proportion(("found", 0), ("falls", 0)),
        rate(("false", 0), ("hours", 0.0)),
        quantile("found", [], 0.5, seed=1),
    ):
        assert (figure.value, figure.interval) == (None, None)
