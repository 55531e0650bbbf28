"""Plot the drift study: false alerts, delays, and implied accuracy."""

from pathlib import Path

from matplotlib.axes import Axes

from pipelines.lab.studies.drift.report import DriftReport
from pipelines.lab.studies.drift.runs import WITHIN_S
from pipelines.lab.studies.models.plots import new_figure

_OURS, _THEIRS, _GOOD = "tab:blue", "tab:gray", "tab:green"


def plot_drift(report: DriftReport, path: Path) -> None:
    """Draw the report's three parts side by side."""
    footages = list(report.found)
    rows = max((len(found) for found in report.found.values()), default=1)
    panels = 1 + len(footages) + bool(report.accuracy)
    figure = new_figure(6.5 * panels, 2.0 + 0.3 * max(rows, 8))
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _draw_rates(axes[0], report)
    for place, footage in enumerate(footages, start=1):
        _draw_found(axes[place], report, footage)
    if report.accuracy:
        _draw_accuracy(axes[-1], report)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def _draw_rates(axes: Axes, report: DriftReport) -> None:
    rates = {**report.false_alerts, **report.river}
    for row, (name, counted) in enumerate(rates.items()):
        low, high = counted.interval or (0.0, 0.0)
        colour = _THEIRS if name in report.river else _OURS
        axes.plot([max(low, 1e-3), high], [row, row], color=colour, linewidth=2)
        axes.plot([max(counted.per_month, 1e-3)], [row], "o", color=colour)
    names = [f"river {name}" if name in report.river else name for name in rates]
    axes.set_yticks(range(len(rates)), names)
    axes.invert_yaxis()
    stated = report.stated_per_month
    axes.axvspan(stated / 2, stated * 2, color=_GOOD, alpha=0.15, linewidth=0)
    axes.axvline(stated, color=_GOOD, linestyle="--", label="stated rate, factor two")
    axes.set_xscale("log")
    axes.set_xlabel("false alerts a subject-month, with 95 % interval")
    axes.set_title("Streams on which nothing changes")
    axes.legend(loc="upper right")


def _draw_found(axes: Axes, report: DriftReport, footage: str) -> None:
    found = report.found[footage]
    for row, result in enumerate(found.values()):
        axes.barh(row, result.ever / result.runs, color="0.85")
        axes.barh(row, result.detected_share, color=_OURS)
        delay = (
            "-" if result.delay_p50_s is None else f"{result.delay_p50_s / 60:.0f} min"
        )
        right = result.cause_right_share
        cause = "" if right is None else f", cause {right:.0%}"
        axes.text(1.02, row, delay + cause, va="center", fontsize=8)
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.45)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.set_xlabel(f"share of runs: within {WITHIN_S / 60:.0f} min, grey: in 6 h")
    axes.set_title(f"Changes found on {footage}")


def _draw_accuracy(axes: Axes, report: DriftReport) -> None:
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, accuracy in report.accuracy.items():
        if accuracy.implied is None:
            continue
        mean, low, high = accuracy.implied
        axes.plot(
            [accuracy.true, accuracy.true],
            [low, high],
            color=_OURS,
            linewidth=1,
            alpha=0.5,
        )
        axes.plot([accuracy.true], [mean], "o", color=_OURS, markersize=4)
        axes.annotate(
            name,
            (accuracy.true, mean),
            fontsize=6,
            xytext=(3, 2),
            textcoords="offset points",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("true accuracy")
    axes.set_ylabel("accuracy that confidence implies")
    axes.set_title("Accuracy without labels")
