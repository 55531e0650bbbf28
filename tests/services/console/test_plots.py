"""A day of numbers as lines."""

from pipelines.clock import NS_PER_S
from services.console.plots import plot_of

MINUTE_NS = 60 * NS_PER_S
START_NS = 1_700_000_000 * NS_PER_S


def at(minute: float) -> int:
    return START_NS + round(minute * MINUTE_NS)


def test_nothing_is_no_plot() -> None:
    assert plot_of([], START_NS) is None


def test_a_line_breaks_where_nothing_was_measured() -> None:
    # minutes 5, 10, 15          60, 65
    samples = [(at(minute), 0.5) for minute in (5, 10, 15, 60, 65)]
    plot = plot_of(samples, START_NS)
    assert plot is not None
    assert plot.lines == ("5.0,50.0 10.0,50.0 15.0,50.0", "60.0,50.0 65.0,50.0")


def test_one_point_is_a_line_that_is_seen() -> None:
    plot = plot_of([(at(5), 1.0)], START_NS)
    assert plot is not None
    assert plot.lines == ("5.0,0.0 9.0,0.0",)


def test_it_says_when_the_extremes_were() -> None:
    plot = plot_of([(at(5), 0.9), (at(10), 0.3), (at(15), 0.6)], START_NS)
    assert plot is not None
    assert (round(plot.mean, 3), plot.least, plot.least_ns) == (0.6, 0.3, at(10))
    assert (plot.most, plot.most_ns) == (0.9, at(5))
