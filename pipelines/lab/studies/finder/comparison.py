"""Figures of the finder's errors in pictures and as drawn, with intervals.

Whole lives are resampled, because pictures of one life are alike. The same lives are
drawn for both, so that the interval of the difference is that of pairs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float64

from models.person.pose_picture import STEP_S
from pipelines.lab.studies.figures import Figure
from pipelines.lab.studies.finder.counts import BIN, GROUPS, QUANTITIES, Counts
from pipelines.lab.studies.intervals import resampled_units, spread, wilson_interval

ALL = "all"
"""Name of all groups together."""

_WORST = 0.1

Sums = Float64[np.ndarray, "draw quantity"]
Bins = Float64[np.ndarray, "draw bin"]
Values = Float64[np.ndarray, " draw"]


@final
@dataclass(frozen=True, slots=True)
class Statistic:
    """A number computed from counts.

    Attributes:
        title: What it is, with its unit.
        base: The quantity without which it has no value.
        compute: Computes it.
        is_share: Whether it is a share of pictures.
    """

    title: str
    base: str
    compute: Callable[[Sums, Bins], Values]
    is_share: bool = False


def _of(sums: Sums, name: str) -> Values:
    values: Values = sums[:, QUANTITIES.index(name)]
    return values


def _ratio(part: str, whole: str, scale: float = 1.0) -> Callable[[Sums, Bins], Values]:
    return lambda sums, _: scale * _of(sums, part) / _of(sums, whole)


def _share(title: str, part: str, whole: str) -> Statistic:
    return Statistic(title, whole, _ratio(part, whole), is_share=True)


def _length(title: str, name: str) -> Statistic:
    ratio = _ratio(f"{name}_run_steps", f"{name}_runs", STEP_S)
    return Statistic(title, f"{name}_runs", ratio)


def _correlation(title: str, lag: int) -> Statistic:
    def compute(sums: Sums, _: Bins) -> Values:
        squares = _of(sums, f"square_{lag}") * _of(sums, f"earlier_square_{lag}")
        values: Values = _of(sums, f"product_{lag}") / np.sqrt(squares)
        return values

    return Statistic(title, f"square_{lag}", compute)


def _quantile(title: str, level: float) -> Statistic:
    def compute(_: Sums, bins: Bins) -> Values:
        below = np.cumsum(bins, axis=1)
        wanted = level * below[:, -1:]
        place = np.argmax(below >= wanted, axis=1)[:, None]
        inside = np.take_along_axis(bins, place, axis=1)
        over = np.take_along_axis(below, place, axis=1) - wanted
        values: Values = ((place + 1 - over / inside) * BIN)[:, 0]
        return values

    return Statistic(title, "found", compute)


STATISTICS: Mapping[str, Statistic] = {
    "lost": _share("nobody found", "lost", "there"),
    "lost_in_view": _share(
        "nobody found, half of the body or more in the picture",
        "lost_in_view",
        "in_view",
    ),
    "loss_s": _length("length of a loss (s)", "lost"),
    "exchanged": _share("left and right exchanged", "exchanged", "found"),
    "exchange_s": _length("length of an exchange (s)", "exchanged"),
    "gross": _share("gross error", "gross", "found"),
    "gross_s": _length("length of a gross error (s)", "gross"),
    "error_p50": _quantile("usual error of a joint, median (body sizes)", 0.5),
    "error_p95": _quantile("usual error of a joint, p95 (body sizes)", 0.95),
    "alike_step": _correlation("correlation of errors after 1/8 s", 1),
    "alike_second": _correlation("correlation of errors after 1 s", 8),
    "tremor": Statistic(
        "tremor, the mean second difference (body sizes)",
        "triples",
        _ratio("tremor", "triples"),
    ),
}
"""The statistics of every group, by name; shares are of pictures."""

WORST_VIEWS = "gross_in_worst"
"""Name of the statistic of all groups alone that tells how uneven views are."""

TITLES: Mapping[str, str] = {
    **{name: statistic.title for name, statistic in STATISTICS.items()},
    WORST_VIEWS: "share of gross errors in the worst tenth of the views",
}
"""What each statistic is, by name."""


@final
@dataclass(frozen=True, slots=True)
class Compared:
    """One statistic.

    Attributes:
        pictures: In rendered pictures.
        drawn: As drawn.
        difference: The second without the first.
    """

    pictures: Figure
    drawn: Figure
    difference: Figure


def compare(
    pictures: Counts, drawn: Counts, seed: int
) -> dict[str, dict[str, Compared]]:
    """Compute the statistics of both.

    Args:
        pictures: Counts of each life: ``life group quantity``.
        drawn: Counts of each time that the errors of a life were drawn:
            ``time life group quantity``.
        seed: Seed of the resampled intervals.

    Returns:
        Statistics by group, ``ALL`` the first, and by name.
    """
    lives = len(pictures.sums)
    weights = np.concatenate((np.ones((1, lives)), resampled_units(lives, seed)))
    both = Counts(pictures.sums[None], pictures.errors[None]), drawn
    compared = {}
    for group in (ALL, *GROUPS):
        first, second = (_resample(counts, group, weights) for counts in both)
        compared[group] = {
            name: _compared(first.figure(statistic), second.figure(statistic))
            for name, statistic in STATISTICS.items()
        }
    worst = (_worst_views(counts.sums, weights) for counts in both)
    compared[ALL][WORST_VIEWS] = _compared(*worst)
    return compared


_Figure = tuple[Figure, Values]
"""A figure, and its value in the lives as they are and in each resample."""


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Counts of a group, or of all, in the lives as they are and in each resample."""

    own: Float64[np.ndarray, "life quantity"]
    sums: Sums
    bins: Bins

    def figure(self, statistic: Statistic) -> _Figure:
        base = self.own[:, QUANTITIES.index(statistic.base)]
        lives = int((base > 0).sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            values = statistic.compute(self.sums, self.bins)
        values[~np.isfinite(values)] = np.nan
        figure = _with_interval(values, lives, {statistic.base: round(base.sum())})
        if statistic.is_share and figure.value in (0.0, 1.0) and lives > 1:
            # Every resample is the same; then each life counts as one trial.
            interval = wilson_interval(lives if figure.value else 0, lives)
            figure = replace(figure, interval=interval)
        return figure, values


def _resample(
    counts: Counts, group: str, weights: Float64[np.ndarray, "draw life"]
) -> _Group:
    place = slice(None) if group == ALL else slice(i := GROUPS.index(group), i + 1)
    sums = counts.sums[:, :, place].sum(axis=(0, 2))
    bins = counts.errors[:, :, place].sum(axis=(0, 2))
    return _Group(sums, weights @ sums, weights @ bins)


def _with_interval(
    values: Values, lives: int, counts: Mapping[str, int | float]
) -> Figure:
    value = float(values[0]) if np.isfinite(values[0]) else None
    interval = spread(_known(values)) if lives > 1 and _varies(values) else None
    return Figure(value, interval, {"lives": lives, **counts})


def _known(values: Values) -> Float64[np.ndarray, " known"]:
    """Return the values of resamples in which the statistic has one."""
    known: Float64[np.ndarray, " known"] = values[1:][np.isfinite(values[1:])]
    return known


def _varies(values: Values) -> bool:
    """Return whether resamples differ; else they do not show how lives differ."""
    known = _known(values)
    return bool(len(known) and known.min() < known.max())


def _compared(pictures: _Figure, drawn: _Figure) -> Compared:
    lives = int(min(pictures[0].counts["lives"], drawn[0].counts["lives"]))
    difference = _with_interval(drawn[1] - pictures[1], lives, {})
    if not (_varies(pictures[1]) and _varies(drawn[1])):
        difference = replace(difference, interval=None)
    return Compared(pictures[0], drawn[0], difference)


def _worst_views(
    sums: Float64[np.ndarray, "time life group quantity"],
    weights: Float64[np.ndarray, "draw life"],
) -> _Figure:
    """Return the share of gross errors in the tenth of the views with most of them.

    It is the mean over the times that errors were drawn, because the share depends on
    the number of views.
    """
    gross = sums[..., QUANTITIES.index("gross")].sum(axis=-1)
    lives = int((gross.sum(axis=0) > 0).sum())
    values = np.stack([_in_worst(each, weights) for each in gross])
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)
    figure = _with_interval(mean, lives, {"gross": round(gross.sum())})
    return figure, mean


def _in_worst(
    gross: Float64[np.ndarray, " life"], weights: Float64[np.ndarray, "draw life"]
) -> Values:
    order = np.argsort(-gross)
    gross, weights = gross[order], weights[:, order]
    before = np.cumsum(weights, axis=1) - weights
    worst = np.clip(_WORST * weights.sum(axis=1, keepdims=True) - before, 0, weights)
    with np.errstate(invalid="ignore"):
        share: Values = (worst @ gross) / (weights @ gross)
    return share
