"""Figures of a report: a value, its 95 % interval, and the underlying counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.lab.studies.intervals import (
    Interval,
    poisson_interval,
    quantile_interval,
    wilson_interval,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    ``value`` is None if nothing was measured. ``counts`` are what it was computed from.
    """

    value: float | None
    interval: Interval | None
    counts: Mapping[str, int | float]


def proportion(hits: tuple[str, int], trials: tuple[str, int]) -> Figure:
    """Return a proportion of independent trials, from named counts."""
    value = hits[1] / trials[1] if trials[1] else None
    return Figure(value, wilson_interval(hits[1], trials[1]), dict((hits, trials)))


def rate(events: tuple[str, int], exposure: tuple[str, float]) -> Figure:
    """Return a rate of independent events in an exposure, from named counts."""
    value = events[1] / exposure[1] if exposure[1] else None
    interval = poisson_interval(events[1], exposure[1])
    return Figure(value, interval, dict((events, exposure)))


def quantile(name: str, values: Sequence[float], level: float, seed: int) -> Figure:
    """Return a quantile of ``values``, whose number is counted under ``name``."""
    value = float(np.quantile(values, level)) if values else None
    return Figure(value, quantile_interval(values, level, seed), {name: len(values)})


def figures_json(figures: Mapping[str, Figure]) -> dict[str, dict[str, object]]:
    """Return figures in JSON types, by name."""
    return {
        name: {
            "value": figure.value,
            "interval": figure.interval,
            "counts": dict(figure.counts),
        }
        for name, figure in figures.items()
    }
