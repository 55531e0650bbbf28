"""A day of numbers from 0 to 1 as lines of a picture.

Pure; places are as those of the timeline: minutes of the day to the right, and percent
down from the top. A line is broken where nothing was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Final, final

from pipelines.clock import NS_PER_S

_MINUTE_NS: Final = 60 * NS_PER_S
_GAP: Final = 2.5
"""Longest step within a line, in usual steps."""
_LEAST_MINUTES: Final = 4.0
"""Length of a line of one point, so that it is seen."""

Sample = tuple[int, float]
"""A time in UTC, and a number from 0 to 1."""


@final
@dataclass(frozen=True, slots=True)
class Plot:
    """The lines of a day.

    Attributes:
        lines: Points of each line as SVG has them, ``x,y x,y``.
        mean: Mean of all samples.
        least: The smallest sample.
        least_ns: When that was, UTC.
        most: The largest sample.
        most_ns: When that was, UTC.
    """

    lines: tuple[str, ...]
    mean: float
    least: float
    least_ns: int
    most: float
    most_ns: int


def plot_of(samples: Sequence[Sample], start_ns: int) -> Plot | None:
    """Return the plot of samples in the order of time; None without any.

    Args:
        samples: The samples.
        start_ns: Start of the day, UTC.
    """
    if not samples:
        return None
    steps = [after[0] - before[0] for before, after in pairwise(samples)]
    longest_ns = _GAP * median(steps) if steps else 0.0
    runs: list[list[Sample]] = [[samples[0]]]
    for sample, step_ns in zip(samples[1:], steps, strict=True):
        if step_ns > longest_ns:
            runs.append([])
        runs[-1].append(sample)
    least, most = (pick(samples, key=lambda each: each[1]) for pick in (min, max))
    return Plot(
        lines=tuple(_line(run, start_ns) for run in runs),
        mean=fmean(value for _, value in samples),
        least=least[1],
        least_ns=least[0],
        most=most[1],
        most_ns=most[0],
    )


def _line(run: Sequence[Sample], start_ns: int) -> str:
    points = [((at_ns - start_ns) / _MINUTE_NS, 100 * (1 - it)) for at_ns, it in run]
    if len(points) == 1:
        (x, y) = points[0]
        points.append((x + _LEAST_MINUTES, y))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
