"""The figures of a month."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from pipelines.lab.simulation.everyday import HOURS_A_DAY
from pipelines.lab.studies.figures import Figure, proportion, quantile, rate
from pipelines.lab.studies.intervals import Interval
from pipelines.lab.studies.month.results import Found, HourResult

_S_PER_HOUR = 3600
_RESAMPLES = 2000


@final
@dataclass(frozen=True, slots=True, eq=False)
class MethodReport:
    """What one method found in the month.

    Attributes:
        figures: ``recall``, ``precision``, ``false_falls_per_camera_day`` with its
            exact Poisson interval, ``delay_p50_s`` and ``delay_p95_s``.
        by_hours: Interval of the false falls a camera-day from resampled hours. It is
            wider than the exact one where few people cause most of them.
        causes: False falls by activity, the most frequent first.
        labels: False falls by the label of that activity.
        hours_with_false: Hours with at least one false fall.
        repeated: Events that touch a fall that was found already.
    """

    figures: Mapping[str, Figure]
    by_hours: Interval | None
    causes: Mapping[str, int]
    labels: Mapping[str, int]
    hours_with_false: int
    repeated: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class MonthReport:
    """The report on a month.

    Attributes:
        hours: Simulated hours.
        falls: Falls in them.
        spent: Share of the time with each label.
        methods: The report on each method, by its name.
    """

    hours: float
    falls: int
    spent: Mapping[str, float]
    methods: Mapping[str, MethodReport]


def report_month(results: Sequence[HourResult], seed: int) -> MonthReport:
    """Sum up the hours; ``seed`` is that of the resampled intervals."""
    spent: Counter[str] = Counter()
    for result in results:
        spent.update(result.spent_s)
    seconds = sum(result.seconds for result in results)
    names = dict.fromkeys(name for result in results for name in result.found)
    return MonthReport(
        seconds / _S_PER_HOUR,
        sum(result.falls for result in results),
        {label: time_s / seconds for label, time_s in spent.most_common()},
        {name: _method(name, results, seed) for name in names},
    )


def _method(name: str, results: Sequence[HourResult], seed: int) -> MethodReport:
    found = [result.found[name] for result in results]
    falls = sum(result.falls for result in results)
    hours = sum(result.seconds for result in results) / _S_PER_HOUR
    delays_s = [delay for each in found for delay in each.delays_s]
    false = [event for each in found for event in each.false]
    hits = len(delays_s)
    return MethodReport(
        {
            "recall": proportion(("found", hits), ("falls", falls)),
            "precision": proportion(
                ("found", hits), ("found_or_false", hits + len(false))
            ),
            "false_falls_per_camera_day": rate(
                ("false", len(false)), ("camera_days", hours / HOURS_A_DAY)
            ),
            "delay_p50_s": quantile("found", delays_s, 0.5, seed),
            "delay_p95_s": quantile("found", delays_s, 0.95, seed),
        },
        _by_hours(found, hours / HOURS_A_DAY, seed),
        dict(Counter(event.activity for event in false).most_common()),
        dict(Counter(event.label for event in false).most_common()),
        sum(bool(each.false) for each in found),
        sum(each.repeated for each in found),
    )


def _by_hours(found: Sequence[Found], days: float, seed: int) -> Interval | None:
    """Return the bootstrap interval of the rate, with whole hours resampled."""
    counts = np.array([len(each.false) for each in found])
    if len(counts) < 2 or not counts.any():
        return None
    drawn = np.random.default_rng(seed).choice(counts, (_RESAMPLES, len(counts)))
    low, high = np.quantile(drawn.sum(axis=1), [0.025, 0.975])
    return float(low) / days, float(high) / days
