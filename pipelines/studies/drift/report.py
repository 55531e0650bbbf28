"""What the drift study found, as numbers, a table, a JSON and plots."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pipelines.data.folders import make_folder
from pipelines.studies.drift.false_alerts import FalseAlerts
from pipelines.studies.drift.injections import Injection, all_injections
from pipelines.studies.drift.plot import plot_drift
from pipelines.studies.drift.runs import WITHIN_S, Outcome
from pipelines.studies.intervals import wilson_interval

SIMULATED = "simulated ward"
"""The footage whose figures come first."""
WANTED_DETECTED, WANTED_CAUSE = 0.95, 0.80
"""What is wanted of the changes that must be found: in time, and called right."""
_MUST = frozenset(it.name for it in all_injections() if it.must)


@dataclass(frozen=True, slots=True)
class Found:
    """All runs of one injection.

    Attributes:
        runs: How many.
        in_time: In how many an alert came within a quarter of an hour.
        ever: In how many within six hours.
        delay_p50_s: Median delay of those; None without any.
        cause_right: In how many of those the alert named the right cause.
        causes: How often each was named.
    """

    runs: int
    in_time: int
    ever: int
    delay_p50_s: float | None
    cause_right: int
    causes: Mapping[str, int]

    @property
    def detected_share(self) -> float:
        """Found in time."""
        return self.in_time / self.runs

    @property
    def cause_right_share(self) -> float | None:
        """Of the alerts, those that named the right cause."""
        return self.cause_right / self.ever if self.ever else None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What confidence implied, and what the labels say, over the same clips.

    ``implied`` is an estimate with the bounds of its 95 % interval, or None where there
    is too little to tell.
    """

    implied: tuple[float, float, float] | None
    true: float


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The whole study.

    Attributes:
        stated_per_month: The rate of false alerts that was asked for.
        false_alerts: By stable stream.
        river: By detector, at an autocorrelation of 0.9.
        found: By footage, then by injection.
        accuracy: By injection, where the footage is labelled.
        calibrated: Whether the confidence that implies it was fitted.
    """

    stated_per_month: float
    false_alerts: Mapping[str, FalseAlerts]
    river: Mapping[str, FalseAlerts]
    found: Mapping[str, Mapping[str, Found]]
    accuracy: Mapping[str, Accuracy]
    calibrated: bool


def sum_up(injection: Injection, outcomes: Sequence[Outcome]) -> Found:
    """Count outcomes."""
    delays = [it.delay_s for it in outcomes if it.delay_s is not None]
    causes: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.cause is not None:
            causes[outcome.cause] = causes.get(outcome.cause, 0) + 1
    return Found(
        runs=len(outcomes),
        in_time=sum(delay <= WITHIN_S for delay in delays),
        ever=len(delays),
        delay_p50_s=float(np.median(delays)) if delays else None,
        cause_right=causes.get(injection.cause, 0),
        causes=causes,
    )


def report_json(report: DriftReport) -> dict[str, object]:
    """Return the report for programs; injections of the first footage come flat."""
    first = next(iter(report.found.values()), {})
    return {
        "stated_per_subject_month": report.stated_per_month,
        "false_alerts_per_subject_month": {
            name: it.per_month for name, it in report.false_alerts.items()
        },
        "river_false_alerts_per_subject_month": {
            name: it.per_month for name, it in report.river.items()
        },
        "detected_share": {name: it.detected_share for name, it in first.items()},
        "delay_p50_s": {name: it.delay_p50_s for name, it in first.items()},
        "cause_right_share": {name: it.cause_right_share for name, it in first.items()},
        "calibrated": report.calibrated,
        "wanted": {
            name: {
                "detected_in_time": it.detected_share >= WANTED_DETECTED,
                "cause_right": (it.cause_right_share or 0.0) >= WANTED_CAUSE,
            }
            for name, it in first.items()
            if name in _MUST
        },
        "accuracy": {name: asdict(it) for name, it in report.accuracy.items()},
        "counts": {
            "false_alerts": {
                name: {**asdict(it), "interval": it.interval}
                for name, it in {**report.false_alerts, **report.river}.items()
            },
            "found": {
                footage: {name: asdict(it) for name, it in found.items()}
                for footage, found in report.found.items()
            },
        },
    }


def false_alert_rows(report: DriftReport) -> Sequence[tuple[str, ...]]:
    """Return stream or detector, alerts a subject-month, interval, counts."""
    rows = []
    for name, it in {**report.false_alerts, **report.river}.items():
        low, high = it.interval or (float("nan"), float("nan"))
        label = f"river {name}, rho 0.9" if name in report.river else name
        rows.append(
            (
                label,
                f"{it.per_month:.3g}",
                f"{low:.3g} to {high:.3g}",
                f"{it.alerts} in {it.months:.3g} months",
            )
        )
    return rows


def found_rows(found: Mapping[str, Found]) -> Sequence[tuple[str, ...]]:
    """Return injection, found in time, interval, delay, cause right, causes.

    A star marks those that must be found in ``WANTED_DETECTED`` of the runs.
    """
    rows = []
    for name, it in found.items():
        low, high = wilson_interval(it.in_time, it.runs) or (0.0, 1.0)
        right = it.cause_right_share
        named = sorted(it.causes.items(), key=lambda pair: -pair[1])
        rows.append(
            (
                f"{name} *" if name in _MUST else name,
                f"{it.detected_share:.2f}",
                f"{low:.2f} to {high:.2f}",
                "-" if it.delay_p50_s is None else f"{it.delay_p50_s / 60:.1f} min",
                "-" if right is None else f"{right:.2f}",
                ", ".join(f"{cause} {count}" for cause, count in named),
            )
        )
    return rows


def accuracy_rows(report: DriftReport) -> Sequence[tuple[str, ...]]:
    """Return injection, implied accuracy, its interval, and the true one."""
    rows = []
    for name, it in report.accuracy.items():
        told = ("-", "-")
        if it.implied is not None:
            mean, low, high = it.implied
            told = (f"{mean:.3f}", f"{low:.3f} to {high:.3f}")
        rows.append((name, *told, f"{it.true:.3f}"))
    return rows


def write_report(report: DriftReport, folder: Path) -> list[Path]:
    """Write JSON, tables and plots into ``folder``; return the files.

    Raises:
        FolderError: If the folder cannot be made or written to.
    """
    make_folder(folder)
    paths = [folder / name for name in ("drift.json", "drift.md", "drift.png")]
    paths[0].write_text(json.dumps(report_json(report), indent=1) + "\n")
    paths[1].write_text(_markdown(report))
    plot_drift(report, paths[2])
    return paths


def _markdown(report: DriftReport) -> str:
    parts = [
        _table(
            ("stable stream", "false alerts a subject-month", "95 %", "counts"),
            false_alert_rows(report),
        )
    ]
    header = ("injection", "found in 15 min", "95 %", "median delay")
    for footage, found in report.found.items():
        rows = found_rows(found)
        head = (f"{header[0]}, {footage}", *header[1:], "cause right", "causes named")
        parts.append(_table(head, rows))
    parts.append(_table(("accuracy", "implied", "95 %", "true"), accuracy_rows(report)))
    return "\n".join(parts)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
