"""The comparison as rows, JSON and a plot."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from matplotlib.axes import Axes

from pipelines.lab.studies.figures import Figure, figures_json
from pipelines.lab.studies.finder.comparison import ALL, TITLES, Compared
from pipelines.lab.studies.models.plots import new_figure

HEADER = ("statistic", "people", "in pictures", "as drawn", "drawn minus pictures")
PICTURES, DRAWN = "in pictures", "as drawn"
_COLUMNS = 3


@final
@dataclass(frozen=True, slots=True, eq=False)
class FinderReport:
    """The comparison of some lives.

    Attributes:
        lives: Number of lives.
        seconds: Length of all of them.
        draws: How often the errors of each life were drawn.
        groups: Statistics by group of activities, all groups first, and by name.
    """

    lives: int
    seconds: float
    draws: int
    groups: Mapping[str, Mapping[str, Compared]]


def rows(report: FinderReport) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table, one for a statistic and a group; see ``HEADER``."""
    for name, title in TITLES.items():
        for group, statistics in report.groups.items():
            if name in statistics:
                compared = statistics[name]
                yield (
                    title if group == ALL else "",
                    group,
                    _cell(compared.pictures),
                    _cell(compared.drawn),
                    _cell(compared.difference),
                )


def _cell(figure: Figure) -> str:
    if figure.value is None:
        return "-"
    if figure.interval is None:
        return f"{figure.value:.3f}"
    low, high = figure.interval
    return f"{figure.value:.3f} ({low:.3f} to {high:.3f})"


def report_json(report: FinderReport) -> dict[str, object]:
    """Return the report in JSON types."""
    return {
        "lives": report.lives,
        "seconds": report.seconds,
        "draws": report.draws,
        "groups": {
            group: {
                name: figures_json(
                    {
                        "pictures": compared.pictures,
                        "drawn": compared.drawn,
                        "difference": compared.difference,
                    }
                )
                for name, compared in statistics.items()
            }
            for group, statistics in report.groups.items()
        },
    }


def write_report(report: FinderReport, folder: Path) -> list[Path]:
    """Write JSON and a plot into an existing folder; return the files."""
    paths = folder / "finder.json", folder / "finder.png"
    paths[0].write_text(json.dumps(report_json(report), indent=1) + "\n")
    plot_report(report, paths[1])
    return list(paths)


def plot_report(report: FinderReport, path: Path) -> None:
    """Draw a panel for each statistic, with a pair of bars for each group."""
    lines = -(-len(TITLES) // _COLUMNS)
    figure = new_figure(4.6 * _COLUMNS, 2.9 * lines)
    figure.set_layout_engine("constrained")
    for place, (name, title) in enumerate(TITLES.items()):
        axes = figure.add_subplot(lines, _COLUMNS, place + 1)
        groups = {
            group: statistics[name]
            for group, statistics in report.groups.items()
            if name in statistics
        }
        for series, shift in ((PICTURES, -0.2), (DRAWN, 0.2)):
            figures = [
                each.pictures if series == PICTURES else each.drawn
                for each in groups.values()
            ]
            _bars(axes, series, shift, figures)
        axes.set_xticks(range(len(groups)), groups, rotation=25, ha="right")
        axes.set_xlim(-0.6, len(report.groups) - 0.4)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
        if place == 0:
            axes.legend(fontsize=8)
    minutes = report.seconds / 60
    figure.suptitle(
        f"Errors of the person finder: {minutes:.0f} minutes of {report.lives} lives"
        f" in pictures, and drawn {report.draws} times; lines are 95 % intervals"
    )
    figure.savefig(path, dpi=120)


def _bars(axes: Axes, series: str, shift: float, figures: list[Figure]) -> None:
    values = [np.nan if each.value is None else each.value for each in figures]
    places = np.arange(len(figures)) + shift
    axes.bar(places, values, 0.4, label=series)
    for place, figure in zip(places, figures, strict=True):
        if figure.interval is not None:
            axes.plot((place, place), figure.interval, color="0.2", linewidth=1.2)
